"""Paths inside volumes and on hosts: no walking up, and relative where they end up under a volume."""

from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required

_MODE_TEXT = "must be a number between 0 and 0777 (octal), both inclusive"


def validate_no_backsteps(value: str, path: str) -> list[FieldError]:
    return [invalid_value(path, value, "must not contain '..'")] if ".." in value.split("/") else []


def validate_descending(value: str, path: str) -> list[FieldError]:
    """Relative, and without `..`."""
    errors = [invalid_value(path, value, "must be a relative path")] if value.startswith("/") else []
    return errors + validate_no_backsteps(value, path)


def validate_non_reserved(value: str, path: str) -> list[FieldError]:
    """As validate_descending; names starting with `..` belong to the kubelet's atomic writer."""
    errors = validate_descending(value, path)
    if value.startswith("..") and not value.startswith("../"):
        errors.append(invalid_value(path, value, "must not start with '..'"))
    return errors


def validate_mode(holder: Obj, key: str, path: str) -> list[FieldError]:
    mode = holder.get(key)
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [invalid_value(f"{path}.{key}", mode, _MODE_TEXT)]


def validate_key_to_path(item: Obj, path: str) -> list[FieldError]:
    """One item of a secret or configMap volume."""
    errors = [required(f"{path}.{key}") for key in ("key", "path") if not item.get(key)]
    errors += validate_non_reserved(item.get("path", ""), f"{path}.path")
    return errors + validate_mode(item, "mode", path)
