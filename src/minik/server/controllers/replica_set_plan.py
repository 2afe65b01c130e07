"""Decides for ReplicaSets and ReplicationControllers: how many Pods to create, which to delete, which status to show.

Behaviour: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from minik.api.types import Obj
from minik.client.clock import format_time
from minik.server.controllers.objects import labels_of, without_zeros
from minik.server.controllers.pods import available_in, is_active, is_ready, is_terminating, least_valuable_first

BURST = 500  # Pods created or deleted in one run, as upstream
FAILURE = "ReplicaFailure"


@dataclass(frozen=True, slots=True)
class Plan:
    create: int
    delete: Sequence[Obj]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why Pods could not be created or deleted."""

    reason: str
    message: str


def plan(replicas: int, pods: Sequence[Obj], related: Sequence[Obj], now: datetime) -> Plan:
    """`pods` are the set's; `related` those of all sets of the same owner, to spread a scale-down over nodes."""
    active = [pod for pod in pods if is_active(pod)]
    surplus = len(active) - replicas
    if surplus < 0:
        return Plan(min(-surplus, BURST), [])
    count = min(surplus, BURST)
    if count == 0:
        return Plan(0, [])
    if surplus == len(active):
        return Plan(0, active[:count])
    return Plan(0, least_valuable_first(active, related, now)[:count])


def new_status(
    replica_set: Obj, pods: Sequence[Obj], failure: Failure | None, now: datetime, *, counts_terminating: bool
) -> Obj:
    spec, old = replica_set["spec"], replica_set.get("status") or {}
    template_labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    active = [pod for pod in pods if is_active(pod)]
    min_ready = spec.get("minReadySeconds", 0)
    fields = {
        "replicas": len(active),
        "fullyLabeledReplicas": sum(template_labels.items() <= labels_of(pod).items() for pod in active),
        "readyReplicas": sum(map(is_ready, active)),
        "availableReplicas": sum(available_in(pod, min_ready, now) == 0.0 for pod in active),
        "observedGeneration": replica_set["metadata"].get("generation", 0),
        "conditions": _conditions(old.get("conditions") or [], failure, now),
    }
    status = without_zeros(fields, keep=["replicas"])
    if counts_terminating:
        status["terminatingReplicas"] = sum(map(is_terminating, pods))
    return status


def next_look(replica_set: Obj, pods: Sequence[Obj], now: datetime) -> float | None:
    """Seconds until the next ready Pod becomes available."""
    min_ready = replica_set["spec"].get("minReadySeconds", 0)
    waits = [wait for pod in pods if is_active(pod) and (wait := available_in(pod, min_ready, now))]
    return min(waits) + 0.001 if waits else None


def _conditions(old: Sequence[Obj], failure: Failure | None, now: datetime) -> list[Obj]:
    present = any(condition["type"] == FAILURE for condition in old)
    if failure is not None and not present:
        return [
            *old,
            {
                "type": FAILURE,
                "status": "True",
                "lastTransitionTime": format_time(now),
                "reason": failure.reason,
                "message": failure.message,
            },
        ]
    if failure is None and present:
        return [condition for condition in old if condition["type"] != FAILURE]
    return [*old]
