"""Validation of `metadata` of every kind (apimachinery's objectmeta validation).

The registry calls these for every kind; rooms only where an object embeds another's metadata.
Conventions: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#metadata
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minik.api import names
from minik.api.label_selector_validation import validate_labels
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, required, too_long

ANNOTATIONS_MAX_BYTES = 256 * 1024
FIELD_MANAGER_MAX = 128
_SUBRESOURCE_MAX = 256
_STANDARD_FINALIZERS = frozenset(("kubernetes", "orphan", "foregroundDeletion"))
_IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_OWNER_KEYS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")

NameErrors = Callable[[str, bool], list[str]]


def validate_annotations(annotations: Mapping[str, str] | None, path: str) -> list[FieldError]:
    """Keys are qualified names whatever their case; all together at most 256 KiB."""
    errors: list[FieldError] = []
    size = 0
    for key, value in (annotations or {}).items():
        errors += [invalid_value(path, key, text) for text in names.qualified_name(key.lower())]
        size += len(key.encode()) + len(value.encode())
    if size > ANNOTATIONS_MAX_BYTES:
        errors.append(too_long(path, ANNOTATIONS_MAX_BYTES))
    return errors


def _validate_owner(owner: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    api_version, kind = owner.get("apiVersion", ""), owner.get("kind", "")
    group, _, version = api_version.rpartition("/") if api_version.count("/") < 2 else ("", "", "")
    if not version:
        errors.append(invalid_value(f"{path}.apiVersion", api_version, "version must not be empty"))
    for key in ("kind", "name", "uid"):
        if not owner.get(key):
            errors.append(invalid_value(f"{path}.{key}", "", "must not be empty"))
    if (group, version, kind) == ("", "v1", "Event"):
        text = f"{group}/{version}, Kind={kind} is disallowed from being an owner"
        errors.append(invalid_value(path, _shown_owner(owner), text))
    return errors


def _shown_owner(owner: Obj) -> Obj:
    shown = {key: owner.get(key, "") for key in _OWNER_KEYS[:4]}
    return shown | {key: owner[key] for key in _OWNER_KEYS[4:] if owner.get(key) is not None}


def validate_owner_references(owners: Sequence[Obj] | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    first = ""
    for owner in owners or ():
        errors += _validate_owner(owner, path)
        if not owner.get("controller"):
            continue
        current = f"{owner.get('kind', '')}/{owner.get('name', '')}"
        if first:
            text = (
                "Only one reference can have Controller set to true. "
                f'Found "true" in references for {first} and {current}'
            )
            errors.append(invalid_value(path, [_shown_owner(each) for each in owners or ()], text))
        else:
            first = current
    return errors


def validate_finalizers(finalizers: Sequence[str] | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for finalizer in finalizers or ():
        errors += [invalid_value(path, finalizer, text) for text in names.qualified_name(finalizer)]
    if finalizers and "orphan" in finalizers and "foregroundDeletion" in finalizers:
        text = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid_value(path, list(finalizers), text))
    return errors


def validate_kube_finalizer(finalizer: str, path: str) -> list[FieldError]:
    """Built-in kinds take only finalizers with a domain, and a few standard ones."""
    if "/" in finalizer or finalizer in _STANDARD_FINALIZERS:
        return []
    text = "name is neither a standard finalizer name nor is it fully qualified"
    return [invalid_value(path, finalizer, text)]


def validate_field_manager(manager: str, path: str) -> list[FieldError]:
    errors = [too_long(path, FIELD_MANAGER_MAX)] if len(manager.encode()) > FIELD_MANAGER_MAX else []
    position = 0  # counts bytes
    for char in manager:
        if not char.isprintable():
            text = f"invalid character U+{ord(char):04X} (at position {position})"
            errors.append(invalid_value(path, manager, text))
        position += len(char.encode())
    return errors


def validate_managed_fields(entries: Sequence[Obj] | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, entry in enumerate(entries or ()):
        at = f"{path}[{index}]"
        operation, fields_type = entry.get("operation", ""), entry.get("fieldsType", "")
        if operation not in ("Apply", "Update"):
            errors.append(invalid_value(f"{at}.operation", operation, "must be `Apply` or `Update`"))
        if fields_type and fields_type != "FieldsV1":
            errors.append(invalid_value(f"{at}.fieldsType", fields_type, "must be `FieldsV1`"))
        errors += validate_field_manager(entry.get("manager", ""), f"{at}.manager")
        if len(entry.get("subresource", "")) > _SUBRESOURCE_MAX:
            errors.append(too_long(f"{at}.subresource", _SUBRESOURCE_MAX))
    return errors


def _validate_namespace(meta: Obj, namespaced: bool, path: str) -> list[FieldError]:
    namespace = meta.get("namespace", "")
    if not namespaced:
        return [forbidden(f"{path}.namespace", "not allowed on this type")] if namespace else []
    if not namespace:
        return [required(f"{path}.namespace")]
    return [invalid_value(f"{path}.namespace", namespace, text) for text in names.dns_label(namespace)]


def validate_object_meta(
    meta: Obj,
    *,
    namespaced: bool,
    name_errors: NameErrors = names.subdomain_name,
    path: str = "metadata",
    kube_finalizers: bool = True,
) -> list[FieldError]:
    """Metadata on creation, once a name has been generated.

    `name_errors` is the kind's rule (Strategy.name_errors). `kube_finalizers` is off for custom resources,
    whose finalizers need no domain.
    """
    errors: list[FieldError] = []
    name, generate_name = meta.get("name", ""), meta.get("generateName", "")
    if generate_name:
        errors += [
            invalid_value(f"{path}.generateName", generate_name, text) for text in name_errors(generate_name, True)
        ]
    if not name:
        errors.append(required(f"{path}.name", "name or generateName is required"))
    else:
        errors += [invalid_value(f"{path}.name", name, text) for text in name_errors(name, False)]
    errors += _validate_namespace(meta, namespaced, path)
    if meta.get("generation", 0) < 0:
        errors.append(invalid_value(f"{path}.generation", meta["generation"], "must be greater than or equal to 0"))
    errors += validate_labels(meta.get("labels"), f"{path}.labels")
    errors += validate_annotations(meta.get("annotations"), f"{path}.annotations")
    errors += validate_owner_references(meta.get("ownerReferences"), f"{path}.ownerReferences")
    errors += validate_finalizers(meta.get("finalizers"), f"{path}.finalizers")
    errors += validate_managed_fields(meta.get("managedFields"), f"{path}.managedFields")
    if kube_finalizers:
        errors += _validate_kube_finalizers(meta, path)
    return errors


def _validate_kube_finalizers(meta: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, finalizer in enumerate(meta.get("finalizers") or ()):
        errors += validate_kube_finalizer(finalizer, f"{path}.finalizers[{index}]")
    return errors


def validate_immutable(new: Any, old: Any, path: str) -> list[FieldError]:
    return [] if new == old else [invalid_value(path, new, "field is immutable")]


def validate_object_meta_update(
    new: Obj, old: Obj, *, path: str = "metadata", kube_finalizers: bool = True
) -> list[FieldError]:
    """Metadata on update: what may not change, then the rules for what may."""
    errors: list[FieldError] = []
    if old.get("deletionTimestamp"):
        extra = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if extra:
            listed = ", ".join(f'"{finalizer}"' for finalizer in extra)
            text = (
                "no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}"
            )
            errors.append(forbidden(f"{path}.finalizers", text))
    if not new.get("resourceVersion"):
        errors.append(invalid_value(f"{path}.resourceVersion", "", "must be specified for an update"))
    if new.get("generation", 0) < old.get("generation", 0):
        errors.append(invalid_value(f"{path}.generation", new.get("generation", 0), "must not be decremented"))
    for key in _IMMUTABLE:
        empty = "" if key in ("name", "namespace", "uid") else None
        errors += validate_immutable(new.get(key, empty), old.get(key, empty), f"{path}.{key}")
    errors += validate_labels(new.get("labels"), f"{path}.labels")
    errors += validate_annotations(new.get("annotations"), f"{path}.annotations")
    errors += validate_owner_references(new.get("ownerReferences"), f"{path}.ownerReferences")
    errors += validate_managed_fields(new.get("managedFields"), f"{path}.managedFields")
    if kube_finalizers:
        errors += _validate_kube_finalizers(new, path)
    return errors
