"""Validation of what steers a pod's scheduling: affinity, tolerations, topology spread, gates.

Rules: https://kubernetes.io/docs/concepts/scheduling-eviction/
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.groups.core.node_selector_validation import validate_node_selector, validate_node_selector_term
from minik.api.groups.core.resources_validation import POSITIVE
from minik.api.label_selector_validation import validate_label_name, validate_label_selector
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, forbidden, invalid_value, not_supported, required

TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES = ("Honor", "Ignore")
_WEIGHT_TEXT = "must be in the range 1-100"
_NO_SELECTOR = "must not be specified when labelSelector is not set"


def _validate_weight(term: Obj, path: str) -> list[FieldError]:
    weight = term.get("weight", 0)
    return [] if 0 < weight <= 100 else [invalid_value(f"{path}.weight", weight, _WEIGHT_TEXT)]


def _validate_node_affinity(affinity: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if affinity.get(_REQUIRED) is not None:
        errors += validate_node_selector(affinity[_REQUIRED], f"{path}.{_REQUIRED}")
    for index, term in enumerate(affinity.get(_PREFERRED) or ()):
        at = f"{path}.{_PREFERRED}[{index}]"
        errors += _validate_weight(term, at)
        # Preferences may name values no node has: with one node it would not matter.
        errors += validate_node_selector_term(term.get("preference") or {}, f"{at}.preference", check_values=False)
    return errors


def _validate_keys(keys: Sequence[str], selector: Obj | None, path: str) -> list[FieldError]:
    if not keys:
        return []
    if selector is None:
        return [forbidden(path, _NO_SELECTOR)]
    return [error for index, key in enumerate(keys) for error in validate_label_name(key, f"{path}[{index}]")]


def _repeated_keys(selector: Obj | None, keys: Sequence[str]) -> list[str]:
    """Of `keys`, those the selector has besides the expression that was made of them."""
    if selector is None:
        return []
    seen = set(selector.get("matchLabels") or ())
    repeated = []
    for expression in selector.get("matchExpressions") or ():
        key = expression.get("key", "")
        if key in keys and key in seen:
            repeated.append(key)
        seen.add(key)
    return repeated


def _validate_label_keys(term: Obj, path: str) -> list[FieldError]:
    match, mismatch = term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or []
    selector = term.get("labelSelector")
    errors = _validate_keys(match, selector, f"{path}.matchLabelKeys")
    errors += _validate_keys(mismatch, selector, f"{path}.mismatchLabelKeys")
    positions = {key: index for index, key in enumerate(match)}
    for key in _repeated_keys(selector, match):
        text = "exists in both matchLabelKeys and labelSelector"
        errors.append(invalid_value(f"{path}[{positions[key]}]", key, text))
    for index, key in enumerate(match):
        if key in mismatch:
            text = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.append(invalid_value(f"{path}.matchLabelKeys[{index}]", key, text))
    return errors


def _validate_affinity_term(term: Obj, path: str) -> list[FieldError]:
    errors = validate_label_selector(term.get("labelSelector"), f"{path}.labelSelector")
    errors += validate_label_selector(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for name in term.get("namespaces") or ():
        errors += [invalid_value(f"{path}.namespace", name, text) for text in names.dns_label(name)]
    errors += _validate_label_keys(term, path)
    topology = term.get("topologyKey", "")
    if not topology:
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    return errors + validate_label_name(topology, f"{path}.topologyKey")


def _validate_pod_affinity(affinity: Obj, path: str) -> list[FieldError]:
    """Of podAffinity and podAntiAffinity."""
    errors: list[FieldError] = []
    for index, term in enumerate(affinity.get(_REQUIRED) or ()):
        errors += _validate_affinity_term(term, f"{path}.{_REQUIRED}[{index}]")
    for index, weighted in enumerate(affinity.get(_PREFERRED) or ()):
        at = f"{path}.{_PREFERRED}[{index}]"
        errors += _validate_weight(weighted, at)
        errors += _validate_affinity_term(weighted.get("podAffinityTerm") or {}, f"{at}.podAffinityTerm")
    return errors


def validate_affinity(affinity: Obj | None, path: str) -> list[FieldError]:
    if affinity is None:
        return []
    errors: list[FieldError] = []
    if affinity.get("nodeAffinity") is not None:
        errors += _validate_node_affinity(affinity["nodeAffinity"], f"{path}.nodeAffinity")
    for kind in ("podAffinity", "podAntiAffinity"):
        if affinity.get(kind) is not None:
            errors += _validate_pod_affinity(affinity[kind], f"{path}.{kind}")
    return errors


def validate_taint_effect(effect: str, path: str) -> list[FieldError]:
    if not effect:
        return [required(path)]
    return [] if effect in TAINT_EFFECTS else [not_supported(path, effect, TAINT_EFFECTS)]


def validate_tolerations(tolerations: Sequence[Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, toleration in enumerate(tolerations):
        at = f"{path}[{index}]"
        key, operator, value, effect = (toleration.get(each, "") for each in ("key", "operator", "value", "effect"))
        if key:
            errors += validate_label_name(key, f"{at}.key")
        elif operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid_value(f"{at}.operator", operator, text))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid_value(f"{at}.effect", effect, text))
        errors += _validate_toleration_operator(operator, value, f"{at}.operator")
        if effect:
            errors += validate_taint_effect(effect, f"{at}.effect")
    return errors


def _validate_toleration_operator(operator: str, value: str, path: str) -> list[FieldError]:
    if operator in ("", "Equal"):
        complaints = names.label_value(value)
        return [invalid_value(path, value, ";".join(complaints))] if complaints else []
    if operator == "Exists":
        return [invalid_value(path, value, "value must be empty when `operator` is 'Exists'")] if value else []
    # Comparisons are behind a feature gate that is off (TaintTolerationComparisonOperators), yet named.
    named = ("Equal", "Exists", "Lt", "Gt") if operator in ("Lt", "Gt") else ("Equal", "Exists")
    return [not_supported(path, operator, named)]


def _validate_min_domains(constraint: Obj, action: str, path: str) -> list[FieldError]:
    wanted = constraint.get("minDomains")
    if wanted is None:
        return []
    errors = [] if wanted > 0 else [invalid_value(path, wanted, POSITIVE)]
    if action != "DoNotSchedule":
        text = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        errors.append(invalid_value(path, wanted, text))
    return errors


def validate_topology_spread(constraints: Sequence[Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    pairs = [(each.get("topologyKey", ""), each.get("whenUnsatisfiable", "")) for each in constraints]
    for index, constraint in enumerate(constraints):
        at, (topology, action) = f"{path}[{index}]", pairs[index]
        if constraint.get("maxSkew", 0) <= 0:
            errors.append(invalid_value(f"{at}.maxSkew", constraint.get("maxSkew", 0), POSITIVE))
        if not topology:
            errors.append(required(f"{at}.topologyKey", "can not be empty"))
        if action not in _ACTIONS:
            errors.append(not_supported(f"{at}.whenUnsatisfiable", action, _ACTIONS))
        if pairs[index] in pairs[index + 1 :]:
            errors.append(duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{topology}, {action}}}"))
        errors += _validate_min_domains(constraint, action, f"{at}.minDomains")
        for key in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            policy = constraint.get(key)
            if policy is not None and policy not in _POLICIES:
                errors.append(not_supported(f"{at}.{key}", policy, _POLICIES))
        errors += _validate_label_keys(constraint, at)
        errors += validate_label_selector(constraint.get("labelSelector"), f"{at}.labelSelector")
    return errors


def validate_scheduling_gates(gates: Sequence[Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, gate in enumerate(gates):
        at, name = f"{path}[{index}]", gate.get("name", "")
        errors += [invalid_value(at, name, text) for text in names.qualified_name(name)]
        if name in seen:
            errors.append(duplicate(at, name))
        seen.add(name)
    return errors
