"""The arguments of the default plugins: their defaults and what is wrong with them, field by field. Pure.

https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/
"""

from collections.abc import Callable, Mapping, Sequence

from minik.api.cel.duration import parse_duration
from minik.api.groups.core.node_selector_validation import validate_node_selector, validate_node_selector_term
from minik.api.label_selector_validation import validate_label_name
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, forbidden, invalid_value, not_supported, required

_STRATEGIES = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
_DEFAULTING = ("System", "List")
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_MAX_SCORE, _MAX_SHAPE_SCORE = 100, 10
_RESOURCES = ({"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1})


def with_defaults(name: str, arguments: Obj) -> Obj:
    """The arguments of a plugin, complete; those of plugins that are not minik's stay as they are."""
    default = _DEFAULTS.get(name)
    return default(arguments) if default else arguments


def validate(name: str, arguments: Obj, path: str) -> list[FieldError]:
    rule = _RULES.get(name)
    return rule(arguments, path) if rule else []


# -- defaults


def _plain(**values: object) -> Callable[[Obj], Obj]:
    return lambda given: values | {key: value for key, value in given.items() if value is not None}


def _weighted(resources: Sequence[Obj]) -> list[Obj]:
    return [{**resource, "weight": resource.get("weight") or 1} for resource in resources or _RESOURCES]


def _default_fit(given: Obj) -> Obj:
    strategy = given.get("scoringStrategy") or {"type": "LeastAllocated"}
    return {**given, "scoringStrategy": {**strategy, "resources": _weighted(strategy.get("resources") or ())}}


def _default_balanced(given: Obj) -> Obj:
    return {**given, "resources": _weighted(given.get("resources") or ())}


_DEFAULTS: Mapping[str, Callable[[Obj], Obj]] = {
    "DefaultPreemption": _plain(minCandidateNodesPercentage=10, minCandidateNodesAbsolute=100),
    "InterPodAffinity": _plain(hardPodAffinityWeight=1),
    "NodeAffinity": _plain(),
    "NodeResourcesBalancedAllocation": _default_balanced,
    "NodeResourcesFit": _default_fit,
    "PodTopologySpread": _plain(defaultingType="System"),
    "VolumeBinding": _plain(bindTimeoutSeconds=600),
    "DynamicResources": _plain(filterTimeout="10s", bindingTimeout="10m0s"),
}

# -- rules


def _validate_preemption(given: Obj, path: str) -> list[FieldError]:
    percentage, absolute = given["minCandidateNodesPercentage"], given["minCandidateNodesAbsolute"]
    at_percentage, at_absolute = f"{path}.minCandidateNodesPercentage", f"{path}.minCandidateNodesAbsolute"
    errors: list[FieldError] = []
    if not 0 <= percentage <= 100:
        errors.append(invalid_value(at_percentage, percentage, "not in valid range [0, 100]"))
    if absolute < 0:
        errors.append(invalid_value(at_absolute, absolute, "not in valid range [0, inf)"))
    if percentage == absolute == 0:
        text = "cannot be zero at the same time as "
        errors.append(invalid_value(at_percentage, 0, f"{text}minCandidateNodesAbsolute"))
        errors.append(invalid_value(at_absolute, 0, f"{text}minCandidateNodesPercentage"))
    return errors


def _validate_pod_affinity(given: Obj, path: str) -> list[FieldError]:
    weight = given["hardPodAffinityWeight"]
    if 0 <= weight <= 100:
        return []
    return [invalid_value(f"{path}.hardPodAffinityWeight", weight, "not in valid range [0, 100]")]


def _validate_node_affinity(given: Obj, path: str) -> list[FieldError]:
    added = given.get("addedAffinity") or {}
    errors: list[FieldError] = []
    needed = added.get("requiredDuringSchedulingIgnoredDuringExecution")
    if needed is not None:
        errors += validate_node_selector(needed, f"{path}.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution")
    for index, term in enumerate(added.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        at = f"{path}.addedAffinity.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        errors += validate_node_selector_term(term.get("preference") or {}, f"{at}.preference")
    return errors


def _validate_balanced(given: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, resource in enumerate(given["resources"]):
        at, name = f"{path}.resources[{index}]", resource["name"]
        if name in seen:
            errors.append(duplicate(f"{at}.name", name))
        seen.add(name)
        if resource["weight"] != 1:
            errors.append(invalid_value(f"{at}.weight", resource["weight"], "must be 1"))
    return errors


def _validate_fit(given: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, name in enumerate(given.get("ignoredResources") or ()):
        errors += validate_label_name(name, f"{path}.ignoredResources[{index}]")
    for index, group in enumerate(given.get("ignoredResourceGroups") or ()):
        at = f"{path}.ignoredResourceGroups[{index}]"
        if "/" in group:
            errors.append(invalid_value(at, group, "resource group name can't contain '/'"))
        errors += validate_label_name(group, at)
    return errors + _validate_strategy(given["scoringStrategy"], f"{path}.scoringStrategy")


def _validate_strategy(strategy: Obj, path: str) -> list[FieldError]:
    kind, ratio, at = (
        strategy.get("type") or "",
        strategy.get("requestedToCapacityRatio"),
        f"{path}.requestedToCapacityRatio",
    )
    errors: list[FieldError] = []
    if kind not in _STRATEGIES:
        errors.append(not_supported(f"{path}.type", kind, _STRATEGIES))
    for index, resource in enumerate(strategy["resources"]):
        if not 0 < resource["weight"] <= 100:
            text = f"resource weight of {resource['name']} not in valid range (0, 100]"
            errors.append(invalid_value(f"{path}.resources[{index}].weight", resource["weight"], text))
    if kind == "RequestedToCapacityRatio":
        if ratio is None:
            return [*errors, required(at, "must be specified when type is RequestedToCapacityRatio")]
        return errors + _validate_shape(ratio.get("shape") or (), f"{at}.shape")
    if ratio is not None:
        errors.append(forbidden(at, "must be nil when type is not RequestedToCapacityRatio"))
    return errors


def _validate_shape(shape: Sequence[Obj], path: str) -> list[FieldError]:
    if not shape:
        return [required(path, "at least one point must be specified")]
    errors: list[FieldError] = []
    for index in range(1, len(shape)):
        if shape[index - 1]["utilization"] >= shape[index]["utilization"]:
            text = "values must be sorted in increasing order"
            errors.append(invalid_value(f"{path}[{index}].utilization", shape[index]["utilization"], text))
            break
    for index, point in enumerate(shape):
        for key, highest in (("utilization", _MAX_SCORE), ("score", _MAX_SHAPE_SCORE)):
            if not 0 <= point[key] <= highest:
                text = f"not in valid range [0, {highest}]"
                errors.append(invalid_value(f"{path}[{index}].{key}", point[key], text))
    return errors


def _validate_spread(given: Obj, path: str) -> list[FieldError]:
    kind, constraints = given["defaultingType"], given.get("defaultConstraints") or ()
    errors: list[FieldError] = []
    if kind not in _DEFAULTING:
        errors.append(not_supported(f"{path}.defaultingType", kind, _DEFAULTING))
    elif kind == "System" and constraints:
        errors.append(invalid_value(f"{path}.defaultingType", kind, "when .defaultConstraints are not empty"))
    pairs = [(one.get("topologyKey", ""), one.get("whenUnsatisfiable", "")) for one in constraints]
    for index, constraint in enumerate(constraints):
        at = f"{path}.defaultConstraints[{index}]"
        errors += _validate_constraint(constraint, at)
        if pairs[index] in pairs[:index]:
            errors.append(duplicate(at, f"{{{pairs[index][0]}, {pairs[index][1]}}}"))
    return errors


def _validate_constraint(constraint: Obj, path: str) -> list[FieldError]:
    skew = constraint.get("maxSkew") or 0
    key, action = constraint.get("topologyKey") or "", constraint.get("whenUnsatisfiable") or ""
    errors: list[FieldError] = []
    if skew <= 0:
        errors.append(invalid_value(f"{path}.maxSkew", skew, "not in valid range (0, inf)"))
    if key:
        errors += validate_label_name(key, f"{path}.topologyKey")
    else:
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    if not action:
        errors.append(required(f"{path}.whenUnsatisfiable", "can not be empty"))
    elif action not in _ACTIONS:
        errors.append(not_supported(f"{path}.whenUnsatisfiable", action, _ACTIONS))
    if constraint.get("labelSelector") is not None:
        text = "constraint must not define a selector, as they deduced for each pod"
        errors.append(forbidden(f"{path}.labelSelector", text))
    return errors


def _validate_volumes(given: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seconds = given["bindTimeoutSeconds"]
    if seconds < 0:
        text = "invalid BindTimeoutSeconds, should not be a negative value"
        errors.append(invalid_value(f"{path}.bindTimeoutSeconds", seconds, text))
    if given.get("shape") is not None:
        text = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"
        errors.append(invalid_value(f"{path}.shape", given["shape"], text))
    return errors


def _validate_devices(given: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, lowest, text in (
        ("filterTimeout", 0.0, "must be zero or positive"),
        ("bindingTimeout", 1.0, "must be at least 1 second"),
    ):
        try:
            if parse_duration(given[key]).total_seconds() < lowest:
                errors.append(invalid_value(f"{path}.{key}", given[key], text))
        except ValueError:
            errors.append(invalid_value(f"{path}.{key}", given[key], "must be a duration, like 10s"))
    return errors


_RULES: Mapping[str, Callable[[Obj, str], list[FieldError]]] = {
    "DefaultPreemption": _validate_preemption,
    "InterPodAffinity": _validate_pod_affinity,
    "NodeAffinity": _validate_node_affinity,
    "NodeResourcesBalancedAllocation": _validate_balanced,
    "NodeResourcesFit": _validate_fit,
    "PodTopologySpread": _validate_spread,
    "VolumeBinding": _validate_volumes,
    "DynamicResources": _validate_devices,
}
