"""Validation of CronJobs."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from minik.api import cron
from minik.api.groups.batch.job_validation import validate_job_template_spec
from minik.api.number_validation import validate_not_negative
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required

NAME_MAX = 52  # a Job's name adds a dash and ten digits, and must still fit a label
_POLICIES = ("Allow", "Forbid", "Replace")


def _is_zone(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _without_zone(schedule: str) -> str:
    """The schedule behind a `TZ=` or `CRON_TZ=` that robfig's parser still understands."""
    return schedule.partition(" ")[2].strip() if schedule.startswith(("TZ=", "CRON_TZ=")) else schedule


def _validate_schedule(schedule: str, *, keeps_zone: bool) -> list[FieldError]:
    if not schedule:
        return [required("spec.schedule")]
    errors: list[FieldError] = []
    try:
        cron.parse(_without_zone(schedule))
    except cron.CronError as error:
        errors.append(invalid_value("spec.schedule", schedule, str(error)))
    if "TZ" in schedule and not keeps_zone:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(invalid_value("spec.schedule", schedule, text))
    return errors


def _validate_zone(zone: str | None) -> list[FieldError]:
    at = "spec.timeZone"
    if zone is None:
        return []
    if not zone:
        return [invalid_value(at, zone, "timeZone must be nil or non-empty string")]
    if zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        return [invalid_value(at, zone, text)]
    return [] if _is_zone(zone) else [invalid_value(at, zone, f"unknown time zone {zone}")]


def _validate_template(template: Obj) -> list[FieldError]:
    spec, at = template.get("spec") or {}, "spec.jobTemplate.spec"
    errors = validate_job_template_spec(spec, at)
    if spec.get("selector") is not None:
        errors.append(invalid_value(f"{at}.selector", spec["selector"], "`selector` will be auto-generated"))
    if spec.get("manualSelector"):
        errors.append(not_supported(f"{at}.manualSelector", True, ("nil", "false")))
    return errors


def _validate_spec(spec: Obj, *, keeps_zone: bool = False) -> list[FieldError]:
    policy = spec.get("concurrencyPolicy", "")
    errors = _validate_schedule(spec.get("schedule", ""), keeps_zone=keeps_zone)
    errors += validate_not_negative(spec.get("startingDeadlineSeconds"), "spec.startingDeadlineSeconds")
    errors += _validate_zone(spec.get("timeZone"))
    if not policy:
        errors.append(required("spec.concurrencyPolicy"))
    elif policy not in _POLICIES:
        errors.append(not_supported("spec.concurrencyPolicy", policy, _POLICIES))
    errors += _validate_template(spec.get("jobTemplate") or {})
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += validate_not_negative(spec.get(key), f"spec.{key}")
    return errors


def validate_cron_job(cron_job: Obj) -> list[FieldError]:
    errors = _validate_spec(cron_job["spec"])
    name = cron_job["metadata"].get("name", "")
    if len(name) > NAME_MAX:
        errors.append(invalid_value("metadata.name", name, f"must be no more than {NAME_MAX} characters"))
    return errors


def validate_cron_job_update(new: Obj, old: Obj) -> list[FieldError]:
    return _validate_spec(new["spec"], keeps_zone="TZ" in old["spec"].get("schedule", ""))
