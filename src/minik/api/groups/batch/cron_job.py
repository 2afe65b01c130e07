"""CronJob (batch/v1): makes Jobs by the clock.

Behaviour: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, CONTAINERS, IMAGES, NAME, age, container_cells, since
from minik.api.groups.apps.workload_columns import selector_cell
from minik.api.groups.apps.workload_warnings import name_warnings, spec_changed
from minik.api.groups.batch.cron_job_validation import validate_cron_job, validate_cron_job_update
from minik.api.groups.batch.job_defaults import default_job_template_spec, job_spec_warnings
from minik.api.groups.status_rules import RESET_STATUS, keep_status, reset_status, status_strategy
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_TYPE = "io.k8s.api.batch.v1.CronJob"
_COLUMNS = (
    NAME,
    Column("Schedule", description="The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron."),
    Column(
        "Timezone",
        description=(
            "The time zone name for the given schedule, see "
            "https://en.wikipedia.org/wiki/List_of_tz_database_time_zones. If not specified, this will default to "
            "the time zone of the kube-controller-manager process. The set of valid time zone names and the time "
            "zone offset is loaded from the system-wide time zone database by the API server during CronJob "
            "validation and the controller manager during execution. If no system-wide time zone database can be "
            "found a bundled version of the database is used instead. If the time zone name becomes invalid "
            "during the lifetime of a CronJob or due to a change in host configuration, the controller will stop "
            "creating new new Jobs and will create a system event with the reason UnknownTimeZone. More "
            "information can be found in "
            "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones"
        ),
    ),
    Column(
        "Suspend",
        type="boolean",
        description=(
            "This flag tells the controller to suspend subsequent executions, it does not apply to already "
            "started executions.  Defaults to false."
        ),
    ),
    Column("Active", type="integer", description="A list of pointers to currently running jobs."),
    Column("Last Schedule", description="Information when was the last time the job was successfully scheduled."),
    AGE,
    CONTAINERS,
    IMAGES,
    Column(
        "Selector",
        priority=1,
        description=(
            "A label query over pods that should match the pod count. Normally, the system sets this field for "
            "you. More info: "
            "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors"
        ),
    ),
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    job = spec["jobTemplate"]["spec"]
    last = status.get("lastScheduleTime")
    selector = job.get("selector")
    return [
        obj["metadata"]["name"],
        spec.get("schedule", ""),
        spec.get("timeZone") or "<none>",
        "True" if spec.get("suspend") else "False",
        len(status.get("active") or ()),
        since(last, now) if last else "<none>",
        age(obj, now),
        *container_cells(job["template"]["spec"].get("containers")),
        selector_cell(selector) if selector is not None else "<none>",
    ]


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    default_job_template_spec(spec.setdefault("jobTemplate", {}).setdefault("spec", {}))
    spec["concurrencyPolicy"] = spec.get("concurrencyPolicy") or "Allow"
    for key, value in (("suspend", False), ("successfulJobsHistoryLimit", 3), ("failedJobsHistoryLimit", 1)):
        if spec.get(key) is None:
            spec[key] = value


def _warn(new: Obj, old: Obj | None) -> list[str]:
    warnings = name_warnings(new, old)
    if spec_changed(new, old):
        warnings += job_spec_warnings(new["spec"]["jobTemplate"]["spec"], "spec.jobTemplate.spec")
    if old is not None and "TZ" in new["spec"].get("schedule", ""):
        warnings.append(
            "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, "  # the path is upstream's
            "see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        )
    return warnings


RESOURCES = (
    Resource(
        group="batch",
        version="v1",
        kind="CronJob",
        plural="cronjobs",
        singular="cronjob",
        type_name=_TYPE,
        short_names=("cj",),
        categories=("all",),
        strategy=Strategy(
            default=_default,
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=validate_cron_job,
            validate_update=validate_cron_job_update,
            warn=_warn,
            has_generation=True,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(name="status", kind="CronJob", strategy=status_strategy(default=_default, metadata_checks=())),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="sd5LIXh4Fjs=",
    ),
)
