"""Validation of Nodes.

Rules: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.go_form import go_value
from minik.api.groups.core.resources_validation import validate_quantity
from minik.api.groups.core.scheduling_validation import validate_taint_effect
from minik.api.ip_validation import is_dual_stack, validate_cidr
from minik.api.label_selector_validation import validate_label_name
from minik.api.types import Obj
from minik.api.validation import (
    DUPLICATE,
    INTERNAL,
    FieldError,
    duplicate,
    forbidden,
    invalid_value,
)

_CIDRS = "spec.podCIDRs"


def _validate_taints(taints: Sequence[Obj]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        at = f"metadata.taints[{index}]"  # upstream's path
        key, value, effect = taint.get("key", ""), taint.get("value", ""), taint.get("effect", "")
        errors += validate_label_name(key, f"{at}.key")
        complaints = names.label_value(value)
        if complaints:
            errors.append(invalid_value(f"{at}.value", value, ";".join(complaints)))
        errors += validate_taint_effect(effect, f"{at}.effect")
        if (effect, key) in seen:
            text = "taints must be unique by key and effect pair"
            errors.append(FieldError(DUPLICATE, at, go_value(taint, "Taint"), text))
        seen.add((effect, key))
    return errors


def _validate_resources(node: Obj) -> list[FieldError]:
    status = node.get("status") or {}
    return [
        error
        for which in ("capacity", "allocatable")
        for name, text in (status.get(which) or {}).items()
        for error in validate_quantity(name, text, f"status.{which}.{name}")
    ]


def _validate_cidrs(cidrs: Sequence[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    wrong: list[int] = []
    for index, cidr in enumerate(cidrs):
        found = validate_cidr(cidr, f"{_CIDRS}[{index}]")
        if any("must be a valid CIDR" in error.detail for error in found):
            wrong.append(index)
        errors += found
    if len(cidrs) < 2:
        return errors
    if wrong:
        text = (
            "invalid PodCIDRs. failed to check with dual stack with error:"
            f"invalid CIDR[{wrong[0]}]: <nil> (invalid CIDR address: {cidrs[wrong[0]]})"
        )
        errors.append(FieldError(INTERNAL, _CIDRS, "", text))
    if wrong or len(cidrs) > 2 or not is_dual_stack(cidrs):
        errors.append(invalid_value(_CIDRS, list(cidrs), "may specify no more than one CIDR for each IP family"))
    return errors + [duplicate(f"{_CIDRS}[{i}]", cidr) for i, cidr in enumerate(cidrs) if cidr in cidrs[:i]]


def validate_node(node: Obj) -> list[FieldError]:
    spec = node.get("spec") or {}
    errors = _validate_taints(spec.get("taints") or ())
    return errors + _validate_resources(node) + _validate_cidrs(spec.get("podCIDRs") or ())


def _validate_once(spec: Obj, before: Obj) -> list[FieldError]:
    """podCIDRs and providerID are set once."""
    errors: list[FieldError] = []
    cidrs, old_cidrs = spec.get("podCIDRs") or [], before.get("podCIDRs") or []
    text = 'node updates may not change podCIDR except from "" to valid'
    if old_cidrs and len(cidrs) != len(old_cidrs):
        errors.append(forbidden(_CIDRS, text))
    elif old_cidrs:
        errors += [forbidden(_CIDRS, text) for new, old in zip(cidrs, old_cidrs, strict=True) if new != old]
    provider = before.get("providerID")
    if provider and provider != spec.get("providerID"):
        text = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden("spec.providerID", text))
    return errors


def validate_node_status_update(new: Obj, old: Obj) -> list[FieldError]:
    """Of nodes and nodes/status alike."""
    spec, status = new.get("spec") or {}, new.get("status") or {}
    errors = _validate_resources(new)
    addresses = [(each.get("type"), each.get("address")) for each in status.get("addresses") or ()]
    for index, address in enumerate(addresses):
        if address in addresses[:index]:
            shown = {"Type": address[0], "Address": address[1]}
            errors.append(duplicate(f"status.addresses[{index}]", shown))
    before = old.get("spec") or {}
    errors += _validate_once(spec, before) + _validate_taints(spec.get("taints") or ())
    if spec.get("externalID", "") != before.get("externalID", ""):
        errors.append(forbidden("spec.externalID", "may not be updated"))
    return errors


def validate_node_update(new: Obj, old: Obj) -> list[FieldError]:
    return _validate_cidrs_of(new) + validate_node_status_update(new, old)


def _validate_cidrs_of(node: Obj) -> list[FieldError]:
    spec = node.get("spec") or {}
    return _validate_cidrs(spec.get("podCIDRs") or ())
