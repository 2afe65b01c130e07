"""Validation of EndpointSlices."""

from collections.abc import Sequence

from minik.api import names
from minik.api.groups.core.container_validation import validate_protocol
from minik.api.ip_validation import validate_ip, validate_non_special_ip
from minik.api.label_selector_validation import validate_label_name
from minik.api.object_meta import validate_immutable
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, not_supported, required, too_many

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_MAX_PORTS, _MAX_ENDPOINTS, _MAX_ADDRESSES, _MAX_HINTS = 20_000, 1000, 100, 8


def _validate_address_type(kind: str) -> list[FieldError]:
    if not kind:
        return [required("addressType")]
    return [] if kind in _ADDRESS_TYPES else [not_supported("addressType", kind, _ADDRESS_TYPES)]


def _validate_ports(ports: Sequence[Obj]) -> list[FieldError]:
    if len(ports) > _MAX_PORTS:
        return [too_many("ports", len(ports), _MAX_PORTS)]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        at, name, protocol = f"ports[{index}]", port.get("name") or "", port.get("protocol")
        if name:
            errors += [invalid_value(f"{at}.name", name, text) for text in names.dns_label(name)]
        if name in seen:
            errors.append(duplicate(f"{at}.name", name))
        seen.add(name)
        errors += [required(f"{at}.protocol")] if protocol is None else validate_protocol(protocol, f"{at}.protocol")
        if port.get("appProtocol") is not None:
            errors += validate_label_name(port["appProtocol"], f"{at}.appProtocol")
    return errors


def _validate_domain(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    trimmed = name.removesuffix(".")
    if complaints := names.dns_subdomain(trimmed):
        return [invalid_value(path, trimmed, ",".join(complaints))]
    if "." not in trimmed:
        return [invalid_value(path, trimmed, "should be a domain with at least two segments separated by dots")]
    for label in trimmed.split("."):
        if complaints := names.dns_label(label):
            return [invalid_value(path, label, ",".join(complaints))]
    return []


def _validate_address(address: str, kind: str, path: str) -> list[FieldError]:
    if kind == "FQDN":
        return _validate_domain(address, path)
    if kind not in _ADDRESS_TYPES:
        return []
    errors = validate_ip(address, path)
    if errors:
        return errors
    family = "IPv6" if ":" in address else "IPv4"
    if family != kind:
        errors.append(invalid_value(path, address, f"must be an {kind} address"))
    return errors + validate_non_special_ip(address, path)


def _validate_hints(hints: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for key in ("forZones", "forNodes"):
        chosen = hints.get(key) or ()
        if len(chosen) > _MAX_HINTS:
            errors.append(too_many(f"{path}.{key}", len(chosen), _MAX_HINTS))
            continue
        seen: set[str] = set()
        for index, each in enumerate(chosen):
            at, name = f"{path}.{key}[{index}].name", each.get("name", "")
            if name in seen:
                errors.append(duplicate(at, name))
            seen.add(name)
            check = names.label_value if key == "forZones" else names.dns_subdomain
            errors += [invalid_value(at, name, text) for text in check(name)]
    return errors


def _validate_endpoint(endpoint: Obj, kind: str, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    addresses, at = endpoint.get("addresses") or (), f"{path}.addresses"
    if not addresses:
        errors.append(required(at, "must contain at least 1 address"))
    elif len(addresses) > _MAX_ADDRESSES:
        errors.append(too_many(at, len(addresses), _MAX_ADDRESSES))
    for index, address in enumerate(addresses):
        errors += _validate_address(address, kind, f"{at}[{index}]")
    node, host = endpoint.get("nodeName"), endpoint.get("hostname")
    if node is not None:
        errors += [invalid_value(f"{path}.nodeName", node, text) for text in names.dns_subdomain(node)]
    if host is not None:
        errors += [invalid_value(f"{path}.hostname", host, text) for text in names.dns_label(host)]
    if endpoint.get("hints") is not None:
        errors += _validate_hints(endpoint["hints"], f"{path}.hints")
    return errors


def validate_slice(obj: Obj) -> list[FieldError]:
    kind, endpoints = obj.get("addressType", ""), obj.get("endpoints") or ()
    errors = _validate_address_type(kind) + _validate_ports(obj.get("ports") or ())
    if len(endpoints) > _MAX_ENDPOINTS:
        return [*errors, too_many("endpoints", len(endpoints), _MAX_ENDPOINTS)]
    for index, endpoint in enumerate(endpoints):
        errors += _validate_endpoint(endpoint, kind, f"endpoints[{index}]")
    return errors


def validate_slice_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = validate_slice(new)
    return errors + validate_immutable(new.get("addressType", ""), old.get("addressType", ""), "addressType")
