"""The scheduler's picture of the nodes: what the watches say plus what it has decided itself (assumed Pods).

A Pod is assumed from the decision until its binding comes back through the watch, so the next decision already counts
it. Only the scheduler's own loop touches the cache; nothing is copied per cycle.
"""

from collections.abc import Iterable, Sequence

from minik.api.types import Obj
from minik.server.scheduler.change_log import ChangeLog
from minik.server.scheduler.events import Event
from minik.server.scheduler.framework import Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo


class Cache:
    """Nodes by name with their Pods. A Pod may come before its node; such a node is not offered to plugins."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeInfo] = {}
        self._offered: dict[str, NodeInfo] = {}  # those of them whose Node there is
        self._node_of: dict[str, str] = {}  # Pod uid -> node name
        self._log = ChangeLog()
        self._nominated: dict[str, tuple[str, PodInfo]] = {}  # Pod uid -> node it waits for, after preemption

    def set_node(self, node: Obj) -> set[Event]:
        """Take in a node; returns what changed about it that may let Pods fit."""
        name = node["metadata"]["name"]
        info = self._nodes.setdefault(name, NodeInfo(name))
        old = info.node
        before = dict(info.allocatable)
        info.set_node(node)
        self._offered[name] = info
        self._log.note(name)
        if old is None:
            self._log.topology += 1
            return {Event.NODE_ADDED}
        events = set()
        if before != info.allocatable:
            events.add(Event.NODE_ALLOCATABLE)
        if (old["metadata"].get("labels") or {}) != info.labels:
            events.add(Event.NODE_LABELS)
        if any(old["spec"].get(key) != node["spec"].get(key) for key in ("taints", "unschedulable")):
            events.add(Event.NODE_TAINTS)
        if events - {Event.NODE_ALLOCATABLE}:
            self._log.topology += 1
        if _declared(old) != _declared(node):
            events.add(Event.NODE_FEATURES)
        return events

    def remove_node(self, name: str) -> None:
        info = self._nodes.get(name)
        if info is None or info.node is None:
            return
        info.node = None
        self._offered.pop(name, None)
        self._log.topology += 1
        if not info.pods:
            del self._nodes[name]

    def set_pod(self, pod: PodInfo, node_name: str) -> None:
        """The Pod is (or is assumed to be) on that node."""
        had = self._node_of.get(pod.uid)
        if had is not None and had != node_name:
            self.remove_pod(pod.uid)
        self._nodes.setdefault(node_name, NodeInfo(node_name)).add(pod)
        self._log.note(node_name)
        self._node_of[pod.uid] = node_name
        self._nominated.pop(pod.uid, None)

    def refresh_pod(self, pod: Obj) -> None:
        """A newer version of a Pod on a node, with nothing that counts; the old one need not be kept."""
        uid = pod["metadata"]["uid"]
        name = self._node_of.get(uid)
        if name is not None:
            self._nodes[name].pods[uid].obj = pod

    def remove_pod(self, uid: str) -> bool:
        """Says whether the Pod was on a node."""
        self._nominated.pop(uid, None)
        name = self._node_of.pop(uid, None)
        if name is None:
            return False
        info = self._nodes[name]
        info.remove(uid)
        self._log.note(name)
        if info.node is None and not info.pods:
            del self._nodes[name]
        return True

    def nominate(self, pod: PodInfo, node_name: str) -> None:
        """Keep the room that preemption makes for this Pod from Pods of lower priority. An assumed Pod has its room."""
        if node_name and pod.uid not in self._node_of:
            self._nominated[pod.uid] = (node_name, pod)
        else:
            self._nominated.pop(pod.uid, None)

    def nominated_node(self, uid: str) -> str:
        """The node that is being cleared for the Pod; "" for none."""
        return self._nominated[uid][0] if uid in self._nominated else ""

    def outbid(self, node_name: str, priority: int) -> list[PodInfo]:
        """Pods of lower priority that were to get the node; they are not any more."""
        found = [pod for name, pod in self._nominated.values() if name == node_name and pod.priority < priority]
        for pod in found:
            del self._nominated[pod.uid]
        return found

    def sizes(self) -> dict[str, int]:
        """How many nodes and Pods there are."""
        return {"nodes": len(self._offered), "pods": len(self._node_of)}

    def as_it_is(self) -> Snapshot:
        """The nodes without the Pods that room is kept for."""
        return Snapshot(dict(self._offered), {}, self._log)

    def snapshot(self, pod: PodInfo) -> Snapshot:
        """The nodes as this Pod must see them."""
        nodes = dict(self._offered)
        originals: dict[str, NodeInfo] = {}
        for name, waiting in self._waiting_before(pod):
            if name in nodes:
                if name not in originals:
                    originals[name], nodes[name] = nodes[name], nodes[name].without(())
                nodes[name].add(waiting)
        return Snapshot(nodes, originals, self._log)

    def present(self) -> Snapshot | None:
        """The nodes as they are, not to be kept. None while room is kept for Pods, which some must not see."""
        return None if self._nominated else Snapshot(self._offered, {}, self._log)

    def _waiting_before(self, pod: PodInfo) -> Iterable[tuple[str, PodInfo]]:
        for uid, (name, waiting) in self._nominated.items():
            if uid != pod.uid and waiting.priority >= pod.priority:
                yield name, waiting


def _declared(node: Obj) -> Sequence[str]:
    return (node.get("status") or {}).get("declaredFeatures") or ()
