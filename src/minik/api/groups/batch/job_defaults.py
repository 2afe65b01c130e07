"""Defaults of Jobs, and what the server makes of their names: labels, a selector, warnings.

Source: the field descriptions of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/
"""

from minik.api import names
from minik.api.groups.core.pod_defaults import default_pod_template
from minik.api.types import Obj

_MAX_INT32 = (1 << 31) - 1
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
    if NAME_LABELS[0] not in labels:
        labels |= dict.fromkeys(NAME_LABELS, name)
    if UID_LABELS[0] not in labels:
        labels |= dict.fromkeys(UID_LABELS, uid)
    if shared:
        obj["metadata"]["labels"] = dict(labels)
    selector = spec.get("selector") or {}
    spec["selector"] = {**selector, "matchLabels": {UID_LABELS[1]: uid, **(selector.get("matchLabels") or {})}}
    if not names.label_value(name):  # or the Job is refused, and not because of its own labels
        _default_labels(obj)


def name_warnings(obj: Obj) -> list[str]:
    """Of a new Job or CronJob, whose name its Pods take over."""
    complaints = names.dns_label(obj["metadata"].get("name", ""))
    if not complaints:
        return []
    text = (
        "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended"
    )
    return [f"metadata.name: {text}: [{' '.join(complaints)}]"]
