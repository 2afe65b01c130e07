"""Endpoints (v1): the addresses behind a Service, in the form EndpointSlice replaced.

Behaviour: https://kubernetes.io/docs/concepts/services-networking/service/#endpoints
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.core.endpoints_validation import validate_endpoints, validate_endpoints_update
from minik.api.ip_validation import ip_warnings
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj

_SHOWN = 3
_MANAGED_BY, _CONTROLLER = "endpoints.kubernetes.io/managed-by", "endpoint-controller"
_COLUMNS = (
    NAME,
    Column(
        "Endpoints",
        description=(
            "The set of all endpoints is the union of all subsets. Addresses are placed into subsets according "
            "to the IPs they share. A single address with multiple ports, some of which are ready and some of "
            "which are not (because they come from different containers) will result in the address being "
            "displayed in different subsets for the different ports. No address will appear in both Addresses "
            "and NotReadyAddresses in the same subset. Sets of addresses and ports that comprise a service."
        ),
    ),
    AGE,
)


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _cells(obj: Obj, now: datetime) -> list[Any]:
    shown: list[str] = []
    for subset in obj.get("subsets") or ():
        addresses = [each.get("ip", "") for each in subset.get("addresses") or ()]
        if not subset.get("ports"):
            shown += addresses
        for port in subset.get("ports") or ():
            shown += [_host_port(address, port.get("port", 0)) for address in addresses]
    text = ",".join(shown[:_SHOWN])
    if len(shown) > _SHOWN:
        text += f" + {len(shown) - _SHOWN} more..."
    return [obj["metadata"]["name"], text if obj.get("subsets") else "<none>", age(obj, now)]


def _warn(new: Obj, _old: Obj | None) -> list[str]:
    """What the Endpoints controller writes needs no second look."""
    if (new["metadata"].get("labels") or {}).get(_MANAGED_BY) == _CONTROLLER:
        return []
    return [
        warning
        for index, subset in enumerate(new.get("subsets") or ())
        for key in ("addresses", "notReadyAddresses")
        for number, address in enumerate(subset.get(key) or ())
        for warning in ip_warnings(address.get("ip", ""), f"subsets[{index}].{key}[{number}].ip")
    ]


def _default(obj: Obj) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            if not port.get("protocol"):
                port["protocol"] = "TCP"


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Endpoints",
        plural="endpoints",
        singular="endpoints",
        type_name="io.k8s.api.core.v1.Endpoints",
        short_names=("ep",),
        strategy=Strategy(
            default=_default,
            validate=validate_endpoints,
            validate_update=validate_endpoints_update,
            warn=_warn,
            create_on_update=True,
            metadata_checks=("update", "create"),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="fWeeMqaN/OA=",
        deprecation="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ),
)
