"""RuntimeClass: a Pod gets the overhead and the scheduling constraints of the class it runs with.

https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#runtimeclass
"""

from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, Plugin, refuse
from minik.server.apiserver.objects import Reader

RUNTIME_CLASSES = GVR("node.k8s.io", "v1", "runtimeclasses")


class RuntimeClassAdmission(Plugin):
    name = "RuntimeClass"
    operations = frozenset({CREATE})
    resources = frozenset({("", "pods")})

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None or attributes.subresource:
            return
        spec = attributes.obj["spec"]
        name = spec.get("runtimeClassName")
        if not name:
            return
        runtime_class = self._class(attributes, name)
        overhead = (runtime_class.get("overhead") or {}).get("podFixed")
        if overhead:
            if spec.get("overhead") and spec["overhead"] != overhead:
                raise refuse(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
            spec["overhead"] = dict(overhead)
        _schedule(attributes, spec, runtime_class.get("scheduling") or {})

    async def validate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None or attributes.subresource:
            return
        spec = attributes.obj["spec"]
        name = spec.get("runtimeClassName")
        runtime_class = self._class(attributes, name) if name else {}
        if spec.get("overhead") and not (runtime_class.get("overhead") or {}).get("podFixed"):
            raise refuse(
                attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            )

    def _class(self, attributes: AdmissionAttributes, name: str) -> Obj:
        found = self._objects.get(RUNTIME_CLASSES, name)
        if found is None:
            raise refuse(attributes, f'pod rejected: RuntimeClass "{name}" not found')
        return found


def _schedule(attributes: AdmissionAttributes, spec: Obj, scheduling: Obj) -> None:
    wanted = scheduling.get("nodeSelector") or {}
    if wanted:
        selector = dict(spec.get("nodeSelector") or {})
        for key, value in wanted.items():
            if selector.get(key, value) != value:
                raise refuse(
                    attributes,
                    f"conflict: runtimeClass.Scheduling.NodeSelector[{key}] = {value}; "
                    f"pod.Spec.NodeSelector[{key}] = {selector[key]}",
                )
        spec["nodeSelector"] = selector | wanted
    tolerations = spec.get("tolerations") or []
    added = [dict(item) for item in scheduling.get("tolerations") or () if item not in tolerations]
    if added:
        spec["tolerations"] = [*tolerations, *added]
