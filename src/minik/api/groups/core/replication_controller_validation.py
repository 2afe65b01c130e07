"""Validation of ReplicationControllers."""

from minik.api.groups.core.pod_template_validation import validate_pod_template
from minik.api.groups.core.resources_validation import NOT_NEGATIVE
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_COUNTS = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")


def _not_negative(holder: Obj, keys: tuple[str, ...], path: str) -> list[FieldError]:
    return [invalid_value(f"{path}.{key}", holder[key], NOT_NEGATIVE) for key in keys if holder.get(key, 0) < 0]


def validate_replication_controller(controller: Obj) -> list[FieldError]:
    spec = controller["spec"]
    selector, template = spec.get("selector") or {}, spec.get("template")
    errors = _not_negative(spec, ("minReadySeconds",), "spec")
    if not selector:
        errors.append(required("spec.selector"))
    errors += _not_negative(spec, ("replicas",), "spec")
    if template is None:
        return [*errors, required("spec.template")]
    labels = (template.get("metadata") or {}).get("labels") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        text = "`selector` does not match template `labels`"
        errors.append(invalid_value("spec.template.metadata.labels", labels or None, text))
    errors += validate_pod_template(template, "spec.template")
    pod = template.get("spec") or {}
    if pod.get("restartPolicy") != "Always":
        at = "spec.template.spec.restartPolicy"
        errors.append(not_supported(at, pod.get("restartPolicy", ""), ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in ReplicationController is not Supported"
        errors.append(forbidden("spec.template.spec.activeDeadlineSeconds", text))
    return errors


def validate_replication_controller_update(new: Obj, _old: Obj) -> list[FieldError]:
    """All is looked at twice, as a new controller and as an update of one."""
    return validate_replication_controller(new) * 2


def validate_replication_controller_status_update(new: Obj, _old: Obj) -> list[FieldError]:
    status = new.get("status") or {}
    errors = _not_negative(status, _COUNTS, "status")
    total = status.get("replicas", 0)
    for key in ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"):
        count = status.get(key, 0)
        if count > total:
            errors.append(invalid_value(f"status.{key}", count, "cannot be greater than status.replicas"))
    available = status.get("availableReplicas", 0)
    if available > status.get("readyReplicas", 0):
        errors.append(invalid_value("status.availableReplicas", available, "cannot be greater than readyReplicas"))
    return errors
