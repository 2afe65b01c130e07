"""preFilter, filter, preScore, score: Pods that want to be near others, or far from them.

Counts are kept by domain (a node label's key and value) and node, and follow the nodes that change (node_memo.py).
https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from minik.api.types import Obj
from minik.client.informer import Change, Informer
from minik.client.resources import NAMESPACES
from minik.server.scheduler.affinity_terms import Term, terms_of
from minik.server.scheduler.events import Happening
from minik.server.scheduler.framework import MAX_SCORE, Code, CycleState, Event, Refusal, Snapshot, scored_key
from minik.server.scheduler.handle import Handle
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.scheduler.node_memo import NodeMemo

Domain = tuple[str, str]  # a label's key and value
Counts = dict[Domain, int]

_AFFINITY = Refusal(("node(s) didn't match pod affinity rules",), Code.UNRESOLVABLE)
_ANTI_AFFINITY = Refusal(("node(s) didn't match pod anti-affinity rules",))
_EXISTING = Refusal(("node(s) didn't satisfy existing pods anti-affinity rules",))
_SCORED = scored_key("InterPodAffinity")


@dataclass(slots=True)
class Tally:
    """How many Pods count in each domain of the cluster, and how many of them are on which node."""

    totals: Counts
    by_node: Mapping[str, Counts]
    count: Callable[[NodeInfo], Counts]

    def at(self, domain: Domain, node: NodeInfo, shown: Mapping[str, NodeInfo]) -> int:
        """In `domain`, with `node` as it is given: preemption asks about nodes with fewer Pods than they have."""
        total = self.totals.get(domain, 0)
        if shown.get(node.name) is not node:
            total += self.count(node).get(domain, 0) - self.by_node.get(node.name, {}).get(domain, 0)
        return total


@dataclass(slots=True)
class _Cycle:
    pod: PodInfo
    nodes: Mapping[str, NodeInfo]
    wanted: Tally  # Pods that match all terms of the Pod's affinity
    unwanted: Tally  # Pods that match a term of its anti-affinity
    unwelcoming: Tally  # Pods whose anti-affinity it matches
    fits_itself: bool  # the Pod matches its own affinity, so it may be the first of its kind


class InterPodAffinity:
    name = "InterPodAffinity"
    events = frozenset(
        {
            Event.POD_ASSIGNED,
            Event.POD_GONE,
            Event.POD_LABELS,
            Event.POD_CHANGED,
            Event.NODE_ADDED,
            Event.NODE_LABELS,
        }
    )

    def __init__(self, arguments: Obj, handle: Handle) -> None:
        self._hard_weight: int = arguments.get("hardPodAffinityWeight", 1)
        self._only_own: bool = bool(arguments.get("ignorePreferredTermsOfExistingPods"))
        self._namespaces: Informer = handle.informers.of(NAMESPACES)
        self._namespaces.add_handler(self._namespaces_changed)
        self.informers = (self._namespaces,)
        self._memo = NodeMemo()

    def _namespaces_changed(self, changes: Sequence[Change]) -> None:
        """Selectors of namespaces may select otherwise now."""
        self._memo = NodeMemo()

    def _labels_of(self, namespace: str) -> Mapping[str, str]:
        found = self._namespaces.get(namespace)
        return (found["metadata"].get("labels") or {}) if found is not None else {}

    def hint(self, pod: PodInfo, what: Happening) -> bool:
        """Wanted Pods must come, unwanted ones go; nodes must be in a domain that terms name."""
        old, new = what.old, what.new
        if what.event in (Event.POD_ASSIGNED, Event.POD_GONE, Event.POD_LABELS):
            was_wanted = old is not None and self._matches(pod.terms.affinity, old)
            if was_wanted or (new is not None and self._matches(pod.terms.affinity, new)):
                return True
            return old is not None and (self._matches(pod.terms.anti, old) or self._repels(old, pod))
        if what.event in (Event.NODE_ADDED, Event.NODE_LABELS) and new is not None:
            now, before = (((node or {}).get("metadata") or {}).get("labels") or {} for node in (new, old))
            terms = (*pod.terms.affinity, *pod.terms.anti)
            return not terms or any(now.get(term.key) != before.get(term.key) for term in terms)
        return True

    def _matches(self, terms: Sequence[Term], other: Obj) -> bool:
        metadata = other["metadata"]
        labels = metadata.get("labels") or {}
        return any(term.matches(metadata["namespace"], labels, self._labels_of) for term in terms)

    def _repels(self, other: Obj, pod: PodInfo) -> bool:
        terms = terms_of(other["spec"], other["metadata"]["namespace"]).anti
        return any(term.matches(pod.namespace, pod.labels, self._labels_of) for term in terms)

    # -- required terms

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot) -> Refusal | None:
        """Leaves the counts, unless nobody wants anything."""
        terms, labels, labels_of = pod.terms, pod.labels, self._labels_of
        me = (pod.namespace, tuple(sorted(labels.items())))

        def wanted(node: NodeInfo) -> Counts:
            return _count_all(terms.affinity, node, labels_of)

        def unwanted(node: NodeInfo) -> Counts:
            return _count_each(terms.anti, node, labels_of)

        def unwelcoming(node: NodeInfo) -> Counts:
            counts: Counts = {}
            for other in node.choosy.values():
                for term in other.terms.anti:
                    if term.matches(me[0], labels, labels_of):
                        _add(counts, term.key, node, 1)
            return counts

        cycle = _Cycle(
            pod,
            snapshot.nodes,
            self._tally(("wanted", terms.affinity), wanted, snapshot, bool(terms.affinity)),
            self._tally(("unwanted", terms.anti), unwanted, snapshot, bool(terms.anti)),
            self._tally(("unwelcoming", me), unwelcoming, snapshot, True),
            all(term.matches(me[0], labels, labels_of) for term in terms.affinity),
        )
        if terms.affinity or terms.anti or cycle.unwelcoming.totals:
            state[self.name] = cycle
        return None

    def _tally(
        self, key: tuple[object, ...], count: Callable[[NodeInfo], Counts], snapshot: Snapshot, is_needed: bool
    ) -> Tally:
        by_node = self._memo.of(key, count, snapshot) if is_needed else {}
        totals: Counts = {}
        for counts in by_node.values():
            for domain, number in counts.items():
                totals[domain] = totals.get(domain, 0) + number
        return Tally(totals, by_node, count)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        cycle: _Cycle | None = state.get(self.name)
        if cycle is None:
            return None
        labels, shown = node.labels, cycle.nodes
        if pod.terms.affinity and not self._is_wanted(cycle, node):
            return _AFFINITY
        for term in pod.terms.anti:
            value = labels.get(term.key)
            if value is not None and cycle.unwanted.at((term.key, value), node, shown) > 0:
                return _ANTI_AFFINITY
        for domain in cycle.unwelcoming.totals if len(cycle.unwelcoming.totals) < len(labels) else labels.items():
            if labels.get(domain[0]) == domain[1] and cycle.unwelcoming.at(domain, node, shown) > 0:
                return _EXISTING
        return None

    def _is_wanted(self, cycle: _Cycle, node: NodeInfo) -> bool:
        everywhere = True
        for term in cycle.pod.terms.affinity:
            value = node.labels.get(term.key)
            if value is None:
                return False
            everywhere = everywhere and cycle.wanted.at((term.key, value), node, cycle.nodes) > 0
        return everywhere or (not cycle.wanted.totals and cycle.fits_itself)

    # -- preferred terms

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> None:
        """Leaves what every domain is worth, if there is anything to say."""
        own = (*pod.terms.preferred, *pod.terms.preferred_anti)
        key = ("score", pod.namespace, tuple(sorted(pod.labels.items())), pod.terms.preferred, pod.terms.preferred_anti)

        def worth(node: NodeInfo) -> Counts:
            return self._worth(pod, node, bool(own))

        found = self._memo.of(key, worth, snapshot)
        totals: Counts = {}
        for counts in found.values():
            for domain, number in counts.items():
                totals[domain] = totals.get(domain, 0) + number
        if totals:
            by_key: dict[str, dict[str, int]] = {}
            for (label, value), number in totals.items():
                by_key.setdefault(label, {})[value] = number
            state[_SCORED] = by_key

    def _worth(self, pod: PodInfo, node: NodeInfo, has_own: bool) -> Counts:
        """What the Pods of one node say about the Pod, and the Pod about them."""
        counts: Counts = {}
        labels_of = self._labels_of
        for other in node.pods.values() if has_own else ():
            for sign, terms in ((1, pod.terms.preferred), (-1, pod.terms.preferred_anti)):
                for term in terms:
                    if term.matches(other.namespace, other.labels, labels_of):
                        _add(counts, term.key, node, sign * term.weight)
        for other in node.choosy.values():
            for weight, term in self._said_by(other):
                if term.matches(pod.namespace, pod.labels, labels_of):
                    _add(counts, term.key, node, weight)
        return {domain: number for domain, number in counts.items() if number}

    def _said_by(self, other: PodInfo) -> Iterable[tuple[int, Term]]:
        if self._hard_weight:
            yield from ((self._hard_weight, term) for term in other.terms.affinity)
        if not self._only_own:
            yield from ((term.weight, term) for term in other.terms.preferred)
            yield from ((-term.weight, term) for term in other.terms.preferred_anti)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> int:
        labels = node.labels
        return sum(values.get(labels[key], 0) for key, values in state[_SCORED].items() if key in labels)

    def normalize(self, state: CycleState, scores: Mapping[str, int]) -> dict[str, int]:
        lowest, highest = min(scores.values()), max(scores.values())
        if highest == lowest:
            return dict.fromkeys(scores, 0)
        return {name: MAX_SCORE * (value - lowest) // (highest - lowest) for name, value in scores.items()}


def _add(counts: Counts, key: str, node: NodeInfo, number: int) -> None:
    value = node.labels.get(key)
    if value is not None:
        counts[key, value] = counts.get((key, value), 0) + number


def _count_all(terms: Sequence[Term], node: NodeInfo, labels_of: Callable[[str], Mapping[str, str]]) -> Counts:
    """Pods of the node that match every term, in the domain of each."""
    counts: Counts = {}
    for other in node.pods.values():
        if all(term.matches(other.namespace, other.labels, labels_of) for term in terms):
            for term in terms:
                _add(counts, term.key, node, 1)
    return counts


def _count_each(terms: Sequence[Term], node: NodeInfo, labels_of: Callable[[str], Mapping[str, str]]) -> Counts:
    """Pods of the node that match a term, in that term's domain."""
    counts: Counts = {}
    for other in node.pods.values():
        for term in terms:
            if term.matches(other.namespace, other.labels, labels_of):
                _add(counts, term.key, node, 1)
    return counts
