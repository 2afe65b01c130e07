"""Validation of Endpoints."""

from minik.api import names
from minik.api.groups.core.container_validation import validate_protocol
from minik.api.ip_validation import validate_ip, validate_non_special_ip
from minik.api.label_selector_validation import validate_label_name
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, required


def _validate_address(address: Obj, path: str) -> list[FieldError]:
    ip, host, node = address.get("ip", ""), address.get("hostname", ""), address.get("nodeName")
    errors = validate_ip(ip, f"{path}.ip")
    if host:
        errors += [invalid_value(f"{path}.hostname", host, text) for text in names.dns_label(host)]
    if node is not None:
        errors += [invalid_value(f"{path}.nodeName", node, text) for text in names.dns_subdomain(node)]
    return errors + validate_non_special_ip(ip, f"{path}.ip")


def _validate_port(port: Obj, path: str, *, needs_name: bool) -> list[FieldError]:
    name, number = port.get("name", ""), port.get("port", 0)
    errors = [invalid_value(f"{path}.name", name, text) for text in names.dns_label(name)] if name else []
    if needs_name and not name:
        errors.append(required(f"{path}.name"))
    errors += [invalid_value(f"{path}.port", number, text) for text in names.port_number(number)]
    errors += validate_protocol(port.get("protocol", ""), f"{path}.protocol")
    if port.get("appProtocol") is not None:
        errors += validate_label_name(port["appProtocol"], f"{path}.appProtocol")
    return errors


def validate_endpoints(endpoints: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, subset in enumerate(endpoints.get("subsets") or ()):
        at, ports = f"subsets[{index}]", subset.get("ports") or []
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            errors.append(required(at, "must specify `addresses` or `notReadyAddresses`"))
        for key in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(subset.get(key) or ()):
                errors += _validate_address(address, f"{at}.{key}[{number}]")
        for number, port in enumerate(ports):
            errors += _validate_port(port, f"{at}.ports[{number}]", needs_name=len(ports) > 1)
    return errors


def validate_endpoints_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_endpoints(new)
