"""What pods/resize may change: cpu and memory, within the QoS class.

Rules: https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
"""

from collections.abc import Mapping

from minik.api.groups.core.pod_annotations_validation import MIRROR
from minik.api.groups.core.pod_level_resources import qos_class, resource_list
from minik.api.groups.core.pod_validation import validate_pod_content
from minik.api.quantity import parse
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value

_RESIZABLE = ("cpu", "memory")
_ONLY_AMOUNTS = "only cpu and memory resources are mutable"


def _node_knows_resize(pod: Obj) -> bool:
    """Judged by the first running container, whose resources a capable node reports."""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if (status.get("state") or {}).get("running") is not None:
            return status.get("resources") is not None
    return True


def _removed(new: Obj, old: Obj, path: str, what: str) -> list[FieldError]:
    return [
        forbidden(f"{path}.{which}", f"{what} {which} cannot be removed")
        for which in ("requests", "limits")
        if set(resource_list(old, which)) - set(resource_list(new, which))
    ]


def _with_old_amounts(new: Obj, old: Obj) -> dict[str, Mapping[str, int]]:
    """The new limits and requests, in nanos, with the cpu and memory of the old ones."""
    amounts: dict[str, Mapping[str, int]] = {}
    for which in ("limits", "requests"):
        before = resource_list(old, which)
        kept = {name: text for name, text in resource_list(new, which).items() if name not in _RESIZABLE}
        kept |= {name: before[name] for name in _RESIZABLE if name in before}
        amounts[which] = {name: parse(text).nanos for name, text in kept.items()}
    return amounts


def _amounts(holder: Obj) -> dict[str, Mapping[str, int]]:
    return {
        which: {name: parse(text).nanos for name, text in resource_list(holder, which).items()}
        for which in ("limits", "requests")
    }


def _claims(holder: Obj) -> list[Obj]:
    return (holder.get("resources") or {}).get("claims") or []


def _without_resources(container: Obj) -> Obj:
    return {key: value for key, value in container.items() if key != "resources"}


def _only_amounts_differ(new: Obj, old: Obj) -> bool:
    """Upstream's comparison forgets claims, so a container that has some cannot be resized."""
    if _claims(old) or _with_old_amounts(new, old) != _amounts(old):
        return False
    return _without_resources(new) == _without_resources(old)


def _validate_pod_level(spec: Obj, before: Obj) -> list[FieldError]:
    if not any(resource_list(each, which) for each in (spec, before) for which in ("requests", "limits")):
        return []
    if before.get("resources") is not None and spec.get("resources") is None:
        return [forbidden("spec.resources", "pod-level resources cannot be removed")]
    errors = _removed(spec, before, "spec.resources", "pod-level resource")
    if _with_old_amounts(spec, before) != _amounts(before) or _claims(spec) != _claims(before):
        errors.append(forbidden("spec", "only cpu and memory resources are mutable at pod-level"))
    return errors


def _validate_order(spec: Obj, before: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for kind in ("containers", "initContainers"):
        after, old = spec.get(kind) or [], before.get(kind) or []
        if len(after) != len(old):
            errors.append(forbidden(f"spec.{kind}", f"{kind} may not be added or removed on resize"))
            continue
        errors += [
            forbidden(f"spec.{kind}[{index}].name", f"{kind} may not be renamed or reordered on resize")
            for index, (container, known) in enumerate(zip(after, old, strict=True))
            if container.get("name") != known.get("name")
        ]
    return errors


def _restarts_on_resize(container: Obj) -> bool:
    return any(each.get("restartPolicy") == "RestartContainer" for each in container.get("resizePolicy") or ())


def _validate_only_amounts(spec: Obj, before: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for container, old in zip(spec.get("containers") or (), before.get("containers") or (), strict=True):
        if not _only_amounts_differ(container, old):
            errors.append(forbidden("spec", _ONLY_AMOUNTS))
    init = zip(spec.get("initContainers") or (), before.get("initContainers") or (), strict=True)
    for index, (container, old) in enumerate(init):
        at = f"spec.initContainers[{index}]"
        if not _only_amounts_differ(container, old):
            text = "only cpu and memory resources for init or sidecar containers are mutable"
            errors.append(forbidden(at, text))
        same = _amounts(container) == _amounts(old) and _without_resources(container) == _without_resources(old)
        if not same and container.get("restartPolicy") != "Always" and _restarts_on_resize(container):
            text = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
            errors.append(forbidden(at, text))
    return errors


def validate_resize(new: Obj, old: Obj) -> list[FieldError]:
    """Strategy.validate_update of pods/resize; other changes than to resources and resize policies are undone."""
    spec, before = new["spec"], old["spec"]
    errors = validate_pod_content(new)
    if MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("[]", "static pods cannot be resized")]
    if (before.get("os") or {}).get("name") == "windows":
        return [forbidden("[]", "windows pods cannot be resized")]
    was = (old.get("status") or {}).get("qosClass") or qos_class(before)
    if was != qos_class(spec):
        text = "Pod QOS Class may not change as a result of resizing"
        errors.append(invalid_value("spec", (new.get("status") or {}).get("qosClass", ""), text))
    if not _node_knows_resize(old):
        errors.append(forbidden("spec", "Pod running on node without support for resize"))
    errors += _validate_pod_level(spec, before)
    reordered = _validate_order(spec, before)
    if reordered:
        return errors + reordered
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(before.get(kind) or ()):
            errors += _removed(spec[kind][index], container, f"spec.{kind}[{index}].resources", "resource")
    errors += _validate_only_amounts(spec, before)
    kinds = ("resources", "containers", "initContainers")
    if not errors and any(spec.get(key) != before.get(key) for key in {*spec, *before}.difference(kinds)):
        errors.append(forbidden("spec", _ONLY_AMOUNTS))
    return errors
