"""Job (batch/v1): Pods that run to their end.

Behaviour: https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, CONTAINERS, IMAGES, NAME, age, container_cells, human_duration, parse_time
from minik.api.groups.apps.workload_columns import selector_cell
from minik.api.groups.apps.workload_warnings import name_warnings, spec_changed
from minik.api.groups.batch.job_defaults import default_job, generate_selector, job_spec_warnings
from minik.api.groups.batch.job_status_validation import validate_job_status_update
from minik.api.groups.batch.job_update_validation import validate_job_update
from minik.api.groups.batch.job_validation import validate_job
from minik.api.groups.status_rules import RESET_STATUS, empty_status, keep_status, status_strategy
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_TYPE = "io.k8s.api.batch.v1.Job"
_COLUMNS = (
    NAME,
    Column("Status", description="Status of the job."),
    Column(
        "Completions",
        description=(
            "The number of pods which reached phase Succeeded. The value increases monotonically for a given spec. "
            "However, it may decrease in reaction to scale down of elastic indexed jobs."
        ),
    ),
    Column("Duration", description="Time required to complete the job."),
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
_DELETION = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)
# conditions that name the state of a Job, the strongest first
_STATES = (("Complete", "Complete"), ("Failed", "Failed"))
_WEAKER_STATES = (
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def _has_condition(status: Obj, kind: str) -> bool:
    return any(c.get("type") == kind and c.get("status") == "True" for c in status.get("conditions") or ())


def _state(obj: Obj) -> str:
    status = obj.get("status") or {}
    for kind, text in _STATES:
        if _has_condition(status, kind):
            return text
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((text for kind, text in _WEAKER_STATES if _has_condition(status, kind)), "Running")


def _completions(spec: Obj, status: Obj) -> str:
    succeeded, parallelism = status.get("succeeded", 0), spec.get("parallelism") or 0
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _duration(status: Obj, now: datetime) -> str:
    start, end = status.get("startTime"), status.get("completionTime")
    if not start:
        return ""
    return human_duration((parse_time(end) if end else now) - parse_time(start))


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    return [
        obj["metadata"]["name"],
        _state(obj),
        _completions(spec, status),
        _duration(status, now),
        age(obj, now),
        *container_cells(spec["template"]["spec"].get("containers")),
        selector_cell(spec.get("selector")),
    ]


def _prepare_create(obj: Obj) -> None:
    generate_selector(obj)
    obj["status"] = empty_status(_TYPE)


def _warn(new: Obj, old: Obj | None) -> list[str]:
    if not spec_changed(new, old):
        return []
    return name_warnings(new, old) + job_spec_warnings(new["spec"], "spec")


RESOURCES = (
    Resource(
        group="batch",
        version="v1",
        kind="Job",
        plural="jobs",
        singular="job",
        type_name=_TYPE,
        categories=("all",),
        strategy=Strategy(
            default=default_job,
            prepare_create=_prepare_create,
            prepare_update=keep_status,
            validate=validate_job,
            validate_update=validate_job_update,
            warn=_warn,
            has_generation=True,
            default_propagation="Orphan",
            deletion_warning=_DELETION,
            metadata_checks=("create", "update"),
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="Job",
                strategy=status_strategy(default=default_job, validate_update=validate_job_status_update),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        selectable_fields={"status.successful": lambda obj: str((obj.get("status") or {}).get("succeeded", 0))},
        storage_version_hash="mudhfqk/qZY=",
    ),
)
