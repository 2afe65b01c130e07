"""Validation of Nodes.

Rules: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/
"""

import re
from collections.abc import Sequence

import orjson

from minik.api import names
from minik.api.go_form import go_value
from minik.api.groups.core.resources_validation import validate_quantity
from minik.api.groups.core.scheduling_validation import validate_taint_effect
from minik.api.groups.core.secret_formats import json_error
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
    required,
    show,
)

_CIDRS = "spec.podCIDRs"
_TAINTS, _AVOID = "scheduler.alpha.kubernetes.io/taints", "scheduler.alpha.kubernetes.io/preferAvoidPods"
_FEATURE = re.compile("[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*")
_FEATURE_TEXT = (
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' "
    "(e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
)


def validate_annotations(node: Obj) -> list[FieldError]:
    """Taints and Pods to avoid, as nodes had them before there were fields."""
    annotations = node["metadata"].get("annotations") or {}
    errors: list[FieldError] = []
    if annotations.get(_TAINTS):
        text = json_error(annotations[_TAINTS].encode(), list, "[]core.Taint")
        if text:
            errors.append(invalid_value("metadata.annotations", _TAINTS, text))
        else:
            errors += _validate_taints(orjson.loads(annotations[_TAINTS]) or (), f"metadata.annotations.{_TAINTS}")
    if annotations.get(_AVOID):
        text = json_error(annotations[_AVOID].encode(), dict, "v1.AvoidPods")
        if text:
            return [*errors, invalid_value("metadata.annotations.AvoidPods", _AVOID, text)]
        for index, entry in enumerate((orjson.loads(annotations[_AVOID]) or {}).get("preferAvoidPods") or ()):
            errors += _validate_avoided(entry, f"metadata.annotations.{_AVOID}[{index}].PodSignature")
    return errors


def _validate_avoided(entry: Obj, path: str) -> list[FieldError]:
    owner = (entry.get("podSignature") or {}).get("podController")
    if owner is None:
        return [required(path)]
    if owner.get("controller"):
        return []
    return [invalid_value(f"{path}.PodController.Controller", False, "must point to a controller")]


def _validate_taints(taints: Sequence[Obj], path: str = "metadata.taints") -> list[FieldError]:
    """`path` is where upstream says a node's taints are."""
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        at = f"{path}[{index}]"
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
    return errors


def _validate_swap(info: Obj) -> list[FieldError]:
    capacity = (info.get("swap") or {}).get("capacity")
    if capacity is None or capacity > 0:
        return []
    return [invalid_value("metadata.nodeSwapStatus.capacity", capacity, "must be greater than zero")]


def validate_node(node: Obj) -> list[FieldError]:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    errors = validate_annotations(node) + _validate_taints(spec.get("taints") or ()) + _validate_resources(node)
    errors += _validate_swap(status.get("nodeInfo") or {})
    errors += _validate_declared_features(status.get("declaredFeatures") or ())
    return errors + _validate_cidrs(spec.get("podCIDRs") or ())


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
    errors = validate_annotations(new) + _validate_resources(new)
    errors += _validate_declared_features(status.get("declaredFeatures") or ())
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
    """First as if it were new, then as a change: some complaints come twice."""
    return validate_node(new) + validate_node_status_update(new, old)


def _validate_declared_features(features: Sequence[str]) -> list[FieldError]:
    """Names in order, each once (KEP-5328)."""
    errors: list[FieldError] = []
    for index, feature in enumerate(features):
        at, after = f"status.declaredFeatures[{index}]", features[index + 1 : index + 2]
        if len(feature.encode()) > names.SUBDOMAIN_MAX:
            text = f"invalid feature name {show(feature)}: must be no more than {names.SUBDOMAIN_MAX} characters"
            errors.append(invalid_value(at, feature, text))
        elif not _FEATURE.fullmatch(feature):
            errors.append(invalid_value(at, feature, f"invalid feature name {show(feature)}: {_FEATURE_TEXT}"))
        if after and after[0] <= feature:
            at = f"status.declaredFeatures[{index + 1}]"
            if after[0] == feature:
                errors.append(duplicate(at, feature))
            else:
                errors.append(invalid_value(at, after[0], "list must be sorted alphabetically"))
    return errors
