"""Validation of FlowSchemas.

Rules: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.go_form import go_struct
from minik.api.groups.flowcontrol.mandatory_validation import validate_fixed_spec, validate_flow_conditions
from minik.api.types import Obj
from minik.api.validation import NOT_SUPPORTED, FieldError, forbidden, invalid_value, not_supported, required

_PRECEDENCE_MAX = 10_000
_METHODS = ("ByNamespace", "ByUser")
_SUBJECTS = ("Group", "ServiceAccount", "User")
_NAMESPACE = "each member of this list must be '*' or a DNS-1123 label; "
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")


def _alone(values: Sequence[str], path: str, what: str) -> list[FieldError]:
    """`*` allows no company."""
    if len(values) > 1 and "*" in values:
        return [invalid_value(path, list(values), f"if '*' is present, must not specify other {what}")]
    return []


def _validate_account(account: Obj | None, path: str) -> list[FieldError]:
    if account is None:
        return [required(path, "serviceAccount is required when subject kind is 'ServiceAccount'")]
    errors: list[FieldError] = []
    name, namespace = account.get("name", ""), account.get("namespace", "")
    if not name:
        errors.append(required(f"{path}.name"))
    elif name != "*":
        errors += [invalid_value(f"{path}.name", name, text) for text in names.dns_subdomain(name)]
    if not namespace:
        errors.append(required(f"{path}.namespace", "must specify namespace for service account"))
    else:
        errors += [invalid_value(f"{path}.namespace", namespace, text) for text in names.dns_label(namespace)]
    return errors


def _validate_subject(subject: Obj, path: str) -> list[FieldError]:
    kind = subject.get("kind", "")
    if kind not in _SUBJECTS:
        return [not_supported(f"{path}.kind", kind, _SUBJECTS)]
    own = kind[:1].lower() + kind[1:]
    at = f"{path}.{own}"
    errors: list[FieldError] = []
    if kind == "ServiceAccount":
        errors += _validate_account(subject.get(own), at)
    elif subject.get(own) is None:
        errors.append(required(at, f"{own} is required when subject kind is '{kind}'"))
    elif not subject[own].get("name"):
        errors.append(required(f"{at}.name"))
    for other, other_kind in (("serviceAccount", "ServiceAccount"), ("user", "User"), ("group", "Group")):
        if other != own and subject.get(other) is not None:
            text = f"{other} is forbidden when subject kind is not '{other_kind}'"
            errors.append(forbidden(f"{path}.{other}", text))
    return errors


def _validate_verbs(verbs: Sequence[str], path: str) -> list[FieldError]:
    if not verbs:
        return [required(path, "verbs must contain at least one value")]
    if "*" in verbs:
        return _alone(verbs, path, "verbs")
    if any(verb not in _VERBS for verb in verbs):
        listed = not_supported(path, "", _VERBS).detail
        return [FieldError(NOT_SUPPORTED, path, list(verbs), listed)]
    return []


def _validate_resource_rule(rule: Obj, path: str) -> list[FieldError]:
    errors = _validate_verbs(rule.get("verbs") or (), f"{path}.verbs")
    for key, what, text in (
        ("apiGroups", "api groups", "resource rules must supply at least one api group"),
        ("resources", "resources", "resource rules must supply at least one resource"),
    ):
        values = rule.get(key) or ()
        errors += _alone(values, f"{path}.{key}", what) if values else [required(f"{path}.{key}", text)]
    namespaces, at = rule.get("namespaces") or (), f"{path}.namespaces"
    if not namespaces and not rule.get("clusterScope"):
        text = "resource rules that are not cluster scoped must supply at least one namespace"
        errors.append(required(at, text))
    errors += _alone(namespaces, at, "namespaces")
    for index, namespace in enumerate(() if "*" in namespaces else namespaces):
        complaints = (_NAMESPACE + text for text in names.dns_label(namespace))
        errors += [invalid_value(f"{at}[{index}]", namespace, text) for text in complaints]
    return errors


def _path_complaint(path: str) -> str:
    if not path:
        return "must not be empty"
    if not path.startswith("/"):
        return "must start with slash"
    if " " in path:
        return "must not contain white-space"
    if "//" in path:
        return "must not contain double slash"
    if "*" in path and (path.count("*") > 1 or not path.endswith("/*")):
        return "wildcard can only do suffix matching"
    return ""


def _validate_url_rule(rule: Obj, path: str) -> list[FieldError]:
    errors = _validate_verbs(rule.get("verbs") or (), f"{path}.verbs")
    urls, at = rule.get("nonResourceURLs") or (), f"{path}.nonResourceURLs"
    if not urls:
        errors.append(required(at, "nonResourceURLs must contain at least one value"))
    errors += _alone(urls, at, "non-resource URLs")
    if "*" in urls:
        return errors
    complaints = ((index, url, _path_complaint(url)) for index, url in enumerate(urls))
    return errors + [invalid_value(f"{at}[{i}]", url, text) for i, url, text in complaints if text]


def _validate_rule(rule: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    subjects, resources, urls = (rule.get(key) or () for key in ("subjects", "resourceRules", "nonResourceRules"))
    if not subjects:
        errors.append(required(f"{path}.subjects", "subjects must contain at least one value"))
    for index, subject in enumerate(subjects):
        errors += _validate_subject(subject, f"{path}.subjects[{index}]")
    if not resources and not urls:
        errors.append(required(path, "at least one of resourceRules and nonResourceRules has to be non-empty"))
    for index, each in enumerate(resources):
        errors += _validate_resource_rule(each, f"{path}.resourceRules[{index}]")
    for index, each in enumerate(urls):
        errors += _validate_url_rule(each, f"{path}.nonResourceRules[{index}]")
    return errors


def validate_flow_schema(schema: Obj) -> list[FieldError]:
    errors = _validate_spec(schema) + validate_fixed_spec(schema)
    return errors + validate_flow_conditions((schema.get("status") or {}).get("conditions") or ())


def _validate_spec(schema: Obj) -> list[FieldError]:
    spec, errors = schema["spec"], []
    precedence, method = spec.get("matchingPrecedence", 0), spec.get("distinguisherMethod")
    at = "spec.matchingPrecedence"
    if precedence <= 0:
        errors.append(invalid_value(at, precedence, "must be a positive value"))
    if precedence > _PRECEDENCE_MAX:
        errors.append(invalid_value(at, precedence, f"must not be greater than {_PRECEDENCE_MAX}"))
    if precedence == 1 and schema["metadata"].get("name") != "exempt":
        text = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(invalid_value(at, precedence, text))
    if method is not None and method.get("type") not in _METHODS:
        shown = go_struct(method, "io.k8s.api.flowcontrol.v1.FlowDistinguisherMethod")
        listed = not_supported("", "", _METHODS).detail
        errors.append(FieldError(NOT_SUPPORTED, "spec.distinguisherMethod.type", shown, listed))
    level = (spec.get("priorityLevelConfiguration") or {}).get("name", "")
    at = "spec.priorityLevelConfiguration.name"
    if level:
        errors += [invalid_value(at, level, text) for text in names.dns_subdomain(level)]
    else:
        errors.append(required(at, "must reference a priority level"))
    for index, rule in enumerate(spec.get("rules") or ()):
        errors += _validate_rule(rule, f"spec.rules[{index}]")
    return errors


def validate_flow_schema_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_flow_schema(new)
