"""Names in the resource group, and lists and maps that are held to their sizes.

Texts: upstream's pkg/apis/resource/validation. Lists that are too long are not looked into, as upstream's.
"""

from collections.abc import Callable, Sequence
from typing import Any

from minik.api import names
from minik.api.groups.storage.class_validation import validate_driver_name as validate_driver
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, required, too_long, too_many

__all__ = (
    "validate_attribute_name",
    "validate_device_name",
    "validate_driver",
    "validate_list",
    "validate_pool_name",
    "validate_qualified_name",
    "validate_set",
)

_MAX_IDENTIFIER = 32


def validate_device_name(name: str, path: str) -> list[FieldError]:
    return [invalid_value(path, name, text) for text in names.dns_label(name)]


def validate_pool_name(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    errors = [too_long(path, names.SUBDOMAIN_MAX)] if len(name) > names.SUBDOMAIN_MAX else []
    return errors + [invalid_value(path, part, text) for part in name.split("/") for text in names.dns_subdomain(part)]


def _validate_identifier(name: str, path: str) -> list[FieldError]:
    errors = [too_long(path, _MAX_IDENTIFIER)] if len(name) > _MAX_IDENTIFIER else []
    return errors + [invalid_value(path, name, text) for text in names.c_identifier(name)]


def validate_qualified_name(name: str, path: str) -> list[FieldError]:
    """An identifier, or one with a domain in front."""
    domain, slash, identifier = name.partition("/")
    if not slash:
        return _validate_identifier(name, path)
    if "/" in identifier:
        return [invalid_value(path, name, "must not contain more than one slash")]
    errors = validate_driver(domain, path) if domain else [invalid_value(path, "", "the domain must not be empty")]
    if not identifier:
        return [*errors, invalid_value(path, "", "the name must not be empty")]
    return errors + _validate_identifier(identifier, path)


def validate_attribute_name(name: str, path: str) -> list[FieldError]:
    """A qualified name that has to have its domain."""
    errors = validate_qualified_name(name, path)
    if "/" not in name:
        text = "a fully qualified name must be a domain and a name separated by a slash"
        errors.append(invalid_value(path, name, text))
    return errors


def validate_list(
    items: Sequence[Any], maximum: int, validate: Callable[[Any, str], list[FieldError]], path: str
) -> list[FieldError]:
    if len(items) > maximum:
        return [too_many(path, len(items), maximum)]
    return [error for index, item in enumerate(items) for error in validate(item, f"{path}[{index}]")]


def _name(item: Obj) -> str:
    return str(item.get("name", ""))


def validate_set(
    items: Sequence[Any],
    maximum: int,
    validate: Callable[[Any, str], list[FieldError]],
    path: str,
    key: Callable[[Any], Any] = _name,
) -> list[FieldError]:
    """A list whose items differ in `key`, by default their names."""
    errors = validate_list(items, maximum, validate, path)
    if len(items) > maximum:
        return errors
    seen: set[Any] = set()
    for index, item in enumerate(items):
        if key(item) in seen:
            errors.append(duplicate(f"{path}[{index}]", key(item)))
        seen.add(key(item))
    return errors
