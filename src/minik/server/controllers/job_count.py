"""Counts how a Job's Pods ended, each exactly once, whatever fails in between.

A Pod's uid is first written to status.uncountedTerminatedPods, then its finalizer is removed, then it moves into the
counters. Of an Indexed Job the index in status.completedIndexes is enough.
Rules: trackJobStatusAndRemoveFinalizers in kubernetes/pkg/controller/job/job_controller.go.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from minik.api.types import Obj
from minik.server.controllers import job_pods as facts
from minik.server.controllers import job_policies as policies
from minik.server.controllers.objects import is_deleting
from minik.server.controllers.pods import is_active, phase

MOST_UNCOUNTED = 500  # uids in the status at one time


@dataclass(slots=True)
class Count:
    """`succeeded` and `failed` are what the status had counted. Indexes include those of Pods that ended since."""

    succeeded: int
    failed: int
    indexes: set[int]
    failed_indexes: set[int]
    uncounted_succeeded: list[str]  # uids, of Pods that still have the finalizer
    uncounted_failed: list[str]
    new_succeeded: list[Obj] = field(default_factory=list)  # ended since, by the status
    new_failed: list[Obj] = field(default_factory=list)
    waiting: dict[int, Obj] = field(default_factory=dict)  # failed Pods kept until their index has another
    policy_actions: Counter[str] = field(default_factory=Counter)  # what podFailurePolicy did about Pods noted now
    is_full: bool = False  # more Pods ended than are noted at one time

    @property
    def uncounted(self) -> int:
        return len(self.uncounted_succeeded) + len(self.uncounted_failed)


def count(job: Obj, pods: Sequence[Obj]) -> Count:
    """Move what lost its finalizer into the counters, and find what ended since."""
    status, completions = job.get("status") or {}, job["spec"].get("completions") or 0
    tracked = [pod for pod in pods if facts.is_tracked(pod)]
    uids = {pod["metadata"]["uid"] for pod in tracked}
    noted = status.get("uncountedTerminatedPods") or {}
    succeeded, failed = noted.get("succeeded") or [], noted.get("failed") or []
    result = Count(
        uncounted_succeeded=[uid for uid in succeeded if uid in uids],
        uncounted_failed=[uid for uid in failed if uid in uids],
        succeeded=status.get("succeeded", 0) + len([uid for uid in succeeded if uid not in uids]),
        failed=status.get("failed", 0) + len([uid for uid in failed if uid not in uids]),
        indexes=facts.parse_indexes(status.get("completedIndexes", ""), completions),
        failed_indexes=facts.parse_indexes(status.get("failedIndexes") or "", completions),
    )
    for pod in tracked:
        _find_end(job, pod, result)
    if policies.limit_per_index(job) is not None:
        result.waiting = _waiting(job, pods, tracked, result)
    return result


def _find_end(job: Obj, pod: Obj, count: Count) -> None:
    uid, index = pod["metadata"]["uid"], facts.valid_index(job, pod)
    if facts.is_indexed(job) and index is None:
        return
    if phase(pod) == "Succeeded":
        if facts.is_indexed(job):
            if index not in count.indexes:
                count.new_succeeded.append(pod)
        elif uid not in count.uncounted_succeeded:
            count.new_succeeded.append(pod)
    elif facts.has_failed(job, pod):
        if uid not in count.uncounted_failed:
            count.new_failed.append(pod)
        if index is not None and policies.fails_its_index(job, pod):
            count.failed_indexes.add(index)
    if index is not None and phase(pod) == "Succeeded":
        count.indexes.add(index)


def _waiting(job: Obj, pods: Sequence[Obj], tracked: Sequence[Obj], count: Count) -> dict[int, Obj]:
    """The last failed Pod of each index that will have another, which is to inherit the number of failures."""
    settled = count.indexes | count.failed_indexes | facts.indexes_of(pod for pod in pods if is_active(pod))
    last: dict[int, Obj] = {}
    for pod in tracked:
        index = facts.valid_index(job, pod)
        if index is None or index in settled or not facts.has_failed(job, pod):
            continue
        if index not in last or _came_later(pod, last[index]):
            last[index] = pod
    return last


def _came_later(pod: Obj, other: Obj) -> bool:
    fewer = policies.failures_before(pod) < policies.failures_before(other)
    return not fewer and facts.ended_at(pod) >= facts.ended_at(other)


def failures(job: Obj, count: Count) -> int:
    """Those that count towards the backoff limit."""
    new = sum(policies.failure_action(job, pod)[0] != "Ignore" for pod in count.new_failed)
    return count.failed + len(count.uncounted_failed) + new


def note_ended(job: Obj, pods: Sequence[Obj], count: Count, *, succeeded: bool | None) -> list[Obj]:
    """Note what ended in `count`; the Pods that may lose their finalizer once that is written.

    `succeeded` says how the Job ends, None while it does not. Then every Pod is let go, and those that still run are
    failures, unless the Job succeeded without them.
    """
    released = []
    everything = is_deleting(job) or succeeded is not None
    kept = {pod["metadata"]["uid"] for pod in count.waiting.values()}
    for pod in sorted(pods, key=lambda pod: facts.index_of(pod) or 0) if facts.is_indexed(job) else pods:
        if not facts.is_tracked(pod):
            continue
        failed = facts.has_failed(job, pod)
        may_go = everything or phase(pod) == "Succeeded" or (failed and pod["metadata"]["uid"] not in kept)
        if not may_go:
            continue
        released.append(pod)
        _note(job, pod, count, failed=failed or succeeded is False)
        if count.uncounted >= MOST_UNCOUNTED:
            count.is_full = True
            break
    return released


def _note(job: Obj, pod: Obj, count: Count, *, failed: bool) -> None:
    uid = pod["metadata"]["uid"]
    if phase(pod) == "Succeeded" and uid not in count.uncounted_failed:
        if not facts.is_indexed(job) and uid not in count.uncounted_succeeded:
            count.uncounted_succeeded.append(uid)
    elif failed and uid not in count.uncounted_failed:
        if facts.is_indexed(job) and facts.valid_index(job, pod) is None:
            return
        action = policies.failure_action(job, pod)[0]
        if action:
            count.policy_actions[action] += 1
        if action != "Ignore":
            count.uncounted_failed.append(uid)
