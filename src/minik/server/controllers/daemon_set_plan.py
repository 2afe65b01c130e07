"""Decides for DaemonSets: which nodes run a Pod, which Pods to replace in a rolling update, which status to show.

Behaviour: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from minik.api.node_affinity import required_matches
from minik.api.tolerations import untolerated
from minik.api.types import Obj
from minik.server.controllers.claims import Owner
from minik.server.controllers.controller_history import HASH_LABEL
from minik.server.controllers.objects import annotations_of, is_deleting, labels_of
from minik.server.controllers.pod_control import pod_from_template
from minik.server.controllers.pods import is_available, is_ready, node_name, phase
from minik.server.controllers.rolling import scaled

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
GENERATION_LABEL = "pod-template-generation"
BURST = 250
_ENDED = ("Failed", "Succeeded")

_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_TOLERATED_ON_HOST_NETWORK = (("node.kubernetes.io/network-unavailable", "NoSchedule"),)


@dataclass(slots=True)
class Plan:
    create: list[str] = field(default_factory=list)  # nodes
    delete: list[Obj] = field(default_factory=list)
    ended: list[Obj] = field(default_factory=list)  # of `delete`, those that ended by themselves


def tolerations(spec: Obj) -> list[Obj]:
    """The template's tolerations and those every daemon has."""
    wanted = _TOLERATED + (_TOLERATED_ON_HOST_NETWORK if spec.get("hostNetwork") else ())
    own = list(spec.get("tolerations") or ())
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in wanted]
    return own + [toleration for toleration in added if toleration not in own]


def fits(daemon_set: Obj, node: Obj) -> tuple[bool, bool]:
    """(should a Pod be started on the node, may one that runs there stay)."""
    spec = daemon_set["spec"]["template"]["spec"]
    if spec.get("nodeName") and spec["nodeName"] != node["metadata"]["name"]:
        return False, False
    if not required_matches(spec, node):
        return False, False
    taints, tolerated = node["spec"].get("taints") or (), tolerations(spec)
    may_stay = untolerated(taints, tolerated, ("NoExecute",)) is None
    return may_stay and untolerated(taints, tolerated, ("NoSchedule",)) is None, may_stay


def build_pod(owner: Owner, node: str, revision_hash: str) -> Obj:
    """The Pod for one node; the scheduler puts it there by its node affinity."""
    pod = pod_from_template(owner.obj["spec"]["template"], owner)
    labels = pod["metadata"].setdefault("labels", {})
    labels[HASH_LABEL] = revision_hash
    if generation := annotations_of(owner.obj).get(TEMPLATE_GENERATION):
        labels[GENERATION_LABEL] = generation
    spec = pod["spec"]
    spec["tolerations"] = tolerations(spec)
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [term]}
    return pod


def target_node(pod: Obj) -> str:
    """The node a daemon Pod is bound to, or meant for."""
    if name := node_name(pod):
        return name
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for requirement in term.get("matchFields") or ():
            if requirement["key"] == "metadata.name" and requirement["operator"] == "In":
                return str(requirement["values"][0])
    return ""


def by_node(pods: Iterable[Obj]) -> dict[str, list[Obj]]:
    """Without those that have ended and only wait for somebody's finalizer: they hold no place on a node."""
    grouped: dict[str, list[Obj]] = {}
    for pod in pods:
        if not (is_deleting(pod) and phase(pod) in _ENDED):
            grouped.setdefault(target_node(pod), []).append(pod)
    return grouped


def plan(
    daemon_set: Obj, nodes: Sequence[Obj], pods: Mapping[str, Sequence[Obj]], revision_hash: str, now: datetime
) -> Plan:
    """What to start and stop so that every node that should has its Pod; rolling updates are `plan_update`'s."""
    result = Plan()
    known = set()
    for node in nodes:
        name = node["metadata"]["name"]
        known.add(name)
        _plan_node(daemon_set, node, pods.get(name, ()), revision_hash, now, result)
    for name, orphans in pods.items():
        if name not in known:  # bound Pods of missing nodes are pod garbage collection's
            result.delete += [pod for pod in orphans if not node_name(pod) and not is_deleting(pod)]
    result.create = result.create[:BURST]
    result.delete = result.delete[:BURST]
    return result


def _plan_node(
    daemon_set: Obj, node: Obj, pods: Sequence[Obj], revision_hash: str, now: datetime, result: Plan
) -> None:
    should_run, may_stay = fits(daemon_set, node)
    if not may_stay:
        result.delete += [pod for pod in pods if not is_deleting(pod)]
        return
    running = []
    for pod in pods:
        if is_deleting(pod):
            continue
        if phase(pod) in _ENDED:
            result.delete.append(pod)
            result.ended.append(pod)
        else:
            running.append(pod)
    surges = bool(limits(daemon_set, 1)[0])
    if should_run and not (running if surges else pods):  # a surge does not wait for the end of what goes
        result.create.append(node["metadata"]["name"])
    result.delete += _surplus(daemon_set, running, revision_hash, now) if surges else _oldest_first(running)[1:]


def _surplus(daemon_set: Obj, running: Sequence[Obj], revision_hash: str, now: datetime) -> list[Obj]:
    """With surge a node has an old and a new Pod, as long as the old one serves and the new one does not yet."""
    new = _oldest_first([pod for pod in running if labels_of(pod).get(HASH_LABEL) == revision_hash])
    old = _oldest_first([pod for pod in running if pod not in new])
    min_ready = daemon_set["spec"].get("minReadySeconds", 0)
    done = new and old and (not is_ready(old[0]) or is_available(new[0], min_ready, now))
    return new[1:] + (old if done else old[1:])


def _oldest_first(pods: Sequence[Obj]) -> list[Obj]:
    return sorted(pods, key=lambda pod: (*_age(pod), pod["metadata"]["name"]))


def _age(pod: Obj) -> tuple[bool, str]:
    """Sorts the oldest first; those that have a node come before all others."""
    return not node_name(pod), pod["metadata"].get("creationTimestamp", "")


def limits(daemon_set: Obj, desired: int) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) in Pods; at least one is more than 0."""
    strategy = daemon_set["spec"].get("updateStrategy") or {}
    if strategy.get("type", "RollingUpdate") != "RollingUpdate":
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", 0), desired, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", 1), desired, round_up=True)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def plan_update(
    daemon_set: Obj, nodes: Sequence[Obj], pods: Mapping[str, Sequence[Obj]], revision_hash: str, now: datetime
) -> Plan:
    """The next Pods of a rolling update. Pods that are not available anyway are replaced without waiting.

    Also on nodes where none would be started any more, but where one may stay.
    """
    if (daemon_set["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") != "RollingUpdate":
        return Plan()
    min_ready = daemon_set["spec"].get("minReadySeconds", 0)
    places = [_Place(node["metadata"]["name"], fits(daemon_set, node)[0]) for node in nodes]
    for place in places:
        for pod in pods.get(place.node, ()):
            if not is_deleting(pod):
                is_new = labels_of(pod).get(HASH_LABEL) == revision_hash
                (place.new if is_new else place.old).append(pod)
                if is_available(pod, min_ready, now):
                    place.available.add(pod["metadata"]["name"])
    places = [place for place in places if place.is_wanted or place.old or place.new]
    desired = sum(place.is_wanted for place in places)
    surge, max_unavailable = limits(daemon_set, desired)
    return _surging(places, surge, desired) if surge else _replacing(places, max_unavailable)


@dataclass(slots=True)
class _Place:
    """A node with the Pods that are to stay there, of the current revision and of earlier ones."""

    node: str
    is_wanted: bool  # a Pod would be started there
    new: list[Obj] = field(default_factory=list)
    old: list[Obj] = field(default_factory=list)
    available: set[str] = field(default_factory=set)  # names of Pods

    def has_available(self, pods: Iterable[Obj]) -> bool:
        return any(pod["metadata"]["name"] in self.available for pod in pods)

    @property
    def is_crowded(self) -> bool:
        """`plan` is about to end that."""
        return len(self.new) > 1 or len(self.old) > 1


def _replacing(places: Iterable[_Place], max_unavailable: int) -> Plan:
    result, unavailable = Plan(), 0
    candidates: list[Obj] = []
    for place in places:
        if place.is_crowded or bool(place.new) == bool(place.old):
            unavailable += 1
        elif not place.available:
            unavailable += 1
            result.delete += place.old
        else:
            candidates += place.old
    result.delete += candidates[: max(0, max_unavailable - unavailable)]
    return result


def _surging(places: Iterable[_Place], surge: int, desired: int) -> Plan:
    """New Pods beside the old ones, which go once the new are available.

    Those that may stay where none would be started go only when enough others are available.
    """
    result, surging, available = Plan(), 0, 0
    candidates: list[str] = []  # nodes
    leaving: list[Obj] = []
    for place in places:
        if place.is_crowded:
            surging += 1
            continue
        available += place.has_available(place.old or place.new)
        if place.old and place.new:
            if place.has_available(place.new):
                result.delete += place.old
            else:
                surging += 1
        elif place.old and place.is_wanted:
            (candidates if place.available else result.create).append(place.node)
        elif place.old:
            (leaving if place.available else result.delete).extend(place.old)
    result.create += candidates[: max(0, surge - surging)]
    result.delete += leaving[: max(0, available - desired)]
    return result


def new_status(
    daemon_set: Obj, nodes: Sequence[Obj], pods: Mapping[str, Sequence[Obj]], revision_hash: str, now: datetime
) -> Obj:
    min_ready = daemon_set["spec"].get("minReadySeconds", 0)
    counts = dict.fromkeys(("desired", "current", "misscheduled", "ready", "available", "updated"), 0)
    for node in nodes:
        here = pods.get(node["metadata"]["name"], ())
        if not fits(daemon_set, node)[0]:
            counts["misscheduled"] += bool(here)
            continue
        counts["desired"] += 1
        if not here:
            continue
        counts["current"] += 1
        # what was before an update counts for the node until it goes, also when both came in the same second
        oldest = min(here, key=lambda pod: (*_age(pod), labels_of(pod).get(HASH_LABEL) == revision_hash))
        counts["ready"] += is_ready(oldest)
        counts["available"] += is_available(oldest, min_ready, now)
        counts["updated"] += labels_of(oldest).get(HASH_LABEL) == revision_hash
    status: Obj = {
        "currentNumberScheduled": counts["current"],
        "numberMisscheduled": counts["misscheduled"],
        "desiredNumberScheduled": counts["desired"],
        "numberReady": counts["ready"],
    }
    optional = {
        "observedGeneration": daemon_set["metadata"].get("generation", 0),
        "updatedNumberScheduled": counts["updated"],
        "numberAvailable": counts["available"],
        "numberUnavailable": counts["desired"] - counts["available"],
    }
    status |= {name: value for name, value in optional.items() if value}
    old = daemon_set.get("status") or {}
    return status | {name: old[name] for name in ("collisionCount", "conditions") if name in old}
