"""What pods/resize may change: cpu and memory of running containers, within the QoS class.

Rules: https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
"""

from copy import deepcopy

from minik.api.groups.core.pod_annotations_validation import MIRROR
from minik.api.groups.core.pod_level_resources import qos_class, resource_list
from minik.api.groups.core.pod_validation import validate_pod_content
from minik.api.quantity import parse
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value

_RESIZABLE = ("cpu", "memory")


def _is_sidecar(container: Obj) -> bool:
    return container.get("restartPolicy") == "Always"


def _node_knows_resize(pod: Obj) -> bool:
    """Judged by the first running container, whose resources a capable node reports."""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if (status.get("state") or {}).get("running") is not None:
            return status.get("resources") is not None
    return True


def _validate_container(new: Obj, old: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for which in ("requests", "limits"):
        if set(resource_list(old, which)) - set(resource_list(new, which)):
            errors.append(forbidden(f"{path}.{which}", f"resource {which} cannot be removed"))
    policies = {each.get("resourceName"): each.get("restartPolicy") for each in new.get("resizePolicy") or ()}
    if policies.get("memory") not in (None, "", "NotRequired"):
        return errors
    limit, before = resource_list(new, "limits").get("memory"), resource_list(old, "limits").get("memory")
    at = f"{path}.limits[memory]"
    if limit is not None and before is None:
        text = "memory limits cannot be added unless resizePolicy is RestartContainer"
        errors.append(forbidden(at, text))
    return errors


def _without_resizable(container: Obj, old: Obj) -> Obj:
    """The container with the cpu and memory that the old one had."""
    kept = deepcopy(container)
    resources = kept.setdefault("resources", {})
    for which in ("limits", "requests"):
        before = resource_list(old, which)
        amounts = {name: text for name, text in resource_list(container, which).items() if name not in _RESIZABLE}
        amounts |= {name: before[name] for name in _RESIZABLE if name in before}
        if before and amounts:
            resources[which] = amounts
        else:
            resources.pop(which, None)
    return kept


def _same(new: Obj, old: Obj) -> bool:
    """Equal, quantities by value."""
    for which in ("limits", "requests"):
        mine, theirs = resource_list(new, which), resource_list(old, which)
        if {name: parse(text).nanos for name, text in mine.items()} != {
            name: parse(text).nanos for name, text in theirs.items()
        }:
            return False
    rest = {key: value for key, value in new.items() if key not in ("resources", "resizePolicy")}
    return rest == {key: value for key, value in old.items() if key not in ("resources", "resizePolicy")}


def _validate_unchanged(new: Obj, old: Obj, kind: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for container, before in zip(new.get(kind) or (), old.get(kind) or (), strict=True):
        if kind == "initContainers" and not _is_sidecar(container):
            if not _same(container, before):
                errors.append(forbidden("spec", "resources for non-sidecar init containers are immutable"))
            continue
        if not _same(_without_resizable(container, before), before):
            whose = "resources for sidecar containers" if kind == "initContainers" else "resources"
            errors.append(forbidden("spec", f"only cpu and memory {whose} are mutable"))
    return errors


def validate_resize(new: Obj, old: Obj) -> list[FieldError]:
    """Strategy.validate_update of pods/resize; the Pods differ only in resources and resize policies."""
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
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(before.get(kind) or ()):
            if kind == "containers" or _is_sidecar(container):
                errors += _validate_container(spec[kind][index], container, f"spec.{kind}[{index}].resources")
    for kind in ("containers", "initContainers"):
        errors += _validate_unchanged(spec, before, kind)
    return errors
