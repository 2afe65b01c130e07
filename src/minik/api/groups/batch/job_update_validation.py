"""Validation of updates of Jobs: what may still change once a Job is there.

Rules: https://kubernetes.io/docs/concepts/workloads/controllers/job/#mutable-scheduling-directives
"""

from copy import deepcopy
from typing import Any

from minik.api.go_form import go_struct, go_value
from minik.api.groups.apps.workload_validation import template_labels, validate_same_selector
from minik.api.groups.batch.job_defaults import NAME_LABELS, UID_LABELS
from minik.api.groups.batch.job_status_validation import has_condition
from minik.api.groups.batch.job_validation import validate_job, validate_job_spec
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value

_BATCH = "io.k8s.api.batch.v1."
_IMMUTABLE = "field is immutable"
# What may change in the template of a suspended Job, besides node affinity.
_SCHEDULING = ("nodeSelector", "tolerations", "schedulingGates")


def _immutable(new: Obj, old: Obj, key: str, type_name: str = "") -> list[FieldError]:
    value, before = new.get(key), old.get(key)
    if value == before:
        return []
    shown: Any = go_struct(value, type_name) if type_name and value is not None else value
    return [invalid_value(f"spec.{key}", shown, _IMMUTABLE)]


def _validate_completions(spec: Obj, before: Obj) -> list[FieldError]:
    """Completions of indexed Jobs follow parallelism; all others are fixed."""
    if spec.get("completionMode") != "Indexed":
        return _immutable(spec, before, "completions")
    completions = spec.get("completions")
    if completions in (None, before.get("completions"), spec.get("parallelism")):
        return []
    return [invalid_value("spec.completions", completions, "can only be modified in tandem with spec.parallelism")]


def _is_open(job: Obj) -> bool:
    """Whether what Pods ask for may change: the Job is suspended and has no Pods (any more)."""
    status = job.get("status") or {}
    if not job["spec"].get("suspend") or status.get("active"):
        return False
    return not status.get("startTime") or has_condition(status, "Suspended")


def _with_resources_of(containers: list[Obj], others: list[Obj]) -> None:
    if len(containers) != len(others):
        return
    for container, other in zip(containers, others, strict=True):
        if container.get("name") == other.get("name"):
            container.pop("resources", None)
            if "resources" in other:
                container["resources"] = other["resources"]


def _excused(before: Obj, template: Obj) -> Obj:
    """The pod spec of `before` with what may change taken from `template`."""
    pod: Obj = deepcopy(before.get("spec") or {})
    wanted = template.get("spec") or {}
    for key in _SCHEDULING:
        pod.pop(key, None)
        if key in wanted:
            pod[key] = wanted[key]
    affinity = {key: value for key, value in (pod.get("affinity") or {}).items() if key != "nodeAffinity"}
    if "nodeAffinity" in (wanted.get("affinity") or {}):
        affinity["nodeAffinity"] = wanted["affinity"]["nodeAffinity"]
    pod.pop("affinity", None)
    if affinity or "affinity" in wanted:
        pod["affinity"] = affinity
    for kind in ("containers", "initContainers"):
        _with_resources_of(pod.get(kind) or [], wanted.get(kind) or [])
    return pod


def _shown_template(template: Obj) -> Obj:
    metadata = {
        key: dict(sorted(value.items())) if isinstance(value, dict) else value
        for key, value in (template.get("metadata") or {}).items()
    }
    return {**metadata, "Spec": go_value(template.get("spec") or {}, "PodSpec")}


def _validate_template_update(new: Obj, old: Obj) -> list[FieldError]:
    template, before = new["spec"].get("template") or {}, old["spec"].get("template") or {}
    if template == before:
        return []
    if not _is_open(old):
        return [invalid_value("spec.template", _shown_template(template), _IMMUTABLE)]
    pod = template.get("spec") or {}
    if _excused(before, template) == pod:
        return []
    return [invalid_value("spec.template.spec", go_value(pod, "PodSpec"), _IMMUTABLE)]


def _validate_spec_update(new: Obj, old: Obj) -> list[FieldError]:
    spec, before = new["spec"], old["spec"]
    errors = validate_job_spec(spec) + _validate_completions(spec, before)
    errors += validate_same_selector(spec, before) + _validate_template_update(new, old)
    errors += _immutable(spec, before, "completionMode")
    errors += _immutable(spec, before, "podFailurePolicy", f"{_BATCH}PodFailurePolicy")
    errors += _immutable(spec, before, "backoffLimitPerIndex") + _immutable(spec, before, "managedBy")
    return errors + _immutable(spec, before, "successPolicy", f"{_BATCH}SuccessPolicy")


def validate_job_update(new: Obj, old: Obj) -> list[FieldError]:
    """As a Job and as an update, so what is wrong with the spec is told twice, as upstream does."""
    labels = template_labels(old["spec"])
    prefixed = NAME_LABELS[1] in labels and UID_LABELS[1] in labels
    return validate_job(new, prefixed=prefixed) + _validate_spec_update(new, old)
