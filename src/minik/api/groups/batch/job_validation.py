"""Validation of Jobs, and of the Job specs inside CronJobs."""

from copy import deepcopy
from typing import Any

from minik.api import names
from minik.api.domain_path_validation import validate_domain_prefixed_path
from minik.api.go_form import go_struct, go_value
from minik.api.groups.apps.workload_validation import (
    matches_template,
    mismatch,
    shown_selector,
    template_labels,
    validate_counts,
)
from minik.api.groups.batch.job_defaults import NAME_LABELS, UID_LABELS
from minik.api.groups.batch.pod_policy_validation import validate_pod_failure_policy, validate_success_policy
from minik.api.groups.core.pod_template_validation import validate_pod_template
from minik.api.label_selector_validation import validate_label_selector
from minik.api.number_validation import validate_not_negative
from minik.api.selectors import of_object
from minik.api.types import Obj
from minik.api.validation import OMITTED, FieldError, invalid_value, not_supported, required, too_long

_MANY = 100_000  # completions from which stricter limits hold, and the most Pods at once of an indexed Job
_FEW = 10_000
_MANAGED_BY_MAX = 63
_MODES = ("NonIndexed", "Indexed")
_REPLACEMENT = ("Failed", "TerminatingOrFailed")
_NUMBERS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_INDEXED_ONLY = "requires indexed completion mode"
_STATUS_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
# What may change in the template of a suspended Job that has not started.
_SCHEDULING = ("nodeSelector", "tolerations", "schedulingGates")


def _validate_index_limits(spec: Obj, path: str) -> list[FieldError]:
    """Of an indexed Job."""
    errors: list[FieldError] = []
    completions, parallelism, failed = (spec.get(k) for k in ("completions", "parallelism", "maxFailedIndexes"))
    if completions is None:
        errors.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if parallelism is not None and parallelism > _MANY:
        text = f"must be less than or equal to {_MANY} when completion mode is Indexed"
        errors.append(invalid_value(f"{path}.parallelism", parallelism, text))
    if failed is not None and completions is not None and failed > completions:
        text = "must be less than or equal to completions"
        errors.append(invalid_value(f"{path}.maxFailedIndexes", failed, text))
    if failed is not None and failed > _MANY:
        errors.append(invalid_value(f"{path}.maxFailedIndexes", failed, f"must be less than or equal to {_MANY}"))
    if (completions or 0) <= _MANY or spec.get("backoffLimitPerIndex") is None:
        return errors
    text = (
        f"must be less than or equal to {_FEW} when completions are above {_MANY} and used with backoff limit per index"
    )
    if failed is None:
        errors.append(required(f"{path}.maxFailedIndexes", f"must be specified when completions is above {_MANY}"))
    elif failed > _FEW:
        errors.append(invalid_value(f"{path}.maxFailedIndexes", failed, text))
    if parallelism is not None and parallelism > _FEW:
        errors.append(invalid_value(f"{path}.parallelism", parallelism, text))
    return errors


def _validate_mode(spec: Obj, path: str) -> list[FieldError]:
    mode = spec.get("completionMode")
    errors: list[FieldError] = []
    if mode is not None and mode not in _MODES:
        errors.append(not_supported(f"{path}.completionMode", mode, _MODES))
    if mode == "Indexed":
        errors += _validate_index_limits(spec, path)
    if mode in (None, "NonIndexed"):
        for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(key) is not None:
                errors.append(invalid_value(f"{path}.{key}", spec[key], _INDEXED_ONLY))
    return errors


def _validate_policies(spec: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    success, replacement = spec.get("successPolicy"), spec.get("podReplacementPolicy")
    has_failure = spec.get("podFailurePolicy") is not None
    if has_failure:
        errors += validate_pod_failure_policy(spec, f"{path}.podFailurePolicy")
    if success is not None:
        at = f"{path}.successPolicy"
        if spec.get("completionMode") in (None, "NonIndexed"):
            errors.append(invalid_value(at, go_struct(success, "io.k8s.api.batch.v1.SuccessPolicy"), _INDEXED_ONLY))
        else:
            errors += validate_success_policy(spec, at)
    allowed = _REPLACEMENT[:1] if has_failure else _REPLACEMENT
    if replacement is not None and replacement not in allowed:
        errors.append(not_supported(f"{path}.podReplacementPolicy", replacement, allowed))
    return errors


def _validate_restart_policy(policy: str, path: str, *, has_failure_policy: bool) -> list[FieldError]:
    if policy in ("", "Always"):
        return [required(path, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(path, policy, ("OnFailure", "Never"))]
    if has_failure_policy and policy != "Never":
        return [invalid_value(path, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def validate_job_template_spec(spec: Obj, path: str) -> list[FieldError]:
    """A Job's spec without its selector, at `path`."""
    errors: list[FieldError] = []
    for key in _NUMBERS:
        errors += validate_not_negative(spec.get(key), f"{path}.{key}")
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        errors.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    manager = spec.get("managedBy")
    if manager is not None:
        errors += validate_domain_prefixed_path(manager, f"{path}.managedBy")
        if len(manager) > _MANAGED_BY_MAX:
            errors.append(too_long(f"{path}.managedBy", _MANAGED_BY_MAX))
    errors += _validate_mode(spec, path) + _validate_policies(spec, path)
    template = spec.get("template") or {}
    errors += validate_pod_template(template, f"{path}.template")
    policy = (template.get("spec") or {}).get("restartPolicy", "")
    has_failure_policy = spec.get("podFailurePolicy") is not None
    at = f"{path}.template.spec.restartPolicy"
    return errors + _validate_restart_policy(policy, at, has_failure_policy=has_failure_policy)


def _validate_spec(spec: Obj) -> list[FieldError]:
    errors = validate_job_template_spec(spec, "spec")
    if spec.get("selector") is None:
        errors.append(required("spec.selector"))
    else:
        errors += validate_label_selector(spec["selector"], "spec.selector")
    if matches_template(spec) is False:
        errors.append(mismatch(spec))
    return errors


def _validate_label(labels: Obj, key: str, wanted: str) -> list[FieldError]:
    at = f"spec.template.metadata.labels[{key}]"
    if key not in labels:
        return [required(at, f"must be '{wanted}'")]
    return [] if labels[key] == wanted else [invalid_value(at, labels, f"must be '{wanted}'")]


def _validate_generated_selector(job: Obj) -> list[FieldError]:
    spec, metadata = job["spec"], job["metadata"]
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    errors: list[FieldError] = []
    uid, name, labels = metadata.get("uid", ""), metadata.get("name", ""), template_labels(spec)
    if not uid:
        errors.append(required("metadata.uid"))
    expected = dict.fromkeys(UID_LABELS, uid) | dict.fromkeys(NAME_LABELS, name)
    for key, wanted in expected.items():
        errors += _validate_label(labels, key, wanted)
    try:
        matching = of_object(spec["selector"]).matches(expected)
    except ValueError:
        return errors
    if not matching:
        errors.append(invalid_value("spec.selector", shown_selector(spec["selector"]), "`selector` not auto-generated"))
    return errors


def _validate_pod_name(job: Obj) -> list[FieldError]:
    """The last Pod of an indexed Job must have a name that can be a hostname."""
    spec, name = job["spec"], job["metadata"].get("name", "")
    if spec.get("completionMode") != "Indexed" or not spec.get("completions"):
        return []
    text = "will not able to create pod with invalid DNS label: "
    last = f"{name}-{spec['completions'] - 1}"
    return [invalid_value("metadata.name", name, text + last)] if names.dns_label(last) else []


def validate_job(job: Obj) -> list[FieldError]:
    return _validate_generated_selector(job) + _validate_spec(job["spec"]) + _validate_pod_name(job)


def _immutable(new: Obj, old: Obj, key: str, type_name: str = "") -> list[FieldError]:
    value, before = new.get(key), old.get(key)
    if value == before:
        return []
    shown: Any = go_struct(value, type_name) if type_name and value is not None else value
    return [invalid_value(f"spec.{key}", shown, "field is immutable")]


def _validate_completions(spec: Obj, before: Obj) -> list[FieldError]:
    """Completions of indexed Jobs follow parallelism; all others are fixed."""
    if before.get("completionMode") != "Indexed" or spec.get("completions") == before.get("completions"):
        return _immutable(spec, before, "completions")
    if spec.get("completions") is not None and spec.get("completions") == spec.get("parallelism"):
        return []
    text = "can only be modified in tandem with spec.parallelism"
    return [invalid_value("spec.completions", spec.get("completions"), text)]


def _with_scheduling_of(template: Obj, other: Obj) -> Obj:
    """`template` with the scheduling directives of `other`."""
    out = deepcopy(template)
    metadata, given = out.setdefault("metadata", {}), other.get("metadata") or {}
    pod, wanted = out.setdefault("spec", {}), other.get("spec") or {}
    for target, source, keys in ((metadata, given, ("labels", "annotations")), (pod, wanted, _SCHEDULING)):
        for key in keys:
            target.pop(key, None)
            if key in source:
                target[key] = source[key]
    affinity = {k: v for k, v in (pod.get("affinity") or {}).items() if k != "nodeAffinity"}
    if "nodeAffinity" in (wanted.get("affinity") or {}):
        affinity["nodeAffinity"] = wanted["affinity"]["nodeAffinity"]
    pod.pop("affinity", None)
    if affinity or "affinity" in wanted:
        pod["affinity"] = affinity
    _share_resources(pod, wanted)
    return out


def _share_resources(pod: Obj, wanted: Obj) -> None:
    """A suspended Job may also ask for other amounts of resources."""
    for kind in ("containers", "initContainers"):
        for container, other in zip(pod.get(kind) or (), wanted.get(kind) or (), strict=False):
            container["resources"] = other.get("resources")
            if container["resources"] is None:
                del container["resources"]


def _validate_template_update(new: Obj, old: Obj) -> list[FieldError]:
    template, before = new["spec"].get("template") or {}, old["spec"].get("template") or {}
    if template == before:
        return []
    suspended = old["spec"].get("suspend") and not (old.get("status") or {}).get("startTime")
    if suspended and _with_scheduling_of(before, template) == template:
        return []
    metadata = {
        key: dict(sorted(value.items())) if isinstance(value, dict) else value
        for key, value in (template.get("metadata") or {}).items()
    }
    shown = {**metadata, "Spec": go_value(template.get("spec") or {}, "PodSpec")}
    return [invalid_value("spec.template", shown, "field is immutable")]


def validate_job_update(new: Obj, old: Obj) -> list[FieldError]:
    spec, before = new["spec"], old["spec"]
    batch = "io.k8s.api.batch.v1."
    errors = _validate_spec(spec) + _validate_completions(spec, before)
    errors += _immutable(spec, before, "selector") + _validate_template_update(new, old)
    errors += _immutable(spec, before, "completionMode")
    errors += _immutable(spec, before, "podFailurePolicy", f"{batch}PodFailurePolicy")
    errors += _immutable(spec, before, "backoffLimitPerIndex") + _immutable(spec, before, "managedBy")
    return errors + _immutable(spec, before, "successPolicy", f"{batch}SuccessPolicy")


def validate_job_status_update(new: Obj, _old: Obj) -> list[FieldError]:
    status = new.get("status") or {}
    errors = validate_counts(status, _STATUS_COUNTS)
    met = {c.get("type") for c in status.get("conditions") or () if c.get("status") == "True"}
    for first, second in (("Complete", "Failed"), ("Complete", "FailureTarget"), ("SuccessCriteriaMet", "Failed")):
        if first in met and second in met:
            text = f"cannot set {first}=True and {second}=true conditions"
            errors.append(invalid_value("status.conditions", OMITTED, text))
    return errors
