"""What the kubelet tells about its node in Events, which `kubectl describe node` shows.

Reasons and texts are upstream's (pkg/kubelet/nodestatus, kubelet_node_status.go); like there, the node's name stands
for its uid, because the kubelet speaks before it has registered.
"""

from collections.abc import Iterable, Iterator

from minik.api.types import Obj
from minik.client.events import NORMAL, WARNING, EventRecorder

_REASONS = {  # of a condition that is True, and False
    "MemoryPressure": ("NodeHasInsufficientMemory", "NodeHasSufficientMemory"),
    "DiskPressure": ("NodeHasDiskPressure", "NodeHasNoDiskPressure"),
    "PIDPressure": ("NodeHasInsufficientPID", "NodeHasSufficientPID"),
    "Ready": ("NodeReady", "NodeNotReady"),
}


class NodeEvents:
    """One node's. Recording never waits and never fails."""

    def __init__(self, recorder: EventRecorder, node_name: str) -> None:
        self._recorder = recorder
        self._name = node_name
        self._about = {"kind": "Node", "name": node_name, "uid": node_name}
        self._schedulable = True

    def starting(self) -> None:
        self._tell("Starting", "Starting kubelet.")

    def allocatable_enforced(self) -> None:
        self._tell("NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")

    def conditions_changed(self, before: Iterable[Obj], now: Iterable[Obj]) -> None:
        for reason in changes(before, now):
            self._is_now(reason)

    def seen(self, node: Obj) -> None:
        """The node as the API has it: somebody may have cordoned it."""
        schedulable = not (node.get("spec") or {}).get("unschedulable")
        if schedulable != self._schedulable:
            self._schedulable = schedulable
            self._is_now("NodeSchedulable" if schedulable else "NodeNotSchedulable")

    def booted(self, before: str, now: str) -> None:
        if before and before != now:
            message = f"Node {self._name} has been rebooted, boot id: {now}"
            self._recorder.event(self._about, WARNING, "Rebooted", message)

    def _is_now(self, reason: str) -> None:
        self._tell(reason, f"Node {self._name} status is now: {reason}")

    def _tell(self, reason: str, message: str) -> None:
        self._recorder.event(self._about, NORMAL, reason, message)


def changes(before: Iterable[Obj], now: Iterable[Obj]) -> Iterator[str]:
    """The reasons to tell of. A condition that was not there has changed, unless it says that the node is not ready."""
    known = {condition["type"]: condition["status"] for condition in before}
    for condition in now:
        kind, status = condition["type"], condition["status"]
        if (
            kind in _REASONS
            and known.get(kind) != status
            and (kind, status, kind in known) != ("Ready", "False", False)
        ):
            yield _REASONS[kind][status != "True"]
