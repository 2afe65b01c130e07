"""Validation of PersistentVolumeClaims.

Rules: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims
"""

from copy import deepcopy

from minik.api import names
from minik.api.go_form import go_diff
from minik.api.groups.core.pod_level_resources import is_native
from minik.api.groups.core.resources_validation import validate_basic, validate_quantity
from minik.api.groups.core.volume_claim_spec_validation import validate_claim_spec
from minik.api.object_meta import validate_immutable
from minik.api.quantity import parse
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_RESIZE_STATES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)
_IMMUTABLE = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def validate_claim(claim: Obj) -> list[FieldError]:
    return validate_claim_spec(claim["spec"], "spec")


def _annotation(claim: Obj) -> str | None:
    value: str | None = (claim["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION)
    return value


def _storage(holder: Obj | None) -> str:
    return str(((holder or {}).get("requests") or {}).get("storage", "0"))


def _excused(new: Obj, old: Obj, *, class_upgraded: bool) -> tuple[Obj, Obj]:
    """Both specs with the changes undone that are allowed."""
    spec, before = deepcopy(new["spec"]), deepcopy(old["spec"])
    if not before.get("volumeName"):
        if spec.get("volumeName"):
            before["volumeName"] = spec["volumeName"]
        else:
            before.pop("volumeName", None)
    wanted, annotation = spec.get("storageClassName"), _annotation(old)
    first = wanted is not None and before.get("storageClassName") is None and annotation in (None, wanted)
    if class_upgraded or first:
        spec.pop("storageClassName", None)
    if (new.get("status") or {}).get("phase") == "Bound":
        requests = (spec.get("resources") or {}).get("requests")
        if requests:
            requests["storage"] = _storage(before.get("resources"))
        spec["volumeAttributesClassName"] = before.get("volumeAttributesClassName")
        if spec["volumeAttributesClassName"] is None:
            del spec["volumeAttributesClassName"]
    return spec, before


def _validate_size(new: Obj, old: Obj) -> list[FieldError]:
    """A claim may shrink only while it has not grown yet, after a growth that failed."""
    wanted, before = _storage(new["spec"].get("resources")), _storage(old["spec"].get("resources"))
    if parse(wanted).nanos >= parse(before).nanos:
        return []
    actual = ((old.get("status") or {}).get("capacity") or {}).get("storage", "0")
    if parse(wanted).nanos > parse(actual).nanos:
        return []
    return [forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")]


def _validate_class_change(new: Obj, old: Obj) -> list[FieldError]:
    """Once a class has been applied, the claim has one."""
    wanted, before = (each["spec"].get("volumeAttributesClassName") for each in (new, old))
    applied = (old.get("status") or {}).get("currentVolumeAttributesClassName") is not None
    if wanted or wanted == before or not applied:
        return []
    target = "nil" if wanted is None else "empty string"
    text = f"update to {target} is forbidden when status.currentVolumeAttributesClassName is not nil"
    return [forbidden("spec.volumeAttributesClassName", text)]


def validate_claim_update(new: Obj, old: Obj) -> list[FieldError]:
    sources = (old["spec"].get(key) or {} for key in ("dataSource", "dataSourceRef"))
    known_group = any(source.get("apiGroup") is not None for source in sources)
    errors = validate_claim_spec(new["spec"], "spec", check_group=not known_group)
    annotation = _annotation(old)
    upgraded = (
        annotation is not None
        and old["spec"].get("storageClassName") is None
        and new["spec"].get("storageClassName") == annotation
        and _annotation(new) in (None, annotation)
    )
    if not upgraded:
        at = f"metadata.annotations.{_CLASS_ANNOTATION}"
        errors += validate_immutable(_annotation(new) or "", annotation or "", at)
    spec, before = _excused(new, old, class_upgraded=upgraded)
    if spec != before:
        difference = go_diff(before, spec, "PersistentVolumeClaimSpec")
        errors.append(forbidden("spec", f"{_IMMUTABLE}\n{difference}"))
    errors += _validate_size(new, old)
    errors += validate_immutable(new["spec"].get("volumeMode"), old["spec"].get("volumeMode"), "volumeMode")
    return errors + _validate_class_change(new, old)


def _validate_resource_key(name: str, path: str) -> list[FieldError]:
    errors = [invalid_value(path, name, text) for text in names.qualified_name(name)]
    if not errors and is_native(name) and name != "storage":
        errors.append(not_supported(path, name, ("storage",)))
    return errors


def validate_claim_status_update(new: Obj, _old: Obj) -> list[FieldError]:
    status = new.get("status") or {}
    errors: list[FieldError] = []
    if not new["spec"].get("accessModes"):
        errors.append(required("Spec.accessModes"))
    for name, text in (status.get("capacity") or {}).items():
        errors += validate_basic(text, f"status.capacity[{name}]")
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        errors += _validate_resource_key(name, "status.allocatedResourceStatuses")
        if state not in _RESIZE_STATES:
            errors.append(not_supported("status.allocatedResourceStatuses", name, _RESIZE_STATES))
    for name, text in (status.get("allocatedResources") or {}).items():
        at = f"status.allocatedResources[{name}]"
        found = _validate_resource_key(name, "status.allocatedResources") or validate_basic(text, at)
        errors += found or validate_quantity("storage", text, at)
    return errors
