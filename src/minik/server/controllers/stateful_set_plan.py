"""Decides for StatefulSets: the next Pods to start, stop and replace, in order, and the status to show.

Rules: kubernetes/pkg/controller/statefulset/stateful_set_control.go.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from minik.api.types import Obj
from minik.server.controllers.controller_history import HASH_LABEL
from minik.server.controllers.objects import is_deleting, labels_of
from minik.server.controllers.pods import is_available, is_ready, phase
from minik.server.controllers.rolling import scaled
from minik.server.controllers.stateful_set_pods import first_ordinal, has_identity, is_member, ordinal_of

Serves = Callable[[Obj], bool]


@dataclass(frozen=True, slots=True)
class Start:
    """A Pod to create, of the current or the update revision."""

    ordinal: int
    revision: str


@dataclass(slots=True)
class Plan:
    """Writes to do now, in this order."""

    start: list[Start] = field(default_factory=list)
    correct: list[Obj] = field(default_factory=list)  # Pods without their identity
    delete: list[Obj] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Revisions:
    """Names of the ControllerRevisions: what Pods had before the update, and what they get."""

    current: str
    update: str


def revision_of(pod: Obj) -> str:
    return labels_of(pod).get(HASH_LABEL, "")


def is_running_and_ready(pod: Obj) -> bool:
    return is_ready(pod) if phase(pod) == "Running" else False


def partition(stateful_set: Obj) -> int:
    """So many Pods, from the first ordinal on, stay with the current revision in a rolling update."""
    rolling = (stateful_set["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    return int(rolling.get("partition") or 0)


def _is_rolling(stateful_set: Obj) -> bool:
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    return str(strategy.get("type", "RollingUpdate")) == "RollingUpdate"


def _is_in_order(stateful_set: Obj) -> bool:
    return bool(stateful_set["spec"].get("podManagementPolicy", "OrderedReady") != "Parallel")


def _starts_with(stateful_set: Obj, ordinal: int, revisions: Revisions) -> str:
    """The revision a Pod is (re)created with."""
    if not _is_rolling(stateful_set):
        return revisions.update
    start = first_ordinal(stateful_set)
    strategy = stateful_set["spec"].get("updateStrategy") or {}
    if strategy.get("rollingUpdate") is None:
        kept = (stateful_set.get("status") or {}).get("currentReplicas", 0)
    else:
        kept = partition(stateful_set)
    return revisions.current if ordinal < start + kept else revisions.update


def plan(stateful_set: Obj, pods: Sequence[Obj], revisions: Revisions, now: datetime) -> Plan:
    """One step. With OrderedReady it touches one Pod at a time and waits for all before it to be available."""
    result = Plan()
    spec = stateful_set["spec"]
    first, count = first_ordinal(stateful_set), spec.get("replicas", 1)
    in_order = _is_in_order(stateful_set)
    members = {ordinal_of(pod): pod for pod in pods if is_member(stateful_set, pod)}
    wanted = range(first, first + count)
    condemned = [members[ordinal] for ordinal in sorted(members, reverse=True) if ordinal not in wanted]
    min_ready = spec.get("minReadySeconds", 0)

    def serves(pod: Obj) -> bool:
        return is_running_and_ready(pod) and is_available(pod, min_ready, now)

    for ordinal in wanted:
        pod = members.get(ordinal)
        if pod is None:
            result.start.append(Start(ordinal, _starts_with(stateful_set, ordinal, revisions)))
            if in_order:
                return result
        elif phase(pod) in ("Failed", "Succeeded"):
            if not is_deleting(pod):
                result.delete.append(pod)
            if in_order:
                return result
        elif in_order and (is_deleting(pod) or not serves(pod)):
            return _with_corrections(stateful_set, [pod], result)
        else:
            _with_corrections(stateful_set, [pod], result)
    if _plan_condemned(condemned, members, in_order, serves, result):
        return result
    if _is_rolling(stateful_set):
        _plan_update(stateful_set, [members.get(ordinal) for ordinal in wanted], revisions, serves, result)
    return result


def _with_corrections(stateful_set: Obj, pods: Sequence[Obj], result: Plan) -> Plan:
    result.correct += [pod for pod in pods if not is_deleting(pod) and not has_identity(stateful_set, pod)]
    return result


def _plan_condemned(
    condemned: Sequence[Obj], members: dict[int, Obj], in_order: bool, serves: Serves, result: Plan
) -> bool:
    """Scale down from the highest ordinal; in order: one at a time. Whether the step ends here."""
    unhealthy = [pod for _, pod in sorted(members.items()) if not serves(pod) or is_deleting(pod)]
    for pod in condemned:
        if is_deleting(pod):
            if in_order:
                return True
            continue
        if in_order and not serves(pod) and pod is not unhealthy[0]:
            return True
        result.delete.append(pod)
        if in_order:
            return True
    return False


def _plan_update(
    stateful_set: Obj, replicas: Sequence[Obj | None], revisions: Revisions, serves: Serves, result: Plan
) -> None:
    """Replace Pods of the old revision from the highest ordinal down, as many at once as may be unavailable.

    An old Pod that serves nobody is replaced as well, so that a good revision can follow a bad one. More than one at
    once is for sets that kept maxUnavailable: v1.36 leaves that feature off, and the API drops the field.
    """
    rolling = (stateful_set["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    budget = max(1, scaled(rolling.get("maxUnavailable", 1), len(replicas), round_up=False))
    leaving = {pod["metadata"]["name"] for pod in result.delete}
    for pod in reversed(replicas[partition(stateful_set) :]):
        if budget <= 0:
            return
        if pod is None or pod["metadata"]["name"] in leaving:
            budget -= 1
        elif revision_of(pod) != revisions.update and not is_deleting(pod):
            result.delete.append(pod)
            budget -= 1
        elif is_deleting(pod) or not serves(pod):
            budget -= 1


def new_status(stateful_set: Obj, pods: Sequence[Obj], revisions: Revisions, now: datetime) -> Obj:
    """Counts per revision; a finished rolling update makes the update revision the current one."""
    spec, old = stateful_set["spec"], stateful_set.get("status") or {}
    members = [pod for pod in pods if is_member(stateful_set, pod)]
    min_ready = spec.get("minReadySeconds", 0)
    ready = [pod for pod in members if is_running_and_ready(pod)]
    staying = [pod for pod in members if not is_deleting(pod)]
    updated = sum(revision_of(pod) == revisions.update for pod in staying)
    status: Obj = {
        "observedGeneration": stateful_set["metadata"].get("generation", 0),
        "replicas": len(members),
        "readyReplicas": len(ready),
        "currentReplicas": sum(revision_of(pod) == revisions.current for pod in staying),
        "updatedReplicas": updated,
        "currentRevision": revisions.current,
        "updateRevision": revisions.update,
        "collisionCount": old.get("collisionCount", 0),
        "availableReplicas": sum(is_available(pod, min_ready, now) for pod in ready),
    }
    done = updated == len(members) == len(ready) == spec.get("replicas", 1)
    if _is_rolling(stateful_set) and done:
        status |= {"currentReplicas": updated, "currentRevision": revisions.update}
    if old.get("conditions"):
        status["conditions"] = old["conditions"]
    kept = ("replicas", "collisionCount", "availableReplicas")
    return {name: value for name, value in status.items() if value or name in kept}
