"""The FlowSchemas and PriorityLevelConfigurations that every cluster needs stay as they are; conditions of both kinds.

Upstream: pkg/apis/flowcontrol/validation, https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#defaults
"""

from collections.abc import Mapping, Sequence

from minik.api.go_form import go_struct
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, required

_EVERYTHING: Mapping[str, Sequence[Obj]] = {
    "resourceRules": [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
    ],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}


def _groups(*names: str) -> list[Obj]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


_SCHEMAS: Mapping[str, Obj] = {
    "exempt": {
        "priorityLevelConfiguration": {"name": "exempt"},
        "matchingPrecedence": 1,
        "rules": [{"subjects": _groups("system:masters"), **_EVERYTHING}],
    },
    "catch-all": {
        "priorityLevelConfiguration": {"name": "catch-all"},
        "matchingPrecedence": 10000,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [{"subjects": _groups("system:unauthenticated", "system:authenticated"), **_EVERYTHING}],
    },
}
_CATCH_ALL: Obj = {
    "type": "Limited",
    "limited": {"nominalConcurrencyShares": 5, "limitResponse": {"type": "Reject"}, "lendablePercent": 0},
}
_FIXED = "must equal the fixed value"


def validate_fixed_spec(schema: Obj) -> list[FieldError]:
    name, spec = schema["metadata"].get("name", ""), schema["spec"]
    wanted = _SCHEMAS.get(name)
    if wanted is None or spec == wanted:
        return []
    shown = go_struct(spec, "io.k8s.api.flowcontrol.v1.FlowSchemaSpec")
    return [invalid_value("spec", shown, f"spec of '{name}' {_FIXED}")]


def validate_fixed_level(level: Obj) -> list[FieldError]:
    """Of the level `exempt` the shares may change."""
    name, spec = level["metadata"].get("name", ""), level["spec"]
    if name == "exempt":
        same = {key: value for key, value in spec.items() if key != "exempt"} == {"type": "Exempt"}
        text = f"spec of '{name}' except the 'spec.exempt' field {_FIXED}"
    elif name == "catch-all":
        same, text = spec == _CATCH_ALL, f"spec of '{name}' {_FIXED}"
    else:
        return []
    shown = go_struct(spec, "io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationSpec")
    return [] if same else [invalid_value("spec", shown, text)]


def validate_flow_conditions(conditions: Sequence[Obj]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        at, kind = f"status.conditions[{index}].type", condition.get("type", "")
        if kind in seen:
            errors.append(duplicate(at, kind))
        seen.add(kind)
        if not kind:
            errors.append(required(at, "must not be empty"))
    return errors


def validate_status_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_flow_conditions((new.get("status") or {}).get("conditions") or ())
