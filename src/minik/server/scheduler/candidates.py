"""The nodes for Pods that are alike, best first, kept from Pod to Pod.

Most plugins look at nothing but the Pod's kind and the node (`is_local`), so their verdicts hold until the node
changes: per Pod only the nodes that changed since the last one are looked at again. The others are asked about the best
nodes in turn until they let one pass. The choice is the one a full cycle over all nodes would make. Where that cannot
be said (scores that depend on other nodes, Pods that wait for victims to go) Pods go the long way. A plugin that
compares nodes with each other but can say all its `scores` at once spares them that.
"""

import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import orjson
from sortedcontainers import SortedList

from minik.server.scheduler.framework import CycleState, Enabled, Profile, Snapshot, scored_key
from minik.server.scheduler.node_info import NodeInfo, PodInfo

_MOST = 64  # kinds of Pods
_Entry = tuple[int, float, str]  # score upside down, a die, node name


@dataclass(slots=True)
class _Kind:
    """What is known of one kind of Pods. `scorers` None: their scores are compared with each other."""

    topology: int
    version: int
    state: CycleState
    scorers: list[Enabled] | None
    order: "SortedList[_Entry]" = field(default_factory=SortedList)
    entries: dict[str, _Entry] = field(default_factory=dict)


class Candidates:
    """Of one profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._kinds: dict[Hashable, _Kind] = {}
        local = [_is_local(enabled) for enabled in profile.at("filter")]
        self._local = [e for e, is_local in zip(profile.at("filter"), local, strict=True) if is_local]
        self._others = [e for e, is_local in zip(profile.at("filter"), local, strict=True) if not is_local]
        self._scores_of_others = [e for e in profile.at("score") if not _is_local(e)]

    def choose(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> str:
        """The best node; "" if the long way has to be gone, with a new state."""
        for enabled in self._profile.at("pre_filter"):
            if enabled.plugin.pre_filter(state, pod, snapshot) is not None:
                return ""
        comparing = self._comparing(state, pod, snapshot)
        if not all(hasattr(enabled.plugin, "scores") for enabled in comparing):
            return ""
        kind = self._kind(pod, snapshot)
        if kind is None or kind.scorers is None:
            return ""
        asked = [e.plugin for e in self._others if e.plugin.name in state or not hasattr(e.plugin, "pre_filter")]
        fitting = (
            name
            for _, _, name in kind.order
            if all(plugin.filter(state, pod, snapshot.nodes[name]) is None for plugin in asked)
        )
        return self._best(state, pod, snapshot, kind, [*fitting], comparing) if comparing else next(fitting, "")

    def _comparing(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> list[Enabled]:
        """The plugins that compare nodes with each other for this Pod."""
        for enabled in self._scores_of_others:
            if hasattr(enabled.plugin, "pre_score"):
                enabled.plugin.pre_score(state, pod, (), snapshot)
        return [
            e
            for e in self._scores_of_others
            if scored_key(e.plugin.name) in state or not hasattr(e.plugin, "pre_score")
        ]

    def _best(
        self,
        state: CycleState,
        pod: PodInfo,
        snapshot: Snapshot,
        kind: _Kind,
        fitting: Sequence[str],
        comparing: Sequence[Enabled],
    ) -> str:
        """One of those with the highest total; "" if there are none."""
        if not fitting:
            return ""
        nodes = [snapshot.nodes[name] for name in fitting]
        totals = {name: -kind.entries[name][0] for name in fitting}
        for enabled in comparing:
            plugin = enabled.plugin
            plugin.pre_score(state, pod, nodes, snapshot)
            for name, score in plugin.normalize(state, plugin.scores(state, pod, nodes)).items():
                totals[name] += score * enabled.weight
        best = max(totals.values())
        return random.choice([name for name, total in totals.items() if total == best])

    def _kind(self, pod: PodInfo, snapshot: Snapshot) -> _Kind | None:
        """Up to date."""
        log = snapshot.log
        if log is None or snapshot.originals:
            return None
        key = _key(pod)
        kind = self._kinds.get(key)
        changed: Sequence[str] | None = None
        if kind is not None and kind.topology == log.topology:
            changed = log.since(kind.version)
        if kind is None or changed is None:
            if len(self._kinds) >= _MOST:
                del self._kinds[next(iter(self._kinds))]
            kind = self._kinds[key] = self._new(pod, snapshot, log.topology)
            changed = [*snapshot.nodes]
        kind.version = log.version
        if kind.scorers is not None:
            for name in dict.fromkeys(changed):
                self._update(kind, pod, name, snapshot.nodes.get(name))
        return kind

    def _new(self, pod: PodInfo, snapshot: Snapshot, topology: int) -> _Kind:
        state: CycleState = {}
        scorers: list[Enabled] | None = []
        nodes = [*snapshot.nodes.values()]
        for enabled in self._profile.at("score"):
            plugin = enabled.plugin
            if not _is_local(enabled):
                continue
            if hasattr(plugin, "pre_score"):
                plugin.pre_score(state, pod, nodes, snapshot)
                if scored_key(plugin.name) not in state:
                    continue
            if hasattr(plugin, "normalize"):
                scorers = None
                break
            assert scorers is not None
            scorers.append(enabled)
        return _Kind(topology, 0, state, scorers)

    def _update(self, kind: _Kind, pod: PodInfo, name: str, node: NodeInfo | None) -> None:
        had = kind.entries.pop(name, None)
        if had is not None:
            kind.order.remove(had)
        if node is None or any(e.plugin.filter(kind.state, pod, node) is not None for e in self._local):
            return
        score = sum(int(e.plugin.score(kind.state, pod, node)) * e.weight for e in kind.scorers or ())
        entry = kind.entries[name] = (-score, random.random(), name)
        kind.order.add(entry)


def _is_local(enabled: Enabled) -> bool:
    return bool(getattr(enabled.plugin, "is_local", False))


def _key(pod: PodInfo) -> Hashable:
    """What local plugins see of a Pod."""
    spec = pod.spec
    places = spec.get("nodeSelector"), (spec.get("affinity") or {}).get("nodeAffinity"), spec.get("tolerations")
    images = tuple(container.get("image", "") for container in spec["containers"])
    first = tuple(container.get("image", "") for container in spec.get("initContainers") or ())
    amounts = tuple(sorted(pod.requests.items()))
    asked = orjson.dumps(places) if any(places) else b""
    return amounts, pod.scoring_cpu, pod.scoring_memory, pod.ports, images, first, asked, spec.get("nodeName")
