"""Validation of Services.

Rules: https://kubernetes.io/docs/concepts/services-networking/service/
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.go_form import go_value
from minik.api.groups.core.container_validation import validate_protocol
from minik.api.groups.core.probe_validation import validate_port
from minik.api.groups.core.service_fields import is_externally_accessible, needs_health_check_node_port
from minik.api.groups.core.service_ip_validation import (
    is_headless,
    validate_cluster_ips_change,
    validate_cluster_ips_related_fields,
)
from minik.api.ip_validation import validate_cidr, validate_ip, validate_non_special_ip
from minik.api.label_selector_validation import validate_label_name, validate_labels
from minik.api.types import Obj
from minik.api.validation import (
    FieldError,
    duplicate,
    forbidden,
    invalid_value,
    not_supported,
    required,
)

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES = ("ClientIP", "None")
_TRAFFIC = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_AFFINITY_MAX = 86400
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_HINTS, _MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
_ONLY_LB = "may only be used when `type` is 'LoadBalancer'"


def _validate_type_fields(service: Obj) -> list[FieldError]:
    """What goes with the type: ports, headlessness, the external name."""
    spec = service["spec"]
    kind = spec.get("type")
    errors: list[FieldError] = []
    if not spec.get("ports") and not is_headless(service) and kind != "ExternalName":
        errors.append(required("spec.ports"))
    if kind in ("LoadBalancer", "NodePort") and is_headless(service):
        text = f"may not be set to 'None' for {kind} services"
        errors.append(invalid_value("spec.clusterIPs[0]", "None", text))
    if kind != "ExternalName":
        return errors
    for key in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(key):
            errors.append(forbidden(f"spec.{key}", "may not be set for ExternalName services"))
    name = spec.get("externalName", "").removesuffix(".")
    if not name:
        return [*errors, required("spec.externalName")]
    return errors + [invalid_value("spec.externalName", name, text) for text in names.dns_subdomain(name)]


def _validate_port(port: Obj, seen: set[str], path: str, *, needs_name: bool) -> list[FieldError]:
    name = port.get("name", "")
    errors: list[FieldError] = []
    if needs_name and not name:
        errors.append(required(f"{path}.name"))
    elif name:
        errors += [invalid_value(f"{path}.name", name, text) for text in names.dns_label(name)]
        if name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
    number = port.get("port", 0)
    errors += [invalid_value(f"{path}.port", number, text) for text in names.port_number(number)]
    errors += validate_protocol(port.get("protocol", ""), f"{path}.protocol")
    errors += validate_port(port.get("targetPort", 0), f"{path}.targetPort")
    if port.get("appProtocol") is not None:
        errors += validate_label_name(port["appProtocol"], f"{path}.appProtocol")
    return errors


def _validate_affinity(spec: Obj) -> list[FieldError]:
    affinity, config = spec.get("sessionAffinity", ""), spec.get("sessionAffinityConfig")
    if not affinity:
        return [required("spec.sessionAffinity")]
    if affinity not in _AFFINITIES:
        return [not_supported("spec.sessionAffinity", affinity, _AFFINITIES)]
    if affinity == "None":
        text = "must not be set when session affinity is None"
        return [forbidden("spec.sessionAffinityConfig", text)] if config is not None else []
    at, text = "spec.sessionAffinityConfig", "when session affinity type is ClientIP"
    if config is None:
        return [required(at, text)]
    if config.get("clientIP") is None:
        return [required(f"{at}.clientIP", text)]
    at, seconds = f"{at}.clientIP.timeoutSeconds", config["clientIP"].get("timeoutSeconds")
    if seconds is None:
        return [required(at, text)]
    if 0 < seconds <= _AFFINITY_MAX:
        return []
    return [invalid_value(at, seconds, f"must be greater than 0 and less than {_AFFINITY_MAX}")]


def _validate_external_ips(addresses: Sequence[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, address in enumerate(addresses):
        at = f"spec.externalIPs[{index}]"
        errors += validate_ip(address, at) or validate_non_special_ip(address, at)
    return errors


def _validate_uniqueness(spec: Obj) -> list[FieldError]:
    """Node ports and ports, each with its protocol, are given once."""
    ports: Sequence[Obj] = spec.get("ports") or ()
    errors: list[FieldError] = []
    if spec.get("type") == "ClusterIP":
        text = "may not be used when `type` is 'ClusterIP'"
        errors += [forbidden(f"spec.ports[{i}].nodePort", text) for i, port in enumerate(ports) if port.get("nodePort")]
    seen: set[tuple[str, str, int]] = set()
    for index, port in enumerate(ports):
        key = ("nodePort", port.get("protocol", ""), port.get("nodePort", 0))
        if key[2] and key in seen:
            errors.append(duplicate(f"spec.ports[{index}].nodePort", key[2]))
        seen.add(key)
    for index, port in enumerate(ports):
        key = ("port", port.get("protocol", ""), port.get("port", 0))
        if key in seen:
            shown = go_value({"protocol": key[1], "port": key[2]}, "ServicePort")
            errors.append(duplicate(f"spec.ports[{index}]", shown))
        seen.add(key)
    return errors


def _validate_source_ranges(service: Obj) -> list[FieldError]:
    """Of the field, or of the annotation that preceded it. Spaces around are legal for history's sake."""
    spec, annotations = service["spec"], service["metadata"].get("annotations") or {}
    is_balancer = spec.get("type") == "LoadBalancer"
    errors: list[FieldError] = []
    if spec.get("loadBalancerSourceRanges"):
        at = "spec.LoadBalancerSourceRanges"
        errors += [] if is_balancer else [forbidden(at, _ONLY_LB)]
        for index, cidr in enumerate(spec["loadBalancerSourceRanges"]):
            errors += validate_cidr(cidr.strip(), f"{at}[{index}]")
    elif _RANGES in annotations:
        at = f"metadata.annotations[{_RANGES}]"
        errors += [] if is_balancer else [forbidden(at, _ONLY_LB)]
        for cidr in annotations[_RANGES].strip().split(",") if annotations[_RANGES].strip() else ():
            errors += validate_cidr(cidr.strip(), at)
    return errors


def _validate_load_balancer(spec: Obj) -> list[FieldError]:
    allocates = spec.get("allocateLoadBalancerNodePorts")
    errors: list[FieldError] = []
    if spec.get("type") == "LoadBalancer":
        if allocates is None:
            errors.append(required("allocateLoadBalancerNodePorts"))
        if spec.get("loadBalancerClass") is not None:
            errors += validate_label_name(spec["loadBalancerClass"], "spec.loadBalancerClass")
        return errors
    return [
        forbidden(f"spec.{key}", _ONLY_LB)
        for key in ("allocateLoadBalancerNodePorts", "loadBalancerClass")
        if spec.get(key) is not None
    ]


def _validate_traffic(service: Obj) -> list[FieldError]:
    """External and internal traffic policy, health check port, distribution."""
    spec = service["spec"]
    errors: list[FieldError] = []
    external, at = spec.get("externalTrafficPolicy", ""), "spec.externalTrafficPolicy"
    if not is_externally_accessible(service):
        if external:
            errors.append(invalid_value(at, external, "may only be set for externally-accessible services"))
    elif not external:
        errors.append(required(at))
    elif external not in _TRAFFIC:
        errors.append(not_supported(at, external, _TRAFFIC))
    port, at = spec.get("healthCheckNodePort", 0), "spec.healthCheckNodePort"
    if not needs_health_check_node_port(service):
        if port:
            text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            errors.append(invalid_value(at, port, text))
    elif not port:
        errors.append(required(at))
    else:
        errors += [invalid_value(at, port, text) for text in names.port_number(port)]
    internal, at = spec.get("internalTrafficPolicy"), "spec.internalTrafficPolicy"
    if internal is None:
        if spec.get("type") in ("ClusterIP", "NodePort", "LoadBalancer"):
            errors.append(required(at))
    elif internal not in _TRAFFIC:
        errors.append(not_supported(at, internal, _TRAFFIC))
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        errors.append(not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS))
    return errors


def validate_service(service: Obj) -> list[FieldError]:
    spec, annotations = service["spec"], service["metadata"].get("annotations") or {}
    errors: list[FieldError] = []
    if _HINTS in annotations and _MODE in annotations and annotations[_HINTS] != annotations[_MODE]:
        text = f"must match annotations[{_HINTS}] when both are specified"
        errors.append(invalid_value(f"metadata.annotations[{_MODE}]", annotations[_MODE], text))
    errors += _validate_type_fields(service)
    ports, seen = spec.get("ports") or [], set[str]()
    for index, port in enumerate(ports):
        errors += _validate_port(port, seen, f"spec.ports[{index}]", needs_name=len(ports) > 1)
    errors += validate_labels(spec.get("selector"), "spec.selector")
    errors += _validate_affinity(spec)
    errors += validate_cluster_ips_related_fields(service)
    errors += _validate_external_ips(spec.get("externalIPs") or ())
    kind = spec.get("type", "")
    if not kind:
        errors.append(required("spec.type"))
    elif kind not in _TYPES:
        errors.append(not_supported("spec.type", kind, _TYPES))
    errors += _validate_uniqueness(spec)
    errors += _validate_source_ranges(service)
    errors += _validate_load_balancer(spec)
    return errors + _validate_traffic(service)


def validate_service_update(new: Obj, old: Obj) -> list[FieldError]:
    spec, before = new["spec"], old["spec"]
    errors = validate_cluster_ips_change(new, old)
    if spec.get("type") == before.get("type") == "LoadBalancer":
        wanted = spec.get("loadBalancerClass")
        if wanted != before.get("loadBalancerClass"):
            errors.append(invalid_value("spec.loadBalancerClass", wanted, "may not change once set"))
    both_check = needs_health_check_node_port(new) and needs_health_check_node_port(old)
    if both_check and spec.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
        errors.append(forbidden("spec.healthCheckNodePort", "field is immutable"))
    return errors + validate_service(new)


def validate_load_balancer_status(ingress: Sequence[Obj], kind: str, path: str) -> list[FieldError]:
    """`status.loadBalancer.ingress` of Services and Ingresses (whose entries have no ipMode)."""
    if kind != "LoadBalancer" and ingress:
        return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    errors: list[FieldError] = []
    for index, entry in enumerate(ingress):
        at, address, mode, host = (
            f"{path}[{index}]",
            entry.get("ip", ""),
            entry.get("ipMode"),
            entry.get("hostname", ""),
        )
        if address:
            errors += validate_ip(address, f"{at}.ip")
        if mode is None and address:
            errors.append(required(f"{at}.ipMode", "must be specified when `ip` is set"))
        elif mode is not None and not address:
            errors.append(forbidden(f"{at}.ipMode", "may not be specified when `ip` is not set"))
        elif mode is not None and mode not in ("Proxy", "VIP"):
            errors.append(not_supported(f"{at}.ipMode", mode, ("Proxy", "VIP")))
        if host:
            errors += [invalid_value(f"{at}.hostname", host, text) for text in names.dns_subdomain(host)]
            if names.strict_ip(host) is not None:
                errors.append(invalid_value(f"{at}.hostname", host, "must be a DNS name, not an IP address"))
    return errors


def validate_service_status_update(new: Obj, _old: Obj) -> list[FieldError]:
    ingress = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return validate_load_balancer_status(ingress, new["spec"].get("type", ""), "status.loadBalancer.ingress")
