"""IPAddress (networking.k8s.io/v1, networking.k8s.io/v1beta1): an address that a Service holds.

Behaviour: https://kubernetes.io/docs/reference/networking/service-ip-allocation/ (KEP-1880)
"""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import NAME, age
from minik.api.go_addresses import address_complaint
from minik.api.go_form import go_struct
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError, invalid_value, required

_COLUMNS = (
    NAME,
    Column(
        "ParentRef",
        description=(
            "ParentRef references the resource that an IPAddress is attached to. An IPAddress must reference a parent "
            "object."
        ),
    ),
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    """Upstream gives the age, too, though there is no column for it."""
    parent, shown = obj["spec"].get("parentRef"), "<none>"
    if parent is not None:
        group, resource = parent.get("group", ""), parent.get("resource", "")
        parts = [f"{resource}.{group}".lower() if group else resource.lower(), parent.get("namespace", "")]
        shown = "/".join([*filter(None, parts), parent.get("name", "")])
    return [obj["metadata"]["name"], shown, age(obj, now)]


def _name_errors(name: str, _is_prefix: bool) -> list[str]:
    address = names.strict_ip(name)
    if address is None:
        complaint = address_complaint(name)
        return [complaint] if complaint else []
    return [] if str(address) == name else ["not a valid IP address in canonical format"]


def _validate(obj: Obj) -> list[FieldError]:
    parent = obj["spec"].get("parentRef")
    at = "spec.parentRef"
    if parent is None:
        return [required(at)]
    errors: list[FieldError] = []
    group = parent.get("group", "")
    if group:
        errors += [invalid_value(f"{at}.group", group, text) for text in names.dns_subdomain(group)]
    for key in ("resource", "name", "namespace"):
        value = parent.get(key, "")
        if value:
            errors += [invalid_value(f"{at}.{key}", value, text) for text in names.path_segment(value)]
        elif key != "namespace":
            errors.append(required(f"{at}.{key}"))
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = _validate(new)
    parent = new["spec"].get("parentRef")
    if parent != old["spec"].get("parentRef"):
        shown = go_struct(parent, "io.k8s.api.networking.v1.ParentReference") if parent else None
        errors.append(invalid_value("spec.parentRef", shown, "field is immutable"))
    return errors


_STRATEGY = Strategy(
    validate=_validate,
    validate_update=_validate_update,
    name_errors=_name_errors,
    metadata_checks=("create", "update"),
)

RESOURCES = (
    Resource(
        group="networking.k8s.io",
        version="v1",
        kind="IPAddress",
        plural="ipaddresses",
        singular="ipaddress",
        type_name="io.k8s.api.networking.v1.IPAddress",
        namespaced=False,
        short_names=("ip",),
        strategy=_STRATEGY,
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="3f/plJFChNE=",
    ),
    Resource(
        group="networking.k8s.io",
        version="v1beta1",
        kind="IPAddress",
        plural="ipaddresses",
        singular="ipaddress",
        type_name="io.k8s.api.networking.v1beta1.IPAddress",
        namespaced=False,
        short_names=("ip",),
        strategy=_STRATEGY,
        columns=_COLUMNS,
        cells=_cells,
        storage=GVR("networking.k8s.io", "v1", "ipaddresses"),
        storage_version_hash="3f/plJFChNE=",
        deprecation="networking.k8s.io/v1beta1 IPAddress is deprecated in v1.34+, unavailable in v1.37+",
    ),
)
