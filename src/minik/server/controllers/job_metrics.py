"""What the Job controller counts: kubernetes/pkg/controller/job/metrics."""

from collections.abc import Sequence

from minik.api.types import Obj
from minik.server.controllers import job_pods as facts
from minik.server.controllers import job_policies as policies
from minik.server.controllers.job_plan import FAILED, Plan, is_finished
from minik.server.controllers.measures import Measure, Spread, Tally, doubling
from minik.server.controllers.objects import find_condition
from minik.server.controllers.pods import is_finished as has_ended

_PREFIX = "job_controller_"
_SYNC = ("completion_mode", "result", "action")


class JobMetrics:
    def __init__(self) -> None:
        self._syncs = Tally(f"{_PREFIX}job_syncs", "The number of job syncs", *_SYNC)
        self._seconds = Spread(
            f"{_PREFIX}job_sync_duration_seconds", "The time it took to sync a job", doubling(0.004, 15), *_SYNC
        )
        self._finished = Tally(
            f"{_PREFIX}jobs_finished", "The number of finished jobs", "completion_mode", "result", "reason"
        )
        self._external = Tally(
            f"{_PREFIX}jobs_by_external_controller",
            "The number of Jobs managed by an external controller",
            "controller_name",
        )
        self._pods = Tally(
            f"{_PREFIX}job_pods_finished",
            "The number of finished Pods that are fully tracked",
            "completion_mode",
            "result",
        )
        self._by_policy = Tally(
            f"{_PREFIX}pod_failures_handled_by_failure_policy",
            "The number of failed Pods handled by failure policy, by the action of the rule that matched",
            "action",
        )
        self._tracked = Tally(
            f"{_PREFIX}terminated_pods_tracking_finalizer",
            "The number of terminated pods that have the finalizer batch.kubernetes.io/job-tracking",
            "event",
        )
        self._indexes = Tally(
            f"{_PREFIX}job_finished_indexes", "The number of finished indexes", "status", "backoffLimit"
        )
        self._created = Tally(
            f"{_PREFIX}job_pods_creation", "The number of Pods created by the Job controller", "reason", "status"
        )
        self.expired = Spread(
            "ttl_after_finished_controller_job_deletion_duration_seconds",
            "The time it took to delete the job since it became eligible for deletion",
            doubling(0.1, 14),
        )

    @property
    def measures(self) -> Sequence[Measure]:
        return [each for each in vars(self).values() if isinstance(each, Tally | Spread)]

    def synced(self, job: Obj, todo: Plan | None, seconds: float, *, may_act: bool) -> None:
        """`todo` is None when it failed."""
        action = "tracking" if may_act else "reconciling"
        if todo is not None and (todo.remove or todo.delete):
            action = "pods_deleted"
        elif todo is not None and todo.create:
            action = "pods_created"
        labels = (_mode(job), "error" if todo is None else "success", action)
        self._syncs.add(*labels)
        self._seconds.add(seconds, *labels)

    def written(self, job: Obj, todo: Plan) -> None:
        """The status of the plan is stored."""
        old, new, mode = job.get("status") or {}, todo.status, _mode(job)
        if facts.is_indexed(job):
            limit = "global" if policies.limit_per_index(job) is None else "perIndex"
            succeeded = _more(job, old, new, "completedIndexes")
            self._indexes.add("succeeded", limit, by=succeeded)
            self._indexes.add("failed", limit, by=_more(job, old, new, "failedIndexes"))
        else:
            succeeded = new.get("succeeded", 0) - old.get("succeeded", 0)
        self._pods.add(mode, "succeeded", by=succeeded)
        self._pods.add(mode, "failed", by=new.get("failed", 0) - old.get("failed", 0))
        for action, count in todo.policy_actions.items():
            self._by_policy.add(action, by=count)
        if is_finished({"status": new}):
            failed = find_condition(new["conditions"], FAILED)
            self._finished.add(mode, *(("failed", failed["reason"]) if failed else ("succeeded", "")))

    def created(self, job: Obj, todo: Plan, succeeded: int) -> None:
        """So many of the plan's Pods."""
        reason, status = "new", todo.status
        failed = status.get("failed", 0) + len(status["uncountedTerminatedPods"].get("failed", ()))
        if job["spec"].get("podReplacementPolicy") == "Failed" and failed:
            reason = "recreate_failed"
        elif failed or status["terminating"]:
            reason = "recreate_terminating_or_failed"
        self._created.add(reason, "succeeded", by=succeeded)
        self._created.add(reason, "failed", by=len(todo.create) - succeeded)

    def of_others(self, manager: str) -> None:
        self._external.add(manager)

    def pod_changed(self, old: Obj | None, new: Obj | None) -> None:
        was, now = _is_kept(old), _is_kept(new)
        if was != now:
            self._tracked.add("add" if now else "delete")


def _mode(job: Obj) -> str:
    return "Indexed" if facts.is_indexed(job) else "NonIndexed"


def _more(job: Obj, old: Obj, new: Obj, field: str) -> int:
    completions = job["spec"].get("completions") or 0
    before, after = (len(facts.parse_indexes(each.get(field) or "", completions)) for each in (old, new))
    return after - before


def _is_kept(pod: Obj | None) -> bool:
    """Ended, and not yet counted."""
    return pod is not None and has_ended(pod) and facts.is_tracked(pod)
