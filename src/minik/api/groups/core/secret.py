"""Secret (v1): data that is handed out with care; some types demand certain keys.

Behaviour: https://kubernetes.io/docs/concepts/configuration/secret/
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.groups.core.config_map import MAX_BYTES, base64_size, validate_immutable_data
from minik.api.groups.core.secret_formats import certificate_warning, json_error
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required, too_long

_COLUMNS = (
    NAME,
    Column(
        "Type",
        description=(
            "Used to facilitate programmatic handling of secret data. More info: "
            "https://kubernetes.io/docs/concepts/configuration/secret/#secret-types"
        ),
    ),
    Column(
        "Data",
        description=(
            "Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or '.'. The "
            "serialized form of the secret data is a base64 encoded string, representing the arbitrary (possibly "
            "non-string) data value here. Described in https://tools.ietf.org/html/rfc4648#section-4"
        ),
    ),
    AGE,
)
_REDACTED = "<secret contents redacted>"
_ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"
# Type -> keys that must be there and not empty (docker), or just be there.
_DOCKER_KEYS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
_TLS_KEYS = ("tls.crt", "tls.key")


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("type", ""), len(obj.get("data") or ()), age(obj, now)]


def _default(obj: Obj) -> None:
    """Type Opaque; stringData is written into data, as it is never read back."""
    if not obj.get("type"):
        obj["type"] = "Opaque"
    plain = obj.pop("stringData", None)
    if plain:
        encoded = {key: b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _prepare_update(new: Obj, old: Obj) -> None:
    """A type that is not given stays."""
    if not new.get("type"):
        new["type"] = old.get("type", "Opaque")


def _validate_type(obj: Obj) -> list[FieldError]:
    kind = obj.get("type")
    data: Mapping[str, str] = obj.get("data") or {}
    if kind == "kubernetes.io/service-account-token":
        annotations = obj["metadata"].get("annotations") or {}
        return (
            [] if annotations.get(_ACCOUNT_ANNOTATION) else [required(f"metadata.annotations[{_ACCOUNT_ANNOTATION}]")]
        )
    if kind in _DOCKER_KEYS:
        key = _DOCKER_KEYS[kind]
        if key not in data:
            return [required(f"data[{key}]")]
        text = json_error(b64decode(data[key]))
        return [invalid_value(f"data[{key}]", _REDACTED, text)] if text else []
    if kind == "kubernetes.io/basic-auth":
        if "username" in data or "password" in data:
            return []
        return [required("data[username]"), required("data[password]")]
    if kind == "kubernetes.io/ssh-auth":
        return [] if data.get("ssh-privatekey") else [required("data[ssh-privatekey]")]
    if kind == "kubernetes.io/tls":
        return [required(f"data[{key}]") for key in _TLS_KEYS if key not in data]
    return []


def _validate(obj: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    size = 0
    for key, value in (obj.get("data") or {}).items():
        errors += [invalid_value(f"data[{key}]", key, text) for text in names.config_map_key(key)]
        size += base64_size(value)
    if size > MAX_BYTES:
        errors.append(too_long("data", MAX_BYTES))
    return errors + _validate_type(obj)


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = validate_immutable(new.get("type", ""), old.get("type", ""), "type")
    return errors + validate_immutable_data(new, old, "data") + _validate(new)


def _warn(new: Obj, _old: Obj | None) -> list[str]:
    if new.get("type") != "kubernetes.io/tls":
        return []
    data = new.get("data") or {}
    text = certificate_warning(*(b64decode(data.get(key, "")) for key in _TLS_KEYS))
    return [text] if text else []


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Secret",
        plural="secrets",
        singular="secret",
        type_name="io.k8s.api.core.v1.Secret",
        strategy=Strategy(
            default=_default,
            prepare_update=_prepare_update,
            validate=_validate,
            validate_update=_validate_update,
            warn=_warn,
            metadata_checks=("update", "create"),
        ),
        columns=_COLUMNS,
        cells=_cells,
        selectable_fields={"type": lambda obj: str(obj.get("type", ""))},
        storage_version_hash="S6u1pOWzb84=",
    ),
)
