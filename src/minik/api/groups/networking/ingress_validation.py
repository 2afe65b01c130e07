"""Validation of Ingresses and of references to objects that configure them.

Rules: https://kubernetes.io/docs/concepts/services-networking/ingress/
"""

from minik.api import names
from minik.api.ip_validation import validate_ip
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value, not_supported, required

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_FORBIDDEN_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_FORBIDDEN_ENDS = ("/..", "/.")
_ABSOLUTE = "must be an absolute path"
_NO_ADDRESS = "must be a DNS name, not an IP address"


def validate_local_reference(reference: Obj, path: str) -> list[FieldError]:
    """A TypedLocalObjectReference."""
    group, errors = reference.get("apiGroup"), []
    if group is not None:
        errors = [invalid_value(f"{path}.apiGroup", group, text) for text in names.dns_subdomain(group)]
    for key in ("kind", "name"):
        value = reference.get(key, "")
        if not value:
            errors.append(required(f"{path}.{key}"))
        else:
            errors += [invalid_value(f"{path}.{key}", value, text) for text in names.path_segment(value)]
    return errors


def _validate_service(service: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    name, port = service.get("name", ""), service.get("port") or {}
    at = f"{path}.service"
    if not name:
        errors.append(required(f"{at}.name"))
    else:
        errors += [invalid_value(f"{at}.name", name, text) for text in names.dns_label(name)]
    port_name, number = port.get("name", ""), port.get("number", 0)
    if port_name and number:
        errors.append(invalid_value(path, "", "cannot set both port name & port number"))
    elif port_name:
        errors += [invalid_value(f"{at}.port.name", port_name, text) for text in names.port_name(port_name)]
    elif number:
        errors += [invalid_value(f"{at}.port.number", number, text) for text in names.port_number(number)]
    else:
        errors.append(required(path, "port name or number is required"))
    return errors


def _validate_backend(backend: Obj, path: str) -> list[FieldError]:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        return [invalid_value(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return validate_local_reference(resource, f"{path}.resource")
    if service is not None:
        return _validate_service(service, path)
    return [invalid_value(path, "", "resource or service backend is required")]


def _validate_path(entry: Obj, path: str) -> list[FieldError]:
    kind, text = entry.get("pathType"), entry.get("path", "")
    if kind is None:
        return [required(f"{path}.pathType", "pathType must be specified")]
    errors: list[FieldError] = []
    at = f"{path}.path"
    if kind not in _PATH_TYPES:
        errors.append(not_supported(f"{path}.pathType", kind, _PATH_TYPES))
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            errors.append(invalid_value(at, text, _ABSOLUTE))
    else:
        if not text.startswith("/"):
            errors.append(invalid_value(at, text, _ABSOLUTE))
        errors += [invalid_value(at, text, f"must not contain '{part}'") for part in _FORBIDDEN_PARTS if part in text]
        errors += [invalid_value(at, text, f"cannot end with '{end}'") for end in _FORBIDDEN_ENDS if text.endswith(end)]
    return errors + _validate_backend(entry.get("backend") or {}, f"{path}.backend")


def _validate_host(host: str, path: str) -> list[FieldError]:
    check = names.wildcard_dns_subdomain if "*" in host else names.dns_subdomain
    return [invalid_value(path, host, text) for text in check(host)]


def _validate_rule(rule: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    host, http = rule.get("host", ""), rule.get("http")
    if host:
        if names.strict_ip(host) is not None:
            errors.append(invalid_value(f"{path}.host", host, _NO_ADDRESS))
        errors += _validate_host(host, f"{path}.host")
    if http is None:
        return errors
    if not http.get("paths"):
        errors.append(required(f"{path}.http.paths"))
    for index, entry in enumerate(http.get("paths") or ()):
        errors += _validate_path(entry, f"{path}.http.paths[{index}]")
    return errors


def _validate_tls(tls: Obj, path: str, *, check_secret: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, host in enumerate(tls.get("hosts") or ()):
        errors += _validate_host(host, f"{path}.hosts[{index}]")
    secret = tls.get("secretName", "")
    if secret and check_secret:
        errors += [invalid_value(f"{path}.secretName", secret, text) for text in names.dns_subdomain(secret)]
    return errors


def _validate_spec(spec: Obj, *, check_secrets: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    backend, rules, name = spec.get("defaultBackend"), spec.get("rules") or (), spec.get("ingressClassName")
    if not rules and backend is None:
        errors.append(invalid_value("spec", None, "either `defaultBackend` or `rules` must be specified"))
    if backend is not None:
        errors += _validate_backend(backend, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        errors += _validate_rule(rule, f"spec.rules[{index}]")
    for index, tls in enumerate(spec.get("tls") or ()):
        errors += _validate_tls(tls, f"spec.tls[{index}]", check_secret=check_secrets)
    if name is not None:
        errors += [invalid_value("spec.ingressClassName", name, text) for text in names.dns_subdomain(name)]
    return errors


def validate_ingress(ingress: Obj) -> list[FieldError]:
    errors = _validate_spec(ingress["spec"], check_secrets=True)
    annotation = (ingress["metadata"].get("annotations") or {}).get(CLASS_ANNOTATION)
    name = ingress["spec"].get("ingressClassName")
    if annotation is not None and name is not None and annotation != name:
        text = "must match `ingressClassName` when both are specified"
        errors.append(invalid_value(f"annotations.{CLASS_ANNOTATION}", annotation, text))
    return errors


def validate_ingress_update(new: Obj, old: Obj) -> list[FieldError]:
    """Names of secrets that were wrong before may stay so."""
    secrets = [tls.get("secretName", "") for tls in old["spec"].get("tls") or ()]
    were_valid = not any(secret and names.dns_subdomain(secret) for secret in secrets)
    return _validate_spec(new["spec"], check_secrets=were_valid)


def validate_ingress_status_update(new: Obj, _old: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    points = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    for index, point in enumerate(points):
        at, ip, host = f"status.loadBalancer.ingress[{index}]", point.get("ip", ""), point.get("hostname", "")
        errors += validate_ip(ip, f"{at}.ip") if ip else []
        if host:
            errors += [invalid_value(f"{at}.hostname", host, text) for text in names.dns_subdomain(host)]
            if names.strict_ip(host) is not None:
                errors.append(invalid_value(f"{at}.hostname", host, _NO_ADDRESS))
    return errors
