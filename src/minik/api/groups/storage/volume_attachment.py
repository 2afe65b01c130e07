"""VolumeAttachment (storage.k8s.io/v1): the wish to attach a volume to a node."""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.go_form import go_struct
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.groups.storage.class_validation import validate_driver_name
from minik.api.groups.storage.inline_volume_validation import validate_inline_volume
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, required, too_long

_TYPE = "io.k8s.api.storage.v1.VolumeAttachment"
_MESSAGE_MAX, _METADATA_MAX = 1024, 256 * 1024
_ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
_COLUMNS = (
    NAME,
    Column(
        "Attacher",
        format="name",
        description=(
            "attacher indicates the name of the volume driver that MUST handle this request. This is the name "
            "returned by GetPluginName()."
        ),
    ),
    Column("PV", description="persistentVolumeName represents the name of the persistent volume to attach."),
    Column("Node", description="nodeName represents the node that the volume should be attached to."),
    Column(
        "Attached",
        type="boolean",
        description=(
            "attached indicates the volume is successfully attached. This field must only be set by the entity "
            "completing the attach operation, i.e. the external-attacher."
        ),
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj["spec"]
    return [
        obj["metadata"]["name"],
        spec.get("attacher", ""),
        (spec.get("source") or {}).get("persistentVolumeName") or "",
        spec.get("nodeName", ""),
        bool((obj.get("status") or {}).get("attached")),
        age(obj, now),
    ]


def _validate_source(source: Obj, path: str) -> list[FieldError]:
    volume, inline = source.get("persistentVolumeName"), source.get("inlineVolumeSpec")
    if volume is None and inline is None:
        return [required(path, _ONE_SOURCE)]
    if volume is not None and inline is not None:
        return [forbidden(path, _ONE_SOURCE)]
    if inline is not None:
        return validate_inline_volume(inline, f"{path}.inlineVolumeSpec")
    if not volume:
        return [required(f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName")]
    return []


def _validate_error(error: Obj | None, path: str) -> list[FieldError]:
    if error is None:
        return []
    errors: list[FieldError] = []
    if len(error.get("message", "").encode()) > _MESSAGE_MAX:
        errors.append(too_long(f"{path}.message", _METADATA_MAX))  # upstream names the other limit
    code = error.get("errorCode")
    if code is not None and code < 0:
        errors.append(invalid_value(f"{path}.errorCode", code, "must be between 0 and 2147483647, inclusive"))
    return errors


def _validate_status(status: Obj) -> list[FieldError]:
    metadata = status.get("attachmentMetadata") or {}
    size = sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items())
    errors = [too_long("status.attachmentMetadata", _METADATA_MAX)] if size > _METADATA_MAX else []
    errors += _validate_error(status.get("attachError"), "status.attachError")
    return errors + _validate_error(status.get("detachError"), "status.detachError")


def _validate_stored(obj: Obj) -> list[FieldError]:
    """What is asked of every attachment; new ones have to do more."""
    spec = obj["spec"]
    errors = [] if spec.get("attacher") else [required("spec.attacher")]
    errors += _validate_source(spec.get("source") or {}, "spec.source")
    node = spec.get("nodeName", "")
    errors += [invalid_value("spec.nodeName", node, text) for text in names.dns_subdomain(node)]
    return errors + _validate_status(obj.get("status") or {})


def _validate(obj: Obj) -> list[FieldError]:
    errors = _validate_stored(obj)
    attacher, volume = obj["spec"].get("attacher"), (obj["spec"].get("source") or {}).get("persistentVolumeName")
    if attacher:
        errors += validate_driver_name(attacher, "spec.attacher")
    if volume is not None:
        at = "spec.source.persistentVolumeName"
        errors += [invalid_value(at, volume, text) for text in names.dns_subdomain(volume)]
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = _validate_stored(new)
    if new["spec"] != old["spec"]:
        shown = go_struct(new["spec"], "io.k8s.api.storage.v1.VolumeAttachmentSpec")
        errors.append(invalid_value("spec", shown, "field is immutable"))
    return errors


RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="VolumeAttachment",
        plural="volumeattachments",
        singular="volumeattachment",
        type_name=_TYPE,
        namespaced=False,
        strategy=Strategy(
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=_validate,
            validate_update=_validate_update,
            unconditional_update=False,
            reset_fields=RESET_STATUS,
            metadata_checks=("create",),
        ),
        subresources=(
            Subresource(
                name="status",
                kind="VolumeAttachment",
                strategy=status_strategy(
                    prepare_update=keep_spec_and_metadata,
                    validate_update=_validate_update,
                    reset_fields=frozenset({("metadata",), ("spec",)}),
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="tJx/ezt6UDU=",
    ),
)
