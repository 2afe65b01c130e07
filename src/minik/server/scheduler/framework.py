"""The scheduling framework: what a plugin is, and how a profile runs its plugins.

    queueSort -> preFilter -> filter -> postFilter (nothing fits) -> preScore -> score -> reserve -> permit
              -> preBind -> bind -> postBind

A plugin is one object with a `name` and the methods of the extension points it serves; everything it sees (PodInfo,
NodeInfo) is data, so filters and scores are pure functions. Methods it does not have are not called.
Upstream: https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from minik.server.scheduler.change_log import ChangeLog
from minik.server.scheduler.events import ALWAYS, Hint, Wakers
from minik.server.scheduler.events import Event as Event
from minik.server.scheduler.node_info import NodeInfo, PodInfo

MAX_SCORE = 100


class Code(Enum):
    """Why a plugin said no. UNRESOLVABLE: removing other Pods would not help (preemption skips the node)."""

    UNSCHEDULABLE = "Unschedulable"
    UNRESOLVABLE = "UnschedulableAndUnresolvable"
    ERROR = "Error"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a filter answers when the Pod cannot go there; None means it can. `plugin` is filled in by the profile."""

    reasons: tuple[str, ...]
    code: Code = Code.UNSCHEDULABLE
    plugin: str = ""


CycleState = dict[str, Any]
"""What a plugin's preFilter or preScore leaves for its later methods, by plugin name.

A plugin whose preFilter leaves nothing has nothing to filter for this Pod: its filter is not called (upstream's Skip).
Likewise its score when its preScore leaves nothing under `scored_key` of its name.
"""
_FILTERS = "/filters"  # in the state: those of this cycle


@dataclass(slots=True)
class Snapshot:
    """The cluster as one scheduling cycle sees it: nodes by name.

    `originals`: the nodes that are shown otherwise than they are (with Pods that are to come), as they are. `log` says
    what changed since earlier snapshots; None: this one has nothing to do with others.
    """

    nodes: Mapping[str, NodeInfo]
    originals: Mapping[str, NodeInfo] = field(default_factory=dict)
    log: ChangeLog | None = None

    def original(self, name: str) -> NodeInfo:
        return self.originals.get(name) or self.nodes[name]


class Plugin(Protocol):
    """The one thing every plugin has. `events`: when to try a Pod again that this plugin refused.

    A plugin with `hint(pod, happening)` is asked then whether that may change its mind about the Pod.
    `is_local` (False if left out): filter and score look at nothing but the Pod's spec and the node they are given.
    """

    name: str
    events: frozenset[Event]


class FilterPlugin(Plugin, Protocol):
    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None: ...


@dataclass(frozen=True, slots=True)
class Enabled:
    """A plugin in a profile with the weight of its score."""

    plugin: Any
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why no node would do: refusals by node name."""

    refusals: Mapping[str, Refusal]
    unresolvable: str = ""  # a preFilter's verdict on the Pod as a whole

    @property
    def plugins(self) -> frozenset[str]:
        return frozenset(refusal.plugin for refusal in self.refusals.values())

    def message(self, count: int, after: str = "") -> str:
        """Upstream's text: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).`"""
        if self.unresolvable:
            return f"0/{count} nodes are available: {self.unresolvable}.{after}"
        tally: dict[str, int] = {}
        for refusal in self.refusals.values():
            for reason in refusal.reasons:
                tally[reason] = tally.get(reason, 0) + 1
        if not tally:
            return (
                f"no nodes available to schedule pods{after}" if not count else f"0/{count} nodes are available.{after}"
            )
        listed = ", ".join(sorted(f"{number} {reason}" for reason, number in tally.items()))
        return f"0/{count} nodes are available: {listed}.{after}"


def scored_key(plugin_name: str) -> str:
    """Where preScore leaves what score needs."""
    return f"{plugin_name}/score"


@dataclass(frozen=True, slots=True)
class Profile:
    """One scheduler name and its plugins, in order. Extension points are looked up once, here."""

    name: str
    plugins: Sequence[Enabled]
    _points: dict[str, list[Enabled]] = field(default_factory=dict)
    percentage_of_nodes_to_score: int = 0  # 0: fewer the more nodes there are
    _wakers: dict[frozenset[str], Wakers] = field(default_factory=dict)

    def at(self, point: str) -> list[Enabled]:
        """The plugins that serve an extension point (`filter`, `score`, ...)."""
        found = self._points.get(point)
        if found is None:
            found = self._points[point] = [e for e in self.plugins if hasattr(e.plugin, point)]
        return found

    def wakers_of(self, names: frozenset[str]) -> Wakers:
        """What may change the mind of these plugins; everything when one is unknown or does not say."""
        found = self._wakers.get(names)
        if found is None:
            found = self._wakers[names] = self._find_wakers(names)
        return found

    def _find_wakers(self, names: frozenset[str]) -> Wakers:
        plugins = {each.plugin.name: each.plugin for each in self.plugins}
        wakers: dict[Event, tuple[Hint, ...] | None] = {}
        for name in sorted(names):
            events: frozenset[Event] | None = getattr(plugins.get(name), "events", None)
            if events is None:
                return ALWAYS
            hint: Hint | None = getattr(plugins[name], "hint", None)
            for event in events:
                others = wakers.get(event, ())
                wakers[event] = None if hint is None or others is None else (*others, hint)
        return wakers

    # -- one cycle, pure

    def feasible(
        self, state: CycleState, pod: PodInfo, snapshot: Snapshot, *, order: Iterable[str] = (), enough: int = 0
    ) -> tuple[list[NodeInfo], Diagnosis]:
        """Nodes that pass every filter, and why the others do not.

        `order`: names of all nodes in the order to look at them; `enough`: how many to find at most, 0 for all.
        """
        for enabled in self.at("pre_filter"):
            verdict: Refusal | None = enabled.plugin.pre_filter(state, pod, snapshot)
            if verdict is not None:
                named = Refusal(verdict.reasons, verdict.code, enabled.plugin.name)
                return [], Diagnosis(dict.fromkeys(snapshot.nodes, named), ", ".join(verdict.reasons))
        state[_FILTERS] = [
            e for e in self.at("filter") if e.plugin.name in state or not hasattr(e.plugin, "pre_filter")
        ]
        fitting, refusals = [], {}
        for name in order or snapshot.nodes:
            node = snapshot.nodes[name]
            refusal = self.refusal(state, pod, node)
            if refusal is None:
                fitting.append(node)
                if len(fitting) == enough:
                    break
            else:
                refusals[name] = refusal
        return fitting, Diagnosis(refusals)

    def refusal(self, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
        """The first filter's no, or None when the Pod fits the node."""
        for enabled in state[_FILTERS] if _FILTERS in state else self.at("filter"):
            refusal: Refusal | None = enabled.plugin.filter(state, pod, node)
            if refusal is not None:
                return Refusal(refusal.reasons, refusal.code, enabled.plugin.name)
        return None

    def scorers(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> list[Enabled]:
        """The plugins with something to score for this Pod, prepared."""
        for enabled in self.at("pre_score"):
            enabled.plugin.pre_score(state, pod, nodes, snapshot)
        return [e for e in self.at("score") if scored_key(e.plugin.name) in state or not hasattr(e.plugin, "pre_score")]

    def score(self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot) -> dict[str, int]:
        """Weighted, normalised total by node name."""
        totals = dict.fromkeys((node.name for node in nodes), 0)
        for enabled in self.scorers(state, pod, nodes, snapshot):
            scores = {node.name: enabled.plugin.score(state, pod, node) for node in nodes}
            normalize = getattr(enabled.plugin, "normalize", None)
            for name, value in (normalize(state, scores) if normalize else scores).items():
                totals[name] += int(value) * enabled.weight
        return totals


def normalize_to_max(scores: Mapping[str, float], *, reverse: bool = False) -> dict[str, int]:
    """Scale so that the highest becomes 100; `reverse`: the highest becomes 0 (upstream's DefaultNormalizeScore)."""
    highest = max(scores.values(), default=0)
    if highest == 0:
        return dict.fromkeys(scores, MAX_SCORE if reverse else 0)
    scaled = {name: int(MAX_SCORE * value // highest) for name, value in scores.items()}
    return {name: MAX_SCORE - value for name, value in scaled.items()} if reverse else scaled
