"""Validation of a Job's status: what its controller, minik's or another (spec.managedBy), may report.

Most rules look only at what the update changes, so that a status that was wrong before, or that a change of the spec
made wrong, can still be corrected step by step.
Rules: https://kubernetes.io/docs/concepts/workloads/controllers/job/#delegation-of-managing-a-job-object-to-external-controller
"""

from dataclasses import dataclass
from typing import Any

from minik.api.groups.apps.workload_validation import validate_counts
from minik.api.groups.batch.completion_indexes import IndexesError, count_indexes, first_overlap
from minik.api.types import Obj
from minik.api.validation import OMITTED, FieldError, duplicate, invalid_value, required

_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
_CONDITIONS = "status.conditions"


def has_condition(status: Obj, kind: str, value: str = "True") -> bool:
    return any(c.get("type") == kind and c.get("status") == value for c in status.get("conditions") or ())


@dataclass(frozen=True, slots=True)
class _State:
    """What a status says, with what is absent filled in."""

    status: Obj

    def has(self, kind: str) -> bool:
        return has_condition(self.status, kind)

    @property
    def finished(self) -> bool:
        return self.has("Complete") or self.has("Failed")

    def count(self, key: str) -> int:
        return self.status.get(key) or 0

    @property
    def uncounted(self) -> Obj | None:
        pods: Obj | None = self.status.get("uncountedTerminatedPods")
        return None if pods is None else {key: pods[key] for key in ("succeeded", "failed") if pods.get(key)}


@dataclass(frozen=True, slots=True)
class _Update:
    new: _State
    old: _State
    spec: Obj

    def changed(self, *keys: str) -> bool:
        return any(self.new.status.get(key) != self.old.status.get(key) for key in keys)

    def count_changed(self, key: str) -> bool:
        return self.new.count(key) != self.old.count(key)

    def condition_changed(self, *kinds: str) -> bool:
        return any(self.new.has(kind) != self.old.has(kind) for kind in kinds)

    @property
    def finish_changed(self) -> bool:
        return self.new.finished != self.old.finished

    @property
    def indexed(self) -> bool:
        return bool(self.spec.get("completionMode") == "Indexed")


def _conditions(text: str) -> FieldError:
    return invalid_value(_CONDITIONS, OMITTED, text)


def _validate_uncounted(pods: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for kind in ("succeeded", "failed"):
        for index, uid in enumerate(pods.get(kind) or ()):
            at = f"status.uncountedTerminatedPods.{kind}[{index}]"
            if not uid:
                errors.append(invalid_value(at, uid, "must not be empty"))
            elif uid in seen:
                errors.append(duplicate(at, uid))
            seen.add(uid)
    return errors


def _validate_completion(update: _Update) -> list[FieldError]:
    """The condition Complete, and when that was."""
    new, at = update.new, "status.completionTime"
    complete, start, end = new.has("Complete"), new.status.get("startTime"), new.status.get("completionTime")
    errors: list[FieldError] = []
    if complete and new.has("Failed") and update.condition_changed("Complete", "Failed"):
        errors.append(_conditions("cannot set Complete=True and Failed=true conditions"))
    if complete and new.has("FailureTarget") and update.condition_changed("Complete", "FailureTarget"):
        errors.append(_conditions("cannot set Complete=True and FailureTarget=true conditions"))
    if update.condition_changed("Complete") or update.changed("completionTime"):
        if end and not complete:
            text = "cannot set completionTime when there is no Complete=True condition"
            errors.append(invalid_value(at, end, text))
        if complete and not end:
            errors.append(required(at, "completionTime is required for Complete jobs"))
    if start and end and end < start and update.changed("startTime", "completionTime"):
        errors.append(invalid_value(at, end, "must be equal to or after `startTime`"))
    failure_changed = update.condition_changed("Failed") or update.changed("failedIndexes")
    if new.has("Failed") and not new.has("FailureTarget") and failure_changed:
        errors.append(_conditions("cannot set Failed=True condition without the FailureTarget=true condition"))
    if complete and not new.has("SuccessCriteriaMet") and update.condition_changed("Complete", "SuccessCriteriaMet"):
        text = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        errors.append(_conditions(text))
    return errors


def _validate_finished(update: _Update) -> list[FieldError]:
    """A finished Job has started, and nothing of it runs or waits to be counted."""
    new, errors = update.new, list[FieldError]()
    if not new.finished:
        return errors
    if new.count("active") > 0 and (update.finish_changed or update.count_changed("active")):
        errors.append(invalid_value("status.active", new.count("active"), "active>0 is invalid for finished job"))
    idle = bool(update.spec.get("suspend")) and update.spec.get("completions") == 0
    if not new.status.get("startTime") and (update.finish_changed or update.changed("startTime")) and not idle:
        errors.append(required("status.startTime", "startTime is required for finished job"))
    if new.uncounted and (update.finish_changed or new.uncounted != update.old.uncounted):
        at = "status.uncountedTerminatedPods"
        errors.append(invalid_value(at, new.uncounted, "must be empty for finished job"))
    return errors


def _complaint_about(text: str, completions: int | None) -> str:
    if completions is None:
        return ""
    try:
        count_indexes(text, completions)
    except IndexesError as error:
        return str(error)
    return ""


def _validate_indexes(update: _Update) -> list[FieldError]:
    spec, status = update.spec, update.new.status
    completed, failed = status.get("completedIndexes") or "", status.get("failedIndexes")
    completions, per_index = spec.get("completions"), spec.get("backoffLimitPerIndex") is not None
    completed_changed = completed != (update.old.status.get("completedIndexes") or "")
    failed_changed = update.changed("failedIndexes")
    errors: list[FieldError] = []
    if completed_changed and (text := _complaint_about(completed, completions)):
        errors.append(invalid_value("status.completedIndexes", completed, f"error parsing completedIndexes: {text}"))
    if failed_changed and per_index and (text := _complaint_about(failed or "", completions)):
        errors.append(invalid_value("status.failedIndexes", failed, f"error parsing failedIndexes: {text}"))
    if completed_changed and completed and not update.indexed:
        text = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(invalid_value("status.completedIndexes", completed, text))
    if failed_changed and failed is not None and not per_index:
        text = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(invalid_value("status.failedIndexes", failed, text))
    if (failed_changed or completed_changed) and failed and completions is not None:
        overlap = first_overlap(completed, failed, completions)
        if overlap is not None:
            text = f"failedIndexes and completedIndexes overlap at index: {overlap}"
            errors.append(invalid_value("status.failedIndexes", failed, text))
    return errors


def _validate_running(update: _Update) -> list[FieldError]:
    new, errors = update.new, list[FieldError]()
    terminating, ready = new.count("terminating"), new.status.get("ready")
    if terminating > 0 and new.finished and (update.finish_changed or update.changed("terminating")):
        errors.append(invalid_value("status.terminating", terminating, "terminating>0 is invalid for finished job"))
    if (
        ready is not None
        and ready > new.count("active")
        and (update.changed("ready") or update.count_changed("active"))
    ):
        errors.append(invalid_value("status.ready", ready, "cannot set more ready pods than active"))
    return errors


def _validate_success(update: _Update) -> list[FieldError]:
    new, errors = update.new, list[FieldError]()
    met = new.has("SuccessCriteriaMet")
    if met and new.has("Failed"):
        errors.append(_conditions("cannot set SuccessCriteriaMet=True and Failed=true conditions"))
    if met and new.has("FailureTarget"):
        errors.append(_conditions("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"))
    if update.spec.get("successPolicy") is not None and not met and new.has("Complete"):
        text = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        errors.append(_conditions(text))
    return errors


def _validate_progress(update: _Update, *, resumes: bool) -> list[FieldError]:
    """What has been reported once stays."""
    new, old, errors = update.new, update.old, list[FieldError]()
    for kind in ("Failed", "Complete", "FailureTarget"):
        if old.has(kind) and not new.has(kind):
            errors.append(_conditions(f"cannot disable the terminal {kind}=True condition"))
    if new.count("failed") < old.count("failed"):
        errors.append(invalid_value("status.failed", new.count("failed"), "cannot decrease the failed counter"))
    elastic = update.indexed and update.spec.get("completions") == update.spec.get("parallelism")
    if not elastic and new.count("succeeded") < old.count("succeeded"):
        text = "cannot decrease the succeeded counter"
        errors.append(invalid_value("status.succeeded", new.count("succeeded"), text))
    end, before = (each.status.get("completionTime") for each in (new, old))
    if end and before and end != before:
        errors.append(invalid_value("status.completionTime", end, "field is immutable"))
    if old.status.get("startTime") and update.changed("startTime") and not resumes and not update.spec.get("suspend"):
        text = "field is immutable for unsuspended job once set"
        errors.append(invalid_value("status.startTime", new.status.get("startTime"), text))
    met, was_met = new.has("SuccessCriteriaMet"), old.has("SuccessCriteriaMet")
    if was_met and not met:
        errors.append(_conditions("cannot disable the SuccessCriteriaMet=True condition"))
    if old.has("Complete") and met and not was_met:
        text = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        errors.append(_conditions(text))
    return errors


def validate_job_status_update(new: Obj, old: Obj) -> list[FieldError]:
    """`new` has the spec of `old`."""
    status: Any = new.get("status") or {}
    before = old.get("status") or {}
    update = _Update(_State(status), _State(before), new["spec"])
    errors = validate_counts(status, _COUNTS)
    errors += _validate_uncounted(status.get("uncountedTerminatedPods") or {})
    errors += _validate_completion(update) + _validate_finished(update) + _validate_indexes(update)
    errors += _validate_running(update) + _validate_success(update)
    resumes = has_condition(before, "Suspended") and has_condition(status, "Suspended", "False")
    return errors + _validate_progress(update, resumes=resumes)
