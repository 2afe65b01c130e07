"""Priority: a Pod's priority number and preemption policy come from its PriorityClass.

https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

from minik.api.types import GVR, Obj
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.admission.plugin import CREATE, UPDATE, Plugin, refuse
from minik.server.apiserver.objects import Reader

CLASSES = GVR("scheduling.k8s.io", "v1", "priorityclasses")
_DEFAULT_POLICY = "PreemptLowerPriority"


class Priority(Plugin):
    name = "Priority"
    operations = frozenset({CREATE, UPDATE})
    resources = frozenset({("", "pods"), ("scheduling.k8s.io", "priorityclasses")})

    def __init__(self, objects: Reader) -> None:
        self._objects = objects

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        if attributes.obj is None or attributes.subresource or attributes.gvr.resource != "pods":
            return
        spec = attributes.obj["spec"]
        if attributes.operation is UPDATE:
            _keep(spec, (attributes.old_obj or {}).get("spec") or {})
            return
        name, value, policy = self._class_of(attributes, spec.get("priorityClassName", ""))
        if name:
            spec["priorityClassName"] = name
        _agree(attributes, spec, value, policy)
        spec["priority"], spec["preemptionPolicy"] = value, policy

    async def validate(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.obj
        if obj is None or attributes.gvr.resource != "priorityclasses" or not obj.get("globalDefault"):
            return
        default = self._default()
        if default is not None and default["metadata"]["name"] != obj["metadata"]["name"]:
            text = f"PriorityClass {default['metadata']['name']} is already marked as default."
            raise refuse(attributes, f"{text} Only one default can exist")

    def _class_of(self, attributes: AdmissionAttributes, name: str) -> tuple[str, int, str]:
        """(name, value, preemption policy); name "" where there is no class at all."""
        found = self._objects.get(CLASSES, name) if name else self._default()
        if found is None:
            if name:
                raise refuse(attributes, f"no PriorityClass with name {name} was found")
            return "", 0, _DEFAULT_POLICY
        return found["metadata"]["name"], found.get("value", 0), found.get("preemptionPolicy") or _DEFAULT_POLICY

    def _default(self) -> Obj | None:
        """Of several (made at the same time) the one with the lowest value."""
        defaults = [item for item in self._objects.list(CLASSES) if item.get("globalDefault")]
        return min(defaults, key=lambda item: item.get("value", 0), default=None)


def _keep(spec: Obj, old: Obj) -> None:
    for field in ("priority", "preemptionPolicy"):
        if spec.get(field) is None and old.get(field) is not None:
            spec[field] = old[field]


def _agree(attributes: AdmissionAttributes, spec: Obj, value: int, policy: str) -> None:
    """What the Pod says itself must be what its class says."""
    given = spec.get("priority")
    if given is not None and given != value:
        raise refuse(
            attributes,
            f"the integer value of priority ({given}) must not be provided in pod spec; priority admission controller "
            f"computed {value} from the given PriorityClass name",
        )
    given_policy = spec.get("preemptionPolicy")
    if given_policy is not None and given_policy != policy:
        raise refuse(
            attributes,
            f"the string value of PreemptionPolicy ({given_policy}) must not be provided in pod spec; priority "
            f"admission controller computed {policy} from the given PriorityClass name",
        )
