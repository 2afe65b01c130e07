"""The SubjectAccessReview that webhooks are sent: one question to the authorizers, as a `spec`.

https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/
"""

from minik.api.selectors import parse_fields, parse_labels
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.server.apiserver.attributes import Attributes

_LABEL_OPERATORS = {"=": "In", "==": "In", "in": "In", "!=": "NotIn", "notin": "NotIn", "exists": "Exists"}


def access_review_spec(attributes: Attributes, version: str = "v1") -> Obj:
    """Without what is empty. v1beta1 calls groups `group`."""
    user = attributes.user
    if attributes.resource_request:
        asked = {key: value for key, value in _resource(attributes).items() if value}
        spec: Obj = {"resourceAttributes": asked}
        for field, requirements in _selectors(attributes).items():
            asked[field] = {"requirements": requirements}
    else:
        spec = {"nonResourceAttributes": {"path": attributes.path, "verb": attributes.verb}}
    spec["user"] = user.name
    if user.uid:
        spec["uid"] = user.uid
    if user.groups:
        spec["groups" if version == "v1" else "group"] = list(user.groups)
    if user.extra:
        spec["extra"] = {key: list(values) for key, values in user.extra.items()}
    return spec


def condition_variables(attributes: Attributes) -> Obj:
    """`request` of match conditions: the v1 spec, in which texts that are empty are there, too."""
    user = attributes.user
    request: Obj = {
        "user": user.name,
        "groups": list(user.groups),
        "uid": user.uid,
        "extra": {key: list(values) for key, values in user.extra.items()},
    }
    if attributes.resource_request:
        request["resourceAttributes"] = about = _resource(attributes)
        for field, requirements in _selectors(attributes).items():
            about[field] = {"requirements": requirements}
    else:
        request["nonResourceAttributes"] = {"path": attributes.path, "verb": attributes.verb}
    return {"request": request}


def _resource(attributes: Attributes) -> Obj:
    return {
        "namespace": attributes.namespace,
        "verb": attributes.verb,
        "group": attributes.api_group,
        "version": attributes.api_version,
        "resource": attributes.resource,
        "subresource": attributes.subresource,
        "name": attributes.name,
    }


def _selectors(attributes: Attributes) -> dict[str, list[Obj]]:
    """Requirements of the selectors that can be understood."""
    found: dict[str, list[Obj]] = {}
    if attributes.field_selector and (fields := _fields(attributes.field_selector)):
        found["fieldSelector"] = fields
    if attributes.label_selector and (labels := _labels(attributes.label_selector)):
        found["labelSelector"] = labels
    return found


def _fields(text: str) -> list[Obj]:
    try:
        requirements = parse_fields(text).requirements
    except StatusError:
        return []
    return [
        {"key": key, "operator": "In" if equal else "NotIn", "values": [value]} for key, equal, value in requirements
    ]


def _labels(text: str) -> list[Obj]:
    """Comparisons by size have no operator in a review and are left out."""
    try:
        requirements = parse_labels(text).requirements
    except StatusError:
        return []
    out: list[Obj] = []
    for each in requirements:
        operator = "DoesNotExist" if each.operator == "!" else _LABEL_OPERATORS.get(each.operator)
        if operator is None:
            continue
        out.append({"key": each.key, "operator": operator, **({"values": list(each.values)} if each.values else {})})
    return out
