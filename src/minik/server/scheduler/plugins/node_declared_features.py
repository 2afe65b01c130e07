"""preFilter, filter: a Pod that needs what not every kubelet has goes to nodes that say they have it.

`node.status.declaredFeatures` lists what a kubelet has. (KEP-5328)
"""

from collections.abc import Iterable

from minik.api.types import Obj
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import Code, CycleState, Event, Refusal, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_REFUSAL = Refusal(("node(s) didn't match Pod's required features",), Code.UNRESOLVABLE)
_RESTART_ALL, _HOST_NETWORK = "RestartAllContainersOnContainerExits", "UserNamespacesHostNetworkSupport"


class NodeDeclaredFeatures:
    name = "NodeDeclaredFeatures"
    events = frozenset({Event.NODE_ADDED, Event.NODE_FEATURES, Event.POD_CHANGED})

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> Refusal | None:
        """Leaves what the Pod needs, if anything."""
        needed = frozenset(needed_by(pod.spec))
        if needed:
            state[self.name] = needed
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        return None if node.node is not None and _has(node.node, state[self.name]) else _REFUSAL

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        if what.new is None or what.event is Event.POD_CHANGED:
            return True
        return _has(what.new, frozenset(needed_by(pod.spec)))


def needed_by(spec: Obj) -> Iterable[str]:
    """Features that a Pod cannot run without."""
    for container in (*spec["containers"], *(spec.get("initContainers") or ())):
        rules = container.get("restartPolicyRules")
        if rules and any(rule.get("action") == "RestartAllContainers" for rule in rules):
            yield _RESTART_ALL
    if spec.get("hostNetwork") and spec.get("hostUsers") is False:
        yield _HOST_NETWORK


def _has(node: Obj, needed: frozenset[str]) -> bool:
    return needed.issubset((node.get("status") or {}).get("declaredFeatures") or ())
