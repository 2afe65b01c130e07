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
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, required

_TYPE = "io.k8s.api.storage.v1.VolumeAttachment"
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
        return []
    if not volume:
        return [required(f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName")]
    return [invalid_value(f"{path}.persistentVolumeName", volume, text) for text in names.dns_subdomain(volume)]


def _validate(obj: Obj) -> list[FieldError]:
    spec = obj["spec"]
    errors = validate_driver_name(spec.get("attacher", ""), "spec.attacher")
    errors += _validate_source(spec.get("source") or {}, "spec.source")
    node = spec.get("nodeName", "")
    return errors + [invalid_value("spec.nodeName", node, text) for text in names.dns_subdomain(node)]


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = _validate(new)
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
        ),
        subresources=(
            Subresource(
                name="status",
                kind="VolumeAttachment",
                strategy=status_strategy(
                    prepare_update=keep_spec_and_metadata,
                    reset_fields=frozenset({("metadata",), ("spec",)}),
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="tJx/ezt6UDU=",
    ),
)
