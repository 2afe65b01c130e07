"""Ingress (networking.k8s.io/v1): HTTP from outside, by host and path, to Services.

Behaviour: https://kubernetes.io/docs/concepts/services-networking/ingress/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.networking.ingress_validation import (
    CLASS_ANNOTATION,
    validate_ingress,
    validate_ingress_status_update,
    validate_ingress_update,
)
from minik.api.groups.status_rules import RESET_STATUS, keep_status, reset_status, status_strategy
from minik.api.ip_validation import ip_warnings
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_TYPE = "io.k8s.api.networking.v1.Ingress"
_HOSTS_SHOWN = 3
_COLUMNS = (
    NAME,
    Column(
        "Class",
        description="The name of the IngressClass resource that should be used for additional configuration",
    ),
    Column("Hosts", description="Hosts that incoming requests are matched against before the ingress rule"),
    Column("Address", description="Address is a list containing ingress points for the load-balancer"),
    Column("Ports", description="Ports of TLS configurations that open"),
    AGE,
)


def _hosts(spec: Obj) -> str:
    rules = spec.get("rules") or ()
    shown: list[str] = []
    for rule in rules:
        if len(shown) == _HOSTS_SHOWN:
            return f"{','.join(shown)} + {len(rules) - _HOSTS_SHOWN} more..."
        if rule.get("host"):
            shown.append(rule["host"])
    return ",".join(shown) or "*"


def _addresses(status: Obj) -> str:
    points = (status.get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(filter(None, (point.get("ip") or point.get("hostname", "") for point in points)))


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj["spec"]
    return [
        obj["metadata"]["name"],
        spec.get("ingressClassName") or "<none>",
        _hosts(spec),
        _addresses(obj.get("status") or {}),
        "80, 443" if spec.get("tls") else "80",
        age(obj, now),
    ]


def _warn(new: Obj, old: Obj | None) -> list[str]:
    annotated = CLASS_ANNOTATION in (new["metadata"].get("annotations") or {})
    if old is not None or not annotated or new["spec"].get("ingressClassName") is not None:
        return []
    return [f"annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"]


def _warn_of_addresses(new: Obj, _old: Obj | None) -> list[str]:
    points = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return [
        warning
        for index, point in enumerate(points)
        if point.get("ip")
        for warning in ip_warnings(point["ip"], f"status.loadBalancer.ingress[{index}]")  # the path is upstream's
    ]


RESOURCES = (
    Resource(
        group="networking.k8s.io",
        version="v1",
        kind="Ingress",
        plural="ingresses",
        singular="ingress",
        type_name=_TYPE,
        short_names=("ing",),
        strategy=Strategy(
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=validate_ingress,
            validate_update=validate_ingress_update,
            warn=_warn,
            has_generation=True,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="Ingress",
                strategy=status_strategy(validate_update=validate_ingress_status_update, warn=_warn_of_addresses),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="39NQlfNR+bo=",
    ),
)
