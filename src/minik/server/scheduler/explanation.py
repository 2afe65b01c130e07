"""Why a Pod is where it is, or nowhere: every plugin's word on every node, by the profile that runs.

The same plugins (and extenders) are asked as in a scheduling cycle, against the cache as it is now; nothing is decided.
"""

from collections.abc import Callable, Mapping, Sequence

from minik.api.types import Obj
from minik.server.scheduler.extenders import Extender, ExtenderError
from minik.server.scheduler.framework import Code, CycleState, Profile, Refusal, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo


def explain(profile: Profile, pod: PodInfo, snapshot: Snapshot) -> Obj:
    """What `minik why` shows: `nodes` with refusals or scores, and `decision`."""
    without_itself = Snapshot({name: _without(node, pod) for name, node in snapshot.nodes.items()})
    state: CycleState = {}
    fitting, diagnosis = profile.feasible(state, pod, without_itself)
    nodes: dict[str, Obj] = {name: {"name": name} for name in sorted(snapshot.nodes)}
    if diagnosis.unresolvable:
        for name, refusal in diagnosis.refusals.items():
            nodes[name]["refusedBy"] = [_shown(refusal)]
    else:
        for name, refusal in diagnosis.refusals.items():
            nodes[name]["refusedBy"] = _all_refusals(profile, state, pod, without_itself.nodes[name]) or [
                _shown(refusal)
            ]
        for name, scores in _scores(profile, state, pod, fitting, without_itself).items():
            nodes[name]["scores"] = scores
            nodes[name]["total"] = sum(score["weighted"] for score in scores)
    return {"nodes": [*nodes.values()], "decision": _decision(nodes, diagnosis.message(len(snapshot.nodes)))}


async def with_extenders(explained: Obj, extenders: Sequence[Extender], pod: PodInfo, snapshot: Snapshot) -> Obj:
    """The explanation with what extenders say of the nodes that pass the plugins."""
    asked = [extender for extender in extenders if extender.is_interested(pod)]
    nodes: dict[str, Obj] = {node["name"]: node for node in explained["nodes"]}
    errors: list[str] = []
    for extender in asked:
        fitting = [snapshot.nodes[name] for name, node in nodes.items() if "scores" in node]
        try:
            if fitting and extender.settings.filter_verb:
                verdict = await extender.filter(pod, fitting)
                for name in {node.name for node in fitting} - {node.name for node in verdict.passed}:
                    refusal = verdict.refusals.get(name) or Refusal(("left out",), plugin=extender.name)
                    nodes[name] = {"name": name, "refusedBy": [_shown(refusal)]}
                fitting = [*verdict.passed]
            if fitting and extender.settings.prioritize_verb:
                for name, score in (await extender.prioritize(pod, fitting)).items():
                    _add_score(nodes[name], extender, score)
        except ExtenderError as error:
            errors.append(str(error))
    if not asked:
        return explained
    refused = "no node passes the extenders" if explained["decision"]["nodes"] else explained["decision"]["message"]
    found = {**explained, "nodes": [*nodes.values()], "decision": _decision(nodes, refused)}
    return found | ({"extenderErrors": errors} if errors else {})


def _add_score(node: Obj, extender: Extender, weighted: int) -> None:
    weight = extender.settings.weight
    score = weighted // weight
    entry = {"plugin": extender.name, "raw": score, "normalized": score, "weight": weight, "weighted": weighted}
    node["scores"].append(entry)
    node["total"] += weighted


def _without(node: NodeInfo, pod: PodInfo) -> NodeInfo:
    return node.without((pod.uid,)) if pod.uid in node.pods else node


def _shown(refusal: Refusal) -> Obj:
    helps = refusal.code is Code.UNSCHEDULABLE
    return {"plugin": refusal.plugin, "message": ", ".join(refusal.reasons), "preemptionMayHelp": helps}


def _all_refusals(profile: Profile, state: CycleState, pod: PodInfo, node: NodeInfo) -> list[Obj]:
    """Every filter's no, where a scheduling cycle stops at the first."""
    found: list[Obj] = []
    for enabled in profile.at("filter"):
        plugin = enabled.plugin
        if hasattr(plugin, "pre_filter") and plugin.name not in state:
            continue
        refusal: Refusal | None = plugin.filter(state, pod, node)
        if refusal is not None:
            found.append(_shown(Refusal(refusal.reasons, refusal.code, plugin.name)))
    return found


def _scores(
    profile: Profile, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot
) -> dict[str, list[Obj]]:
    """By node: what each plugin gave it, on the plugin's own scale, from 0 to 100, and with the plugin's weight."""
    found: dict[str, list[Obj]] = {node.name: [] for node in nodes}
    for enabled in profile.scorers(state, pod, nodes, snapshot):
        raw = {node.name: enabled.plugin.score(state, pod, node) for node in nodes}
        normalize: Callable[[CycleState, Mapping[str, int]], dict[str, int]] | None
        normalize = getattr(enabled.plugin, "normalize", None)
        normalized = normalize(state, raw) if normalize else raw
        for name, value in normalized.items():
            score = int(value)
            found[name].append(
                {
                    "plugin": enabled.plugin.name,
                    "raw": raw[name],
                    "normalized": score,
                    "weight": enabled.weight,
                    "weighted": score * enabled.weight,
                }
            )
    return found


def _decision(nodes: Mapping[str, Obj], refused: str) -> Obj:
    totals = {name: node["total"] for name, node in nodes.items() if "total" in node}
    if not totals:
        return {"nodes": [], "message": refused}
    best = max(totals.values())
    names = [name for name, total in totals.items() if total == best]
    shown = names[0] if len(names) == 1 else f"one of {', '.join(names)} (at random)"
    return {"nodes": names, "message": f"{shown}: the highest total, {best}"}
