"""What an update may change of a Pod: little, and each subresource something else.

Rules: https://kubernetes.io/docs/concepts/workloads/pods/#pod-update-and-replacement
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from minik.api import names
from minik.api.go_form import go_diff, go_value
from minik.api.groups.core.pod_annotations_validation import MIRROR, validate_annotations_update
from minik.api.groups.core.pod_validation import validate_pod_content
from minik.api.groups.core.scheduling_validation import validate_tolerations
from minik.api.semantic_equality import same
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, required

_DEADLINE_MAX = 2**31 - 1
_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_SPEC, _EPHEMERAL = "io.k8s.api.core.v1.PodSpec", "io.k8s.api.core.v1.EphemeralContainer"
_TERMS = "requiredDuringSchedulingIgnoredDuringExecution"


def _validate_images(new: Obj, old: Obj, kind: str) -> tuple[list[FieldError], bool]:
    """Complaints, and whether the lists differ so much that looking further makes no sense."""
    containers = new.get(kind) or []
    if len(containers) != len(old.get(kind) or ()):
        return [forbidden(f"spec.{kind}", "pod updates may not add or remove containers")], True
    errors: list[FieldError] = []
    for index, container in enumerate(containers):
        image, at = container.get("image", ""), f"spec.{kind}[{index}].image"
        if not image:
            errors.append(required(at))
        if image != image.strip():
            errors.append(invalid_value(at, image, "must not have leading or trailing whitespace"))
    return errors, False


def _validate_deadline(new: Obj, old: Obj) -> tuple[list[FieldError], bool]:
    at = "spec.activeDeadlineSeconds"
    wanted, before = new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if wanted is None:
        text = "must not update from a positive integer to nil value"
        return ([] if before is None else [invalid_value(at, None, text)]), False
    if not 0 <= wanted <= _DEADLINE_MAX:
        return [invalid_value(at, wanted, names.range_error(0, _DEADLINE_MAX))], True
    if before is not None and before < wanted:
        return [invalid_value(at, wanted, "must be less than or equal to previous value")], True
    return [], False


def _without_seconds(toleration: Obj) -> Obj:
    return {key: value for key, value in toleration.items() if key != "tolerationSeconds"}


def _validate_tolerations(new: Sequence[Obj], old: Sequence[Obj]) -> list[FieldError]:
    kept = [_without_seconds(each) for each in new]
    if any(_without_seconds(each) not in kept for each in old):
        text = "existing toleration can not be modified except its tolerationSeconds"
        return [forbidden("spec.tolerations", text)]
    return validate_tolerations(new, "spec.tolerations")


def _validate_gates(new: Sequence[Obj], old: Sequence[Obj]) -> list[FieldError]:
    known = {each.get("name") for each in old}
    return [
        forbidden(
            f"spec.schedulingGates[{index}].name",
            f"only deletion is allowed, but found new scheduling gate '{gate.get('name', '')}'",
        )
        for index, gate in enumerate(new)
        if gate.get("name") not in known
    ]


def _only_adds(new: Obj, old: Obj) -> bool:
    """Does a node selector term keep all that the old one demanded?"""
    keys = ("matchExpressions", "matchFields")
    if not any(old.get(key) for key in keys):
        return not any(new.get(key) for key in keys)
    return all((new.get(key) or [])[: len(old.get(key) or ())] == (old.get(key) or []) for key in keys)


def _validate_node_affinity(new: Obj | None, old: Obj | None) -> list[FieldError]:
    if old is None or old.get(_TERMS) is None:
        return []
    at = f"spec.affinity.nodeAffinity.{_TERMS}.nodeSelectorTerms"
    before = old[_TERMS].get("nodeSelectorTerms") or []
    after = ((new or {}).get(_TERMS) or {}).get("nodeSelectorTerms") or []
    if before and len(before) != len(after):
        text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [invalid_value(at, [go_value(term, "NodeSelectorTerm") for term in after] or None, text)]
    text = "only additions are allowed (no mutations or deletions)"
    return [
        invalid_value(f"{at}[{index}]", go_value(after[index], "NodeSelectorTerm"), text)
        for index, term in enumerate(before)
        if not _only_adds(after[index], term)
    ]


def _set_or_drop(spec: Obj, key: str, old: Obj) -> None:
    if old.get(key) is None:
        spec.pop(key, None)
    else:
        spec[key] = old[key]


def _excuse_gated(spec: Obj, old: Obj) -> list[FieldError]:
    """A gated Pod's node selector and node affinity may still grow. Changes `spec` to forgive what they did."""
    errors: list[FieldError] = []
    selector, before = spec.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if any(selector.get(key) != value for key, value in before.items()):
        text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        errors.append(invalid_value("spec.nodeSelector", spec.get("nodeSelector"), text))
    _set_or_drop(spec, "nodeSelector", old)
    affinity, old_affinity = dict(spec.get("affinity") or {}), old.get("affinity") or {}
    wanted, current = affinity.pop("nodeAffinity", None), old_affinity.get("nodeAffinity")
    if wanted == current:
        return errors
    errors += _validate_node_affinity(wanted, current)
    if current is not None:
        affinity["nodeAffinity"] = current
    if affinity or old.get("affinity") is not None:
        spec["affinity"] = affinity
    else:
        spec.pop("affinity", None)
    return errors


def _excused(new: Obj, old: Obj) -> tuple[Obj, list[FieldError]]:
    """The new spec with everything undone that may change, and complaints about a gated Pod's changes."""
    spec = deepcopy(new)
    for kind in ("containers", "initContainers"):
        for container, before in zip(spec.get(kind) or (), old.get(kind) or (), strict=False):
            _set_or_drop(container, "image", before)
    for key in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        _set_or_drop(spec, key, old)
    if (old.get("terminationGracePeriodSeconds") or 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        spec["terminationGracePeriodSeconds"] = old["terminationGracePeriodSeconds"]
    return spec, _excuse_gated(spec, old) if old.get("schedulingGates") else []


def validate_pod_update(new: Obj, old: Obj) -> list[FieldError]:
    """Strategy.validate_update of Pods."""
    spec, before = new["spec"], old["spec"]
    errors = validate_pod_content(new, old) + validate_annotations_update(new, old)
    for kind in ("containers", "initContainers"):
        found, stop = _validate_images(spec, before, kind)
        errors += found
        if stop:
            return errors
    found, stop = _validate_deadline(spec, before)
    errors += found
    if stop:
        return errors
    errors += _validate_tolerations(spec.get("tolerations") or (), before.get("tolerations") or ())
    errors += _validate_gates(spec.get("schedulingGates") or (), before.get("schedulingGates") or ())
    if spec == before:
        return errors
    excused, found = _excused(spec, before)
    errors += found
    if not same(excused, before, _SPEC):
        difference = go_diff(before, excused, "PodSpec")
        text = f"pod updates may not change fields other than {_UPDATABLE}\n{difference}"
        errors.append(forbidden("spec", text))
    return errors


def validate_ephemeral_containers_update(new: Obj, old: Obj) -> list[FieldError]:
    """Of pods/ephemeralcontainers: containers are only added."""
    errors = validate_pod_content(new, old) + validate_annotations_update(new, old)
    if MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("[]", "static pods do not support ephemeral containers")]
    by_name: Mapping[Any, Obj] = {each.get("name"): each for each in new["spec"].get("ephemeralContainers") or ()}
    for container in old["spec"].get("ephemeralContainers") or ():
        name = container.get("name", "")
        if name not in by_name:
            text = f'existing ephemeral containers "{name}" may not be removed\n'
            errors.append(forbidden("spec.ephemeralContainers", text))
        elif not same(by_name[name], container, _EPHEMERAL):
            difference = go_diff(container, by_name[name], "EphemeralContainer")
            text = f'existing ephemeral containers "{name}" may not be changed\n{difference}'
            errors.append(forbidden("spec.ephemeralContainers", text))
    return errors
