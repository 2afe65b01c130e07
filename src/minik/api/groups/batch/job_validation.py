"""Validation of Jobs, and of the Job specs inside CronJobs."""

from minik.api import names
from minik.api.domain_path_validation import validate_domain_prefixed_path
from minik.api.go_form import go_struct
from minik.api.groups.apps.workload_validation import (
    matches_template,
    mismatch,
    shown_selector,
    template_labels,
)
from minik.api.groups.batch.job_defaults import NAME_LABELS, UID_LABELS
from minik.api.groups.batch.pod_policy_validation import validate_pod_failure_policy, validate_success_policy
from minik.api.groups.core.pod_template_validation import validate_pod_template
from minik.api.label_selector_validation import validate_label_selector
from minik.api.number_validation import validate_not_negative
from minik.api.selectors import of_object
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required, too_long

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


def validate_job_spec(spec: Obj) -> list[FieldError]:
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
    shown = dict(sorted(labels.items()))
    return [] if labels[key] == wanted else [invalid_value(at, shown, f"must be '{wanted}'")]


def _validate_generated_selector(job: Obj, *, prefixed: bool) -> list[FieldError]:
    """`prefixed`: the labels with a domain are asked for too, which Jobs of old did not have."""
    spec, metadata = job["spec"], job["metadata"]
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    errors: list[FieldError] = []
    uid, name, labels = metadata.get("uid", ""), metadata.get("name", ""), template_labels(spec)
    if not uid:
        errors.append(required("metadata.uid"))
    expected: Obj = {}
    for uid_label, name_label in list(zip(UID_LABELS, NAME_LABELS, strict=True))[: 2 if prefixed else 1]:
        expected |= {uid_label: uid, name_label: name}
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


def validate_job(job: Obj, *, prefixed: bool = True) -> list[FieldError]:
    errors = _validate_generated_selector(job, prefixed=prefixed)
    return errors + validate_job_spec(job["spec"]) + _validate_pod_name(job)
