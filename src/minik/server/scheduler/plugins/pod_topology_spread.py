"""preFilter, filter, preScore, score: Pods of a kind spread evenly over zones, nodes or whatever labels divide.

Counts follow the nodes that change (node_memo.py).
https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from minik.api.node_affinity import required_matches
from minik.api.selectors import LabelSelector
from minik.api.tolerations import untolerated
from minik.api.types import Obj
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import MAX_SCORE, Code, CycleState, Event, Refusal, Snapshot, scored_key
from minik.server.scheduler.handle import Handle
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.scheduler.node_memo import NodeMemo
from minik.server.scheduler.spread_constraints import (
    HOSTNAME,
    SYSTEM_DEFAULTS,
    Constraint,
    DefaultConstraints,
    constraints_of,
)

_REASON = "node(s) didn't match pod topology spread constraints"
_SKEWED = Refusal((_REASON,))
_UNLABELLED = Refusal((f"{_REASON} (missing required label)",), Code.UNRESOLVABLE)
_SCORED = scored_key("PodTopologySpread")
_EFFECTS = ("NoSchedule", "NoExecute")


@dataclass(slots=True)
class Spread:
    """How the Pods of one constraint are spread. `domains`: of the nodes that count; `totals`: Pods by domain."""

    constraint: Constraint
    domains: Mapping[str, str]
    by_node: Mapping[str, int]
    totals: dict[str, int]
    count: Callable[[NodeInfo], int]
    own: int  # 1 if the Pod counts itself

    def skew(self, node: NodeInfo, domain: str, shown: Mapping[str, NodeInfo]) -> int:
        """How far ahead of the emptiest domain the node's would be with the Pod."""
        totals = self.totals
        if shown.get(node.name) is not node and node.name in self.domains:  # what if it had fewer Pods?
            totals = dict(totals)
            totals[domain] += self.count(node) - self.by_node.get(node.name, 0)
        lowest = self.lowest(totals)
        return totals.get(domain, 0) + self.own - lowest

    def lowest(self, totals: Mapping[str, int]) -> int:
        return 0 if len(totals) < self.constraint.min_domains else min(totals.values(), default=0)


@dataclass(slots=True)
class _Scoring:
    spreads: list[Spread]
    weights: list[float]
    ignored: set[str]


class PodTopologySpread:
    name = "PodTopologySpread"
    events = frozenset(
        {
            Event.POD_ASSIGNED,
            Event.POD_GONE,
            Event.POD_LABELS,
            Event.POD_CHANGED,
            Event.NODE_ADDED,
            Event.NODE_GONE,
            Event.NODE_LABELS,
            Event.NODE_TAINTS,
        }
    )

    def __init__(self, arguments: Obj, handle: Handle) -> None:
        self._is_system = arguments.get("defaultingType", "System") == "System"
        constraints = SYSTEM_DEFAULTS if self._is_system else arguments.get("defaultConstraints") or ()
        self._defaults = DefaultConstraints(constraints, handle.informers)
        self._memo = NodeMemo()

    def _constraints(self, pod: PodInfo, *, hard: bool) -> list[Constraint]:
        own = pod.spec.get("topologySpreadConstraints")
        if not own and hard and self._is_system:
            return []  # none of those is hard
        return [each for each in (constraints_of(pod) if own else self._defaults.of(pod)) if each.is_hard is hard]

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> Refusal | None:
        """Leaves how Pods are spread now, if it matters."""
        constraints = self._constraints(pod, hard=True)
        if constraints:
            keys = tuple(each.key for each in constraints)
            state[self.name] = [self._spread(pod, each, keys, snapshot) for each in constraints], snapshot.nodes
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        spreads, shown = state.get(self.name) or ((), {})
        labels = node.labels
        for spread in spreads:
            domain = labels.get(spread.constraint.key)
            if domain is None:
                return _UNLABELLED
            if spread.skew(node, domain, shown) > spread.constraint.max_skew:
                return _SKEWED
        return None

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        """Pods that come, go or change must count; nodes must be in a domain."""
        constraints = self._constraints(pod, hard=True)
        if what.event in (Event.POD_ASSIGNED, Event.POD_GONE, Event.POD_LABELS):
            versions = [each for each in (what.old, what.new) if each is not None]
            return any(
                each["metadata"]["namespace"] == pod.namespace
                and constraint.selector.matches(each["metadata"].get("labels") or {})
                for each in versions
                for constraint in constraints
            )
        if what.event in (Event.NODE_ADDED, Event.NODE_GONE, Event.NODE_LABELS):
            before, after = (_domains_of(node, constraints) for node in (what.old, what.new))
            return before != after
        return True

    def _spread(self, pod: PodInfo, constraint: Constraint, keys: tuple[str, ...], snapshot: Snapshot) -> Spread:
        domains = self._domains(pod, constraint, keys, snapshot)
        namespace, selector = pod.namespace, constraint.selector

        def count(node: NodeInfo) -> int:
            return _matching(node, namespace, selector)

        by_node = self._memo.of(("pods", namespace, selector), count, snapshot)
        totals = dict.fromkeys(domains.values(), 0)
        for name, number in by_node.items():
            domain = domains.get(name)
            if domain is not None:
                totals[domain] += number
        return Spread(constraint, domains, by_node, totals, count, int(selector.matches(pod.labels)))

    def _domains(
        self, pod: PodInfo, constraint: Constraint, keys: tuple[str, ...], snapshot: Snapshot
    ) -> Mapping[str, str]:
        """The domain of every node that has all of `keys` and that the Pod could go to, as far as that counts."""
        spec, key = pod.spec, constraint.key
        tolerations = spec.get("tolerations") or ()

        def domain(node: NodeInfo) -> str:
            labels = node.labels
            if any(each not in labels for each in keys):
                return ""
            if constraint.honors_affinity and node.node is not None and not required_matches(spec, node.node):
                return ""
            if constraint.honors_taints and untolerated(node.taints, tolerations, _EFFECTS) is not None:
                return ""
            return labels.get(key, "")

        where = {"selector": spec.get("nodeSelector"), "affinity": (spec.get("affinity") or {}).get("nodeAffinity")}
        asked = orjson.dumps(where) if constraint.honors_affinity and any(where.values()) else b""
        tolerated = orjson.dumps(tolerations) if constraint.honors_taints else None
        return self._memo.of(("domains", keys, key, asked, tolerated), domain, snapshot)

    # -- constraints that only weigh

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> None:
        """Leaves how Pods are spread and what each constraint weighs, if there are any."""
        constraints = self._constraints(pod, hard=False)
        if not constraints:
            return
        all_keys = not self._is_system or bool(pod.spec.get("topologySpreadConstraints"))
        keys = tuple(each.key for each in constraints) if all_keys else ()
        ignored = {node.name for node in nodes if any(key not in node.labels for key in keys)} if keys else set()
        counted = [node for node in nodes if node.name not in ignored] if ignored else nodes
        spreads = [self._spread(pod, each, keys, snapshot) for each in constraints]
        weights = [math.log(_size(each, counted) + 2) for each in spreads]
        state[_SCORED] = _Scoring(spreads, weights, ignored)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        return self.scores(state, pod, (node,))[node.name]

    def scores(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> dict[str, int]:
        """Of all of `nodes`, which is less work than one after the other."""
        scoring: _Scoring = state[_SCORED]
        totals = dict.fromkeys((node.name for node in nodes), 0.0)
        for spread, weight in zip(scoring.spreads, scoring.weights, strict=True):
            domains, by_node, in_domain = spread.domains, spread.by_node, spread.totals
            is_host, least = spread.constraint.key == HOSTNAME, spread.constraint.max_skew - 1
            for name in totals:
                domain = domains.get(name)
                if domain is not None:
                    number = by_node.get(name, 0) if is_host else in_domain[domain]
                    totals[name] += number * weight + least
        return {name: 0 if name in scoring.ignored else round(total) for name, total in totals.items()}

    def normalize(self, state: CycleState, scores: Mapping[str, int]) -> dict[str, int]:
        ignored = state[_SCORED].ignored
        counted = [value for name, value in scores.items() if name not in ignored]
        lowest, highest = min(counted, default=0), max(counted, default=0)
        if highest == 0:
            return {name: 0 if name in ignored else MAX_SCORE for name in scores}
        return {
            name: 0 if name in ignored else MAX_SCORE * (highest + lowest - value) // highest
            for name, value in scores.items()
        }


def _size(spread: Spread, nodes: Sequence[NodeInfo]) -> int:
    """How many domains the nodes are in."""
    if spread.constraint.key == HOSTNAME:
        return len(nodes)
    domains = spread.domains
    return len({domains[node.name] for node in nodes if node.name in domains})


def _matching(node: NodeInfo, namespace: str, selector: LabelSelector) -> int:
    """Pods of the node that count, those that are on their way out left aside."""
    if selector.nothing:
        return 0
    return sum(
        pod.namespace == namespace and not pod.obj["metadata"].get("deletionTimestamp") and selector.matches(pod.labels)
        for pod in node.pods.values()
    )


def _domains_of(node: Obj | None, constraints: Sequence[Constraint]) -> Sequence[str]:
    """The node's, if it has all of them."""
    labels = (node["metadata"].get("labels") or {}) if node is not None else {}
    found = [labels.get(constraint.key, "") for constraint in constraints]
    return found if all(found) else []
