"""ServiceCIDR (networking.k8s.io/v1, networking.k8s.io/v1beta1): addresses that Services may get.

Behaviour: https://kubernetes.io/docs/tasks/network/extend-service-ip-ranges/ (KEP-1880)
"""

from datetime import datetime
from ipaddress import ip_network
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.go_form import go_struct
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.ip_validation import validate_cidr
from minik.api.object_meta import validate_immutable
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError, invalid_value, required

_TYPE = "io.k8s.api.networking.v1.ServiceCIDR"
_AT = "spec.cidrs"
_COLUMNS = (
    NAME,
    Column(
        "CIDRs",
        description=(
            'CIDRs defines the IP blocks in CIDR notation (e.g. "192.168.0.0/24" or "2001:db8::/64") from which '
            "to assign service cluster IPs. Max of two CIDRs is allowed, one of each IP family. This field is "
            "immutable."
        ),
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], ",".join(obj["spec"].get("cidrs") or ()), age(obj, now)]


def _families(cidrs: list[str]) -> set[int]:
    """The IP families among the CIDRs; empty when one of them is none."""
    try:
        return {ip_network(text, strict=False).version for text in cidrs}
    except ValueError:
        return set()


def _validate_cidr(text: str, path: str) -> list[FieldError]:
    errors = validate_cidr(text, path)
    canonical = str(ip_network(text)) if not errors else text
    return errors if text == canonical else [invalid_value(path, text, f'must be in canonical form ("{canonical}")')]


def _validate(obj: Obj) -> list[FieldError]:
    spec = obj["spec"]
    cidrs = spec.get("cidrs") or []
    if not cidrs:
        return [required(_AT, "at least one CIDR required")]
    shown = go_struct(spec, "io.k8s.api.networking.v1.ServiceCIDRSpec")
    if len(cidrs) > 2:
        return [invalid_value(_AT, shown, "may only hold up to 2 values")]
    if len(cidrs) == 2 and len(_families(cidrs)) != 2:
        text = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        return [invalid_value(_AT, shown, text)]
    errors: list[FieldError] = []
    for index, text in enumerate(cidrs):
        errors += _validate_cidr(text, f"{_AT}[{index}]")
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    """A second family may be added; nothing else changes."""
    cidrs, before = (each["spec"].get("cidrs") or [] for each in (new, old))
    if len(cidrs) == len(before):
        pairs = enumerate(zip(cidrs, before, strict=True))
        return [error for index, (text, was) in pairs for error in validate_immutable(text, was, f"{_AT}[{index}]")]
    if len(cidrs) == 2 and len(before) == 1:
        return validate_immutable(cidrs[0], before[0], f"{_AT}[0]") + _validate(new)
    return [invalid_value(_AT, cidrs or None, "field is immutable")]


_STRATEGY = Strategy(
    prepare_create=reset_status(_TYPE),
    prepare_update=keep_status,
    validate=_validate,
    validate_update=_validate_update,
    reset_fields=RESET_STATUS,
)
_STATUS = status_strategy(prepare_update=keep_spec_and_metadata, reset_fields=frozenset())
_SUBRESOURCES = (Subresource(name="status", kind="ServiceCIDR", strategy=_STATUS),)

RESOURCES = (
    Resource(
        group="networking.k8s.io",
        version="v1",
        kind="ServiceCIDR",
        plural="servicecidrs",
        singular="servicecidr",
        type_name=_TYPE,
        namespaced=False,
        strategy=_STRATEGY,
        subresources=_SUBRESOURCES,
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="gNLvruQhW2g=",
    ),
    Resource(
        group="networking.k8s.io",
        version="v1beta1",
        kind="ServiceCIDR",
        plural="servicecidrs",
        singular="servicecidr",
        type_name="io.k8s.api.networking.v1beta1.ServiceCIDR",
        namespaced=False,
        strategy=_STRATEGY,
        subresources=_SUBRESOURCES,
        columns=_COLUMNS,
        cells=_cells,
        storage=GVR("networking.k8s.io", "v1", "servicecidrs"),
        storage_version_hash="gNLvruQhW2g=",
        deprecation="networking.k8s.io/v1beta1 ServiceCIDR is deprecated in v1.34+, unavailable in v1.37+",
    ),
)
