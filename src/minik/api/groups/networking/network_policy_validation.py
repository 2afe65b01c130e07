"""Validation of NetworkPolicies."""

from minik.api import names
from minik.api.ip_validation import sloppy_network, validate_cidr
from minik.api.label_selector_validation import validate_label_selector
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden, invalid_value, not_supported, required

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_TYPES = ("Ingress", "Egress")


def _validate_port(port: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in _PROTOCOLS:
        errors.append(not_supported(f"{path}.protocol", protocol, _PROTOCOLS))
    if isinstance(number, int):
        errors += [invalid_value(f"{path}.port", number, text) for text in names.port_number(number)]
        if end is not None:
            if end < number:
                errors.append(invalid_value(f"{path}.endPort", number, "must be greater than or equal to `port`"))
            errors += [invalid_value(f"{path}.endPort", end, text) for text in names.port_number(end)]
    elif isinstance(number, str):
        if end is not None:
            errors.append(invalid_value(f"{path}.endPort", end, "may not be specified when `port` is non-numeric"))
        errors += [invalid_value(f"{path}.port", number, text) for text in names.port_name(number)]
    elif end is not None:
        errors.append(invalid_value(f"{path}.endPort", end, "may not be specified when `port` is not specified"))
    return errors


def _validate_block(block: Obj, path: str) -> list[FieldError]:
    cidr = block.get("cidr", "")
    if not cidr:
        return [required(f"{path}.cidr")]
    errors = validate_cidr(cidr, f"{path}.cidr")
    outer = sloppy_network(cidr)
    if outer is None:
        return errors
    for index, text in enumerate(block.get("except") or ()):
        at = f"{path}.except[{index}]"
        errors += validate_cidr(text, at)
        inner = sloppy_network(text)
        if inner is None:
            continue
        inside = inner.version == outer.version and inner.network_address in outer
        if not inside or inner.prefixlen <= outer.prefixlen:
            errors.append(invalid_value(at, text, "must be a strict subset of `cidr`"))
    return errors


def _validate_peer(peer: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    selectors = [key for key in ("podSelector", "namespaceSelector") if peer.get(key) is not None]
    block = peer.get("ipBlock")
    for key in selectors:
        errors += validate_label_selector(peer[key], f"{path}.{key}")
    if block is not None:
        errors += _validate_block(block, f"{path}.ipBlock")
        if selectors:
            errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    elif not selectors:
        errors.append(required(path, "must specify a peer"))
    return errors


def _validate_rules(spec: Obj, direction: str, peers: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, rule in enumerate(spec.get(direction) or ()):
        at = f"spec.{direction}[{index}]"
        for number, port in enumerate(rule.get("ports") or ()):
            errors += _validate_port(port, f"{at}.ports[{number}]")
        for number, peer in enumerate(rule.get(peers) or ()):
            errors += _validate_peer(peer, f"{at}.{peers}[{number}]")
    return errors


def validate_network_policy(policy: Obj) -> list[FieldError]:
    spec = policy["spec"]
    errors = validate_label_selector(spec.get("podSelector"), "spec.podSelector")
    errors += _validate_rules(spec, "ingress", "from") + _validate_rules(spec, "egress", "to")
    kinds = spec.get("policyTypes") or []
    if len(kinds) > len(_TYPES):
        errors.append(invalid_value("spec.policyTypes", kinds, "may not specify more than two policyTypes"))
        return errors
    errors += [
        not_supported(f"spec.policyTypes[{index}]", kind, _TYPES)
        for index, kind in enumerate(kinds)
        if kind not in _TYPES
    ]
    return errors
