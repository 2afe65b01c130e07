"""Validation of a claim's spec, in PersistentVolumeClaims and in templates of claims.

Rules: https://kubernetes.io/docs/concepts/storage/persistent-volumes/#persistentvolumeclaims
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.groups.core.resources_validation import validate_positive, validate_quantity
from minik.api.label_selector_validation import validate_label_selector, validate_labels
from minik.api.object_meta import validate_annotations
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
# Metadata that templates of claims cannot have, in upstream's order.
_OTHER_METADATA = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
)


def validate_access_modes(modes: Sequence[str], path: str) -> list[FieldError]:
    """The modes themselves; whether there must be any is the caller's affair."""
    errors = [not_supported(path, mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES]
    known = {mode for mode in modes if mode in ACCESS_MODES}
    if "ReadWriteOncePod" in known and len(known) > 1:
        errors.append(forbidden(path, "may not use ReadWriteOncePod with other access modes"))
    return errors


def validate_class_name(name: str | None, path: str) -> list[FieldError]:
    return [invalid_value(path, name, text) for text in names.dns_subdomain(name)] if name else []


def _validate_data_source(source: Obj, path: str, *, check_group: bool) -> list[FieldError]:
    errors = [required(f"{path}.{key}") for key in ("name", "kind") if not source.get(key)]
    group, kind = source.get("apiGroup") or "", source.get("kind", "")
    if not group and kind != "PersistentVolumeClaim":
        text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid_value(path, kind, text))
    if group and check_group:
        errors += [invalid_value(f"{path}.apiGroup", group, text) for text in names.dns_subdomain(group)]
    namespace = source.get("namespace")
    if namespace:
        errors += [invalid_value(f"{path}.namespace", namespace, text) for text in names.dns_label(namespace)]
    return errors


def _validate_data_sources(spec: Obj, path: str, *, check_group: bool) -> list[FieldError]:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    errors: list[FieldError] = []
    if source is not None:
        errors += _validate_data_source(source, f"{path}.dataSource", check_group=check_group)
    if reference is not None:
        errors += _validate_data_source(reference, f"{path}.dataSourceRef", check_group=check_group)
    if source is None or reference is None:
        return errors
    # Upstream shows the path object as the value, which prints as {}.
    if reference.get("namespace"):
        text = "may not be specified when dataSourceRef.namespace is specified"
        errors.append(invalid_value(path, {}, text))
    elif any(source.get(key) != reference.get(key) for key in ("apiGroup", "kind", "name")):
        errors.append(invalid_value(path, {}, "must match dataSourceRef"))
    return errors


def validate_claim_spec(spec: Obj, path: str, *, check_group: bool = True) -> list[FieldError]:
    """`check_group` off: an old claim may keep a data source in whatever group."""
    errors: list[FieldError] = []
    modes = spec.get("accessModes") or []
    if not modes:
        errors.append(required(f"{path}.accessModes", "at least 1 access mode is required"))
    errors += validate_label_selector(spec.get("selector"), f"{path}.selector")
    errors += validate_access_modes(modes, f"{path}.accessModes")
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    at = f"{path}.resources[storage]"
    if storage is None:
        errors.append(required(at))
    else:
        errors += validate_positive(storage, at) or validate_quantity("storage", storage, at)
    errors += validate_class_name(spec.get("storageClassName"), f"{path}.storageClassName")
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        errors.append(not_supported(f"{path}.volumeMode", mode, VOLUME_MODES))
    errors += _validate_data_sources(spec, path, check_group=check_group)
    return errors + validate_class_name(spec.get("volumeAttributesClassName"), f"{path}.volumeAttributesClassName")


def validate_claim_template(template: Obj, path: str) -> list[FieldError]:
    """Of generic ephemeral volumes: of the metadata only labels and annotations count."""
    metadata = template.get("metadata") or {}
    at = f"{path}.metadata"
    errors = validate_annotations(metadata.get("annotations"), f"{at}.annotations")
    errors += validate_labels(metadata.get("labels"), f"{at}.labels")
    extra = [key for key in _OTHER_METADATA if metadata.get(key)]
    errors += [forbidden(f"{at}.{'uID' if key == 'uid' else key}", "cannot be set") for key in extra]
    return errors + validate_claim_spec(template.get("spec") or {}, f"{path}.spec")
