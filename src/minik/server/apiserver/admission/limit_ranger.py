"""LimitRanger: fills in default requests and limits, and keeps Pods and claims within a namespace's bounds.

https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from collections.abc import Sequence

from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.limit_range_rules import claim_complaints, pod_complaints
from minik.server.apiserver.admission.plugin import CREATE, UPDATE, Plugin, refuse
from minik.server.apiserver.objects import Reader

LIMIT_RANGES = GVR("", "v1", "limitranges")
_ANNOTATION = "kubernetes.io/limit-ranger"


class LimitRanger(Plugin):
    name = "LimitRanger"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset({("", "pods"), ("", "persistentvolumeclaims")})

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        pod = attributes.obj
        if pod is None or attributes.gvr.resource != "pods" or not _applies(attributes):
            return
        for limit_range in self._objects.list(LIMIT_RANGES, attributes.namespace):
            done = _fill(pod, limit_range)
            if done:
                annotations = dict(pod["metadata"].get("annotations") or {})
                annotations[_ANNOTATION] = f"LimitRanger plugin set: {'; '.join(done)}"
                pod["metadata"]["annotations"] = annotations

    async def validate(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.obj
        if obj is None or not _applies(attributes):
            return
        check = pod_complaints if attributes.gvr.resource == "pods" else claim_complaints
        for limit_range in self._objects.list(LIMIT_RANGES, attributes.namespace):
            complaints = list(dict.fromkeys(check(limit_range, obj)))
            if complaints:
                raise refuse(attributes, complaints[0] if len(complaints) == 1 else f"[{', '.join(complaints)}]")


def _applies(attributes: AdmissionAttributes) -> bool:
    """Containers of a Pod change only by resizing; what is on its way out may stay as it is."""
    if attributes.operation is CREATE:
        return not attributes.subresource
    if (attributes.obj or {}).get("metadata", {}).get("deletionTimestamp"):
        return False
    if attributes.gvr.resource == "pods":
        return attributes.subresource == "resize"
    return not attributes.subresource


def _fill(pod: Obj, limit_range: Obj) -> list[str]:
    """Set what containers leave open; returns what was done, in the words of the annotation."""
    requests: Obj = {}
    limits: Obj = {}
    for item in (limit_range.get("spec") or {}).get("limits") or ():
        if item.get("type") == "Container":
            for name, value in (item.get("defaultRequest") or {}).items():
                requests.setdefault(name, value)
            for name, value in (item.get("default") or {}).items():
                limits.setdefault(name, value)
    done: list[str] = []
    for field, title in (("containers", "container"), ("initContainers", "init container")):
        for container in pod["spec"].get(field) or ():
            for which, defaults in (("requests", requests), ("limits", limits)):
                added = _set_missing(container, which, defaults)
                if added:
                    done.append(f"{', '.join(added)} {which[:-1]} for {title} {container['name']}")
    return done


def _set_missing(container: Obj, which: str, defaults: Obj) -> Sequence[str]:
    resources = container.setdefault("resources", {})
    present = resources.get(which) or {}
    added = sorted(name for name in defaults if name not in present)
    if added:
        resources[which] = {**present, **{name: defaults[name] for name in added}}
    return added
