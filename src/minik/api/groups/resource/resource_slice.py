"""ResourceSlice (resource.k8s.io/v1, v1beta2, v1beta1): devices that a driver has to give.

Behaviour: https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.conversion import converting
from minik.api.groups.resource.request_defaults import default_slice
from minik.api.groups.resource.v1beta1_conversion import slice_from_v1, slice_to_v1
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError

_STORED = GVR("resource.k8s.io", "v1", "resourceslices")
_COLUMNS = (
    NAME,
    Column(
        "Node",
        description=(
            "NodeName identifies the node which provides the resources in this pool. A field selector can be used "
            "to list only ResourceSlice objects belonging to a certain node.\n\nThis field can be used to limit "
            "access from nodes to ResourceSlices with the same node name. It also indicates to autoscalers that "
            "adding new nodes of the same type as some old node might also make new resources available.\n\nExactly "
            "one of NodeName, NodeSelector, AllNodes, and PerDeviceNodeSelection must be set. This field is "
            "immutable."
        ),
    ),
    Column(
        "Driver",
        description=(
            "Driver identifies the DRA driver providing the capacity information. A field selector can be used to "
            "list only ResourceSlice objects with a certain driver name.\n\nMust be a DNS subdomain and should end "
            "with a DNS domain owned by the vendor of the driver. It should use only lower case characters. This "
            "field is immutable."
        ),
    ),
    Column(
        "Pool",
        description=(
            "Name is used to identify the pool. For node-local devices, this is often the node name, but this is "
            "not required.\n\nIt must not be longer than 253 characters and must consist of one or more DNS "
            "sub-domains separated by slashes. This field is immutable."
        ),
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj["spec"]
    return [
        obj["metadata"]["name"],
        spec.get("nodeName") or "",
        spec.get("driver", ""),
        (spec.get("pool") or {}).get("name", ""),
        age(obj, now),
    ]


def _forget_lists(obj: Obj) -> None:
    """Attributes with several values, and what a device takes of its node, belong to features that are off."""
    for device in obj["spec"].get("devices") or ():
        (device.get("basic") or device).pop("nodeAllocatableResourceMappings", None)
        for attribute in ((device.get("basic") or device).get("attributes") or {}).values():
            for kind in ("bools", "ints", "strings", "versions"):
                attribute.pop(kind, None)


def _prepare_update(new: Obj, _old: Obj) -> None:
    _forget_lists(new)


def _validate(obj: Obj) -> list[FieldError]:
    from minik.api.groups.resource.slice_validation import validate_slice  # few clusters have devices

    return validate_slice(obj)


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    from minik.api.groups.resource.slice_validation import validate_slice_update

    return validate_slice_update(new, old)


def _resource(version: str) -> Resource:
    def rule(function: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        return converting(slice_to_v1, function) if version == "v1beta1" else function

    return Resource(
        group="resource.k8s.io",
        version=version,
        kind="ResourceSlice",
        plural="resourceslices",
        singular="resourceslice",
        type_name=f"io.k8s.api.resource.{version}.ResourceSlice",
        namespaced=False,
        strategy=Strategy(
            default=default_slice,
            prepare_create=_forget_lists,
            prepare_update=_prepare_update,
            validate=rule(_validate),
            validate_update=rule(_validate_update),
            has_generation=True,
        ),
        columns=_COLUMNS,
        cells=_cells,
        selectable_fields={
            "spec.nodeName": lambda obj: str(obj["spec"].get("nodeName") or ""),
            "spec.driver": lambda obj: str(obj["spec"].get("driver", "")),
        },
        storage_version_hash="KsC072WgaEY=",
    )


RESOURCES = (
    _resource("v1"),
    replace(_resource("v1beta2"), storage=_STORED),
    replace(_resource("v1beta1"), storage=_STORED, from_storage=slice_from_v1, to_storage=slice_to_v1),
)
