"""ConfigMap (v1): plain data for Pods, at most 1 MiB, optionally immutable.

Behaviour: https://kubernetes.io/docs/concepts/configuration/configmap/
"""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, too_long

MAX_BYTES = 1024 * 1024

_COLUMNS = (
    NAME,
    Column(
        "Data",
        description=(
            "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. "
            "Values with non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not "
            "overlap with the keys in the BinaryData field, this is enforced during validation process."
        ),
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age(obj, now)]


def base64_size(text: str) -> int:
    """Bytes that base64 text stands for."""
    return len(text) // 4 * 3 - text[-2:].count("=")


def _validate(obj: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for key in data:
        errors += [invalid_value(f"data[{key}]", key, text) for text in names.config_map_key(key)]
        if key in binary:
            errors.append(invalid_value(f"data[{key}]", key, "duplicate of key present in binaryData"))
    for key in binary:
        errors += [invalid_value(f"binaryData[{key}]", key, text) for text in names.config_map_key(key)]
    size = sum(len(value.encode()) for value in data.values()) + sum(base64_size(value) for value in binary.values())
    if size > MAX_BYTES:
        errors.append(too_long("[]", MAX_BYTES))
    return errors


def validate_immutable_data(new: Obj, old: Obj, *keys: str) -> list[FieldError]:
    """Of ConfigMaps and Secrets: once `immutable` is set, neither it nor the data changes."""
    if not old.get("immutable"):
        return []
    text = "field is immutable when `immutable` is set"
    errors = [] if new.get("immutable") else [forbidden("immutable", text)]
    errors += [forbidden(key, text) for key in keys if (new.get(key) or {}) != (old.get(key) or {})]
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    return validate_immutable_data(new, old, "data", "binaryData") + _validate(new)


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="ConfigMap",
        plural="configmaps",
        singular="configmap",
        type_name="io.k8s.api.core.v1.ConfigMap",
        short_names=("cm",),
        strategy=Strategy(validate=_validate, validate_update=_validate_update, metadata_checks=("update", "create")),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="qFsyl6wFWjQ=",
    ),
)
