"""Defaults of Jobs, and what the server makes of their names: labels and a selector; and warnings.

Source: the field descriptions of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/
"""

from minik.api import names
from minik.api.groups.core.pod_defaults import default_pod_template
from minik.api.groups.core.pod_warnings import template_warnings
from minik.api.types import Obj

_MAX_INT32 = (1 << 31) - 1
_MANY_COMPLETIONS, _MANY_AT_ONCE = 100_000, 10_000  # more of both is worth a warning
NAME_LABELS = ("job-name", "batch.kubernetes.io/job-name")
UID_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid")


def default_job_template_spec(spec: Obj) -> None:
    """What a Job's spec gets wherever it stands, in a CronJob too."""
    default_pod_template(spec.setdefault("template", {}))
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            pattern["status"] = pattern.get("status") or "True"


def default_job(obj: Obj) -> None:
    """Strategy.default of Jobs."""
    spec = obj.setdefault("spec", {})
    default_job_template_spec(spec)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    per_index = spec.get("backoffLimitPerIndex") is not None
    policy = "Failed" if spec.get("podFailurePolicy") is not None else "TerminatingOrFailed"
    defaults = {
        "parallelism": 1,
        "backoffLimit": _MAX_INT32 if per_index else 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": policy,
        "manualSelector": False,
    }
    for key, value in defaults.items():
        if spec.get(key) is None:
            spec[key] = value
    _default_labels(obj)


def _default_labels(obj: Obj) -> None:
    labels = (obj["spec"]["template"].get("metadata") or {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)


def generate_selector(obj: Obj) -> None:
    """The selector is the Job's uid unless the user manages selectors himself."""
    spec = obj["spec"]
    if spec.get("manualSelector"):
        return
    name, uid = obj["metadata"].get("name", ""), obj["metadata"]["uid"]
    template = spec.setdefault("template", {})
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    shared = obj["metadata"].get("labels") == labels
    for key in NAME_LABELS:
        labels.setdefault(key, name)
    for key in UID_LABELS:
        labels.setdefault(key, uid)
    if shared:
        obj["metadata"]["labels"] = dict(labels)
    selector = spec.get("selector") or {}
    spec["selector"] = {**selector, "matchLabels": {UID_LABELS[1]: uid, **(selector.get("matchLabels") or {})}}
    if not names.label_value(name):  # or the Job is refused, and not because of its own labels
        _default_labels(obj)


def job_spec_warnings(spec: Obj, path: str) -> list[str]:
    """Of the Job spec at `path`, its template included."""
    warnings: list[str] = []
    many = (spec.get("completions") or 0) > _MANY_COMPLETIONS and (spec.get("parallelism") or 0) > _MANY_AT_ONCE
    if spec.get("completionMode") == "Indexed" and many:
        warnings.append(
            f"{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than "
            "10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        )
    return warnings + template_warnings(spec.get("template"), f"{path}.template")
