"""References to fields and resources of the Pod itself: in environment variables and downwardAPI volumes.

Rules: https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
"""

from collections.abc import Collection

from minik.api.groups.core.path_validation import validate_mode, validate_non_reserved
from minik.api.label_selector_validation import validate_label_name
from minik.api.quantity import parse
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required

ENVIRONMENT_FIELDS = frozenset(
    (
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    )
)
VOLUME_FIELDS = frozenset(
    ("metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid")
)
# Every field label that can be converted, though not every place takes it.
_KNOWN_FIELDS = ENVIRONMENT_FIELDS | VOLUME_FIELDS | {"spec.restartPolicy", "spec.schedulerName", "status.phase"}
_OLD_NAMES = {"spec.host": "spec.nodeName"}
_RESOURCES = frozenset(
    f"{which}.{name}" for which in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")
_UNITS = ("1", *(f"1{unit}{binary}" for binary in ("", "i") for unit in ("K" if binary else "k", *"MGTPE")))
_DIVISOR_NAMES = {"memory": "memory", "ephemeral-storage": "local ephemeral storage"}


def validate_field_ref(reference: Obj, allowed: Collection[str], path: str) -> list[FieldError]:
    """A `fieldRef`. Labels and annotations may be subscripted: metadata.labels['a']."""
    for key in ("apiVersion", "fieldPath"):
        if not reference.get(key):
            return [required(f"{path}.{key}")]
    field = reference["fieldPath"]
    if reference["apiVersion"] != "v1":
        text = f"error converting fieldPath: unsupported pod version: {reference['apiVersion']}"
        return [invalid_value(f"{path}.fieldPath", field, text)]
    base, bracket, subscript = field.removesuffix("']").partition("['")
    if base and bracket and field.endswith("']"):
        return _validate_subscript(base, subscript, field, path)
    known = _OLD_NAMES.get(field, field)
    if known not in _KNOWN_FIELDS:
        text = f"error converting fieldPath: field label not supported: {field}"
        return [invalid_value(f"{path}.fieldPath", field, text)]
    return [] if known in allowed else [not_supported(f"{path}.fieldPath", known, sorted(allowed))]


def _validate_subscript(base: str, subscript: str, field: str, path: str) -> list[FieldError]:
    if base == "metadata.annotations":
        return validate_label_name(subscript.lower(), path)
    if base == "metadata.labels":
        return validate_label_name(subscript, path)
    text = f"error converting fieldPath: field label does not support subscript: {field}"
    return [invalid_value(f"{path}.fieldPath", field, text)]


def validate_resource_field_ref(reference: Obj, path: str, *, in_volume: bool) -> list[FieldError]:
    """A `resourceFieldRef`; volumes belong to no container, so they must name one."""
    resource = reference.get("resource", "")
    errors: list[FieldError] = []
    if in_volume and not reference.get("containerName"):
        errors.append(required(f"{path}.containerName"))
    elif not resource:
        errors.append(required(f"{path}.resource"))
    elif resource not in _RESOURCES and not resource.startswith(_HUGE_PAGES):
        errors.append(not_supported(f"{path}.resource", resource, sorted(_RESOURCES)))
    return errors + _validate_divisor(resource, reference.get("divisor") or "0", path)


def _validate_divisor(resource: str, divisor: str, path: str) -> list[FieldError]:
    quantity = parse(divisor)
    if quantity.nanos == 0:
        return []
    kind = resource.partition(".")[2]
    if resource in ("limits.cpu", "requests.cpu"):
        units: Collection[str] = ("1m", "1")
        text = "only divisor's values 1m and 1 are supported with the cpu resource"
    elif resource in _RESOURCES or resource.startswith(_HUGE_PAGES):
        units = _UNITS
        name = _DIVISOR_NAMES.get(kind, "hugepages")
        text = f"only divisor's values {', '.join(_UNITS)} are supported with the {name} resource"
    else:
        return []
    return [] if str(quantity) in units else [invalid_value(f"{path}.divisor", resource, text)]


def validate_downward_file(item: Obj, path: str) -> list[FieldError]:
    """One file of a downwardAPI volume. `path` is the volume's: upstream leaves the index out."""
    errors: list[FieldError] = []
    if not item.get("path"):
        errors.append(required(f"{path}.path"))
    errors += validate_non_reserved(item.get("path", ""), f"{path}.path")
    field, resource = item.get("fieldRef"), item.get("resourceFieldRef")
    if field is not None:
        errors += validate_field_ref(field, VOLUME_FIELDS, f"{path}.fieldRef")
        if resource is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid_value(path, "resource", text))
    elif resource is not None:
        errors += validate_resource_field_ref(resource, f"{path}.resourceFieldRef", in_volume=True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + validate_mode(item, "mode", path)
