"""postFilter: when nothing fits, find Pods of lower priority whose removal makes room, where that costs least.

Decides only; the scheduler removes the victims. Candidates are sampled in large clusters, from a random node on.
https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
"""

import random

from minik.api.types import Obj
from minik.client.informer import Informer
from minik.client.resources import POD_DISRUPTION_BUDGETS
from minik.server.scheduler.framework import Code, CycleState, Diagnosis, Event, Profile, Snapshot
from minik.server.scheduler.handle import Handle
from minik.server.scheduler.node_info import NodeInfo, PodInfo
from minik.server.scheduler.preemption import Preemption, Victims, cheapest, sample_size, select_victims

_NOT_HELPFUL = "Preemption is not helpful for scheduling"
_NO_VICTIMS = "No preemption victims found for incoming pod"
_NEVER = "not eligible due to preemptionPolicy=Never."
_UNDER_WAY = "not eligible due to a terminating pod on the nominated node."


class DefaultPreemption:
    name = "DefaultPreemption"
    events: frozenset[Event] = frozenset({Event.POD_GONE})

    def __init__(self, arguments: Obj, handle: Handle) -> None:
        self._percentage: int = arguments["minCandidateNodesPercentage"]
        self._absolute: int = arguments["minCandidateNodesAbsolute"]
        self._budgets: Informer = handle.informers.of(POD_DISRUPTION_BUDGETS)

    async def post_filter(
        self, profile: Profile, state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis
    ) -> Preemption:
        problem = _not_eligible(pod, snapshot, diagnosis)
        if problem:
            return Preemption(message=f"preemption: {problem}")
        candidates, tally = self._candidates(profile, state, pod, snapshot, diagnosis)
        if candidates:
            node = cheapest(candidates)
            return Preemption(node, candidates[node].pods, candidates=candidates)
        if not tally:
            return Preemption()
        listed = ", ".join(sorted(f"{number} {reason}" for reason, number in tally.items()))
        return Preemption(message=f"preemption: 0/{len(snapshot.nodes)} nodes are available: {listed}.")

    def _candidates(
        self, profile: Profile, state: CycleState, pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis
    ) -> tuple[dict[str, Victims], dict[str, int]]:
        """Victims by node, as many as are enough to choose from, and why the other nodes are none, counted."""
        helpful = [name for name, refusal in diagnosis.refusals.items() if refusal.code is Code.UNSCHEDULABLE]
        tally = {_NOT_HELPFUL: len(diagnosis.refusals) - len(helpful)}
        enough = sample_size(len(helpful), percentage=self._percentage, absolute=self._absolute)
        start = random.randrange(len(helpful)) if len(helpful) > enough else 0
        budgets = self._budgets.list()
        candidates: dict[str, Victims] = {}

        def fits(node: NodeInfo) -> bool:
            return profile.refusal(state, pod, node) is None

        for name in (*helpful[start:], *helpful[:start]):
            victims = select_victims(pod, snapshot.nodes[name], fits, budgets)
            if victims is None:
                tally[_NO_VICTIMS] = tally.get(_NO_VICTIMS, 0) + 1
                continue
            candidates[name] = victims
            if len(candidates) >= enough and any(not found.violations for found in candidates.values()):
                break
        return candidates, {reason: number for reason, number in tally.items() if number}


def _not_eligible(pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis) -> str:
    """Why this Pod may not preempt anybody (now); "" if it may."""
    if pod.spec.get("preemptionPolicy") == "Never":
        return _NEVER
    name = (pod.obj.get("status") or {}).get("nominatedNodeName") or ""
    node, refusal = snapshot.nodes.get(name), diagnosis.refusals.get(name)
    if node is None or (refusal is not None and refusal.code is Code.UNRESOLVABLE):
        return ""
    leaving = any(other.priority < pod.priority and _is_being_preempted(other.obj) for other in node.pods.values())
    return _UNDER_WAY if leaving else ""


def _is_being_preempted(pod: Obj) -> bool:
    if not pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "DisruptionTarget" and c.get("reason") == "PreemptionByScheduler" for c in conditions)
