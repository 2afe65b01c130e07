"""Decides which Pods of a running Job to start and to stop.

Rules: manageJob in kubernetes/pkg/controller/job/job_controller.go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from minik.api.types import Obj
from minik.server.controllers import job_pods as facts
from minik.server.controllers import job_policies as policies
from minik.server.controllers.job_backoff import Backoff
from minik.server.controllers.job_count import Count
from minik.server.controllers.pods import is_active, is_terminating, least_valuable_first

BURST = 500


@dataclass(slots=True)
class Scale:
    create: list[int | None] = field(default_factory=list)  # completion indexes, None when not Indexed
    remove: list[Obj] = field(default_factory=list)  # Pods to stop, which then count for nothing
    again: float | None = None


def scale(job: Obj, pods: Sequence[Obj], count: Count, backoff: Backoff, now: datetime) -> Scale:
    """Either starts or stops, never both at once."""
    spec = job["spec"]
    active = [pod for pod in pods if is_active(pod)]
    if spec.get("suspend"):
        return Scale(remove=_surplus(job, active, len(active), now))
    wanted = _wanted(job, count, len(active))
    if surplus := _surplus(job, active, len(active) - wanted, now):
        return Scale(remove=surplus[:BURST])
    leaving = [pod for pod in pods if is_terminating(pod)] if facts.replaces_only_failed(job) else []
    missing = min(wanted - len(active) - len(leaving), BURST)
    if missing <= 0:
        return Scale()
    per_index = policies.limit_per_index(job) is not None
    if not per_index and (wait := backoff.left(now)) > 0:
        return Scale(again=wait)
    if not facts.is_indexed(job):
        return Scale(create=[None] * missing)
    free = _free_indexes(job, [*active, *leaving], count)[:missing]
    return _those_ready(free, count, now) if per_index else Scale(create=[*free])


def _wanted(job: Obj, count: Count, active: int) -> int:
    spec = job["spec"]
    parallelism: int = spec.get("parallelism", 1)
    completions: int | None = spec.get("completions")
    succeeded = total_succeeded(job, count)
    if completions is None:
        return active if succeeded else parallelism
    return max(0, min(completions - succeeded, parallelism))


def total_succeeded(job: Obj, count: Count) -> int:
    """Also those that the status does not count yet."""
    if facts.is_indexed(job):
        return len(count.indexes)
    return count.succeeded + len(count.uncounted_succeeded) + len(count.new_succeeded)


def _surplus(job: Obj, active: Sequence[Obj], at_least: int, now: datetime) -> list[Obj]:
    """Pods to stop: of an Indexed Job those without an index of their own come first, however many there are."""
    if at_least <= 0 and not (facts.is_indexed(job) and _share_indexes(job, active)):
        return []
    rank = [*least_valuable_first(active, active, now)]
    if not facts.is_indexed(job):
        return rank[:at_least]
    best: dict[int, Obj] = {}
    for pod in rank:
        if (index := facts.valid_index(job, pod)) is not None:
            best[index] = pod  # the most valuable comes last
    kept = {pod["metadata"]["uid"] for pod in best.values()}
    surplus = [pod for pod in rank if pod["metadata"]["uid"] not in kept]
    rest = [pod for pod in rank if pod["metadata"]["uid"] in kept]
    return [*surplus, *rest[: max(0, at_least - len(surplus))]]


def _share_indexes(job: Obj, active: Sequence[Obj]) -> bool:
    """Whether some Pod has no index of the Job, or one that another has, too."""
    held = {facts.valid_index(job, pod) for pod in active}
    return None in held or len(held) < len(active)


def _free_indexes(job: Obj, running: Sequence[Obj], count: Count) -> list[int]:
    taken = count.indexes | count.failed_indexes | facts.indexes_of(running)
    return [index for index in range(job["spec"]["completions"]) if index not in taken]


def _those_ready(free: Sequence[int], count: Count, now: datetime) -> Scale:
    """With a limit per index each index has a pause of its own after it failed."""
    waits = {index: _pause(count.waiting.get(index)).left(now) for index in free}
    ready: list[int | None] = [index for index, wait in waits.items() if wait <= 0]
    return Scale(create=ready) if ready or not waits else Scale(again=min(waits.values()))


def _pause(last: Obj | None) -> Backoff:
    return Backoff() if last is None else Backoff(policies.failures_before(last) + 1, facts.ended_at(last))
