"""Validation of CronJobs."""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from minik.api import cron
from minik.api.groups.apps.workload_validation import shown_selector
from minik.api.groups.batch.job_validation import validate_job_template_spec
from minik.api.number_validation import validate_not_negative
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required

NAME_MAX = 52  # a Job's name adds a dash and ten digits, and must still fit a label
_POLICIES = ("Allow", "Forbid", "Replace")
_ZONE_PART = re.compile(r"(?!-)[A-Za-z.\-_0-9+]{1,14}")


def _is_zone(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _complaint_about_schedule(schedule: str) -> str:
    """What the parser says, which still understands a `TZ=` or `CRON_TZ=` in front."""
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        zone, _, schedule = schedule.partition("=")[2].partition(" ")
        if zone not in ("", "Local") and not _is_zone(zone):
            return f"provided bad location {zone}: unknown time zone {zone}"
        schedule = schedule.strip()
    try:
        cron.parse(schedule)
    except cron.CronError as error:
        return str(error)
    return ""


def _validate_schedule(spec: Obj, *, keeps_zone: bool) -> list[FieldError]:
    schedule, at = spec.get("schedule", ""), "spec.schedule"
    if not schedule:
        return [required(at)]
    complaint = _complaint_about_schedule(schedule)
    errors = [invalid_value(at, schedule, complaint)] if complaint else []
    if "TZ" not in schedule:
        return errors
    if not keeps_zone:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(invalid_value(at, schedule, text))
    elif spec.get("timeZone") is not None:
        text = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        errors.append(invalid_value(at, schedule, text))
    return errors


def _validate_zone(zone: str | None) -> list[FieldError]:
    at = "spec.timeZone"
    if zone is None:
        return []
    if not zone:
        return [invalid_value(at, zone, "timeZone must be nil or non-empty string")]
    unknown = invalid_value(at, zone, f"unknown time zone {zone}")
    if not all(_ZONE_PART.fullmatch(part) and part not in (".", "..") for part in zone.split("/")):
        return [unknown]
    errors: list[FieldError] = []
    if zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.append(invalid_value(at, zone, text))
    return errors if zone == "Local" or _is_zone(zone) else [*errors, unknown]


def _validate_template(template: Obj) -> list[FieldError]:
    spec, at = template.get("spec") or {}, "spec.jobTemplate.spec"
    errors = validate_job_template_spec(spec, at)
    if spec.get("selector") is not None:
        shown = shown_selector(spec["selector"])
        errors.append(invalid_value(f"{at}.selector", shown, "`selector` will be auto-generated"))
    if spec.get("manualSelector"):
        errors.append(not_supported(f"{at}.manualSelector", True, ("nil", "false")))
    return errors


def _validate_spec(spec: Obj, before: Obj | None = None) -> list[FieldError]:
    """`before`: the spec that is updated, whose time zones stay legal."""
    policy = spec.get("concurrencyPolicy", "")
    keeps_zone = before is not None and "TZ" in before.get("schedule", "")
    errors = _validate_schedule(spec, keeps_zone=keeps_zone)
    errors += validate_not_negative(spec.get("startingDeadlineSeconds"), "spec.startingDeadlineSeconds")
    if before is None or spec.get("timeZone") != before.get("timeZone"):
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
    return _validate_spec(new["spec"], old["spec"])
