"""Validation of what claims, classes and templates say of devices. Paths are v1's.

Rules: https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, not_supported, required, too_many

MODES = ("All", "ExactCount")
_MAX_REQUESTS, _MAX_CONSTRAINTS, _MAX_CONFIGS, _MAX_SELECTORS, _MAX_ALTERNATIVES = 32, 32, 32, 32, 8
_OPERATORS = ("Equal", "Exists")
_EFFECTS = ("NoExecute", "NoSchedule")
_UNKNOWN_REQUEST = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)


# What `device` is in a selector: KEP-4381. Attributes and capacities are maps by domain, then by name.
_BY_DOMAIN = {
    "type": "object",
    "additionalProperties": {"type": "object", "additionalProperties": {"x-kubernetes-int-or-string": True}},
}
_DEVICE = {
    "type": "object",
    "properties": {
        "driver": {"type": "string"},
        "attributes": _BY_DOMAIN,
        "capacity": _BY_DOMAIN,
        "allowMultipleAllocations": {"type": "boolean"},
    },
}


def validate_driver(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    errors = [invalid_value(path, name, text) for text in names.dns_subdomain(name)]
    if len(name) > names.LABEL_MAX:
        errors.append(invalid_value(path, name, names.max_length_error(names.LABEL_MAX)))
    return errors


def validate_selectors(selectors: Sequence[Obj], path: str) -> list[FieldError]:
    errors = [too_many(path, len(selectors), _MAX_SELECTORS)] if len(selectors) > _MAX_SELECTORS else []
    for index, selector in enumerate(selectors):
        cel = selector.get("cel")
        if cel is None:
            errors.append(required(f"{path}[{index}].cel"))
        elif not cel.get("expression"):
            errors.append(required(f"{path}[{index}].cel.expression"))
        elif problem := _expression_problem(cel["expression"]):
            errors.append(invalid_value(f"{path}[{index}].cel.expression", cel["expression"], problem))
    return errors


def _expression_problem(expression: str) -> str:
    """What is wrong with a selector's expression, or "". The engine is loaded for the first one."""
    from minik.api.cel import engine
    from minik.api.cel.declarations import Declarations

    declarations = Declarations()
    device = declarations.type_of(_DEVICE)
    try:
        result = engine.check(expression, engine.Types({"device": device}, declarations.pool()))
    except engine.CelError as error:
        return f"compilation failed: {error}"
    return "" if result in ("BOOL", "DYN") else "must evaluate to bool or the unknown type, not " + result.lower()


def validate_configuration(config: Obj, path: str) -> list[FieldError]:
    """Of a claim or a class: parameters that a driver reads."""
    opaque = config.get("opaque")
    if opaque is None:
        return [required(f"{path}.opaque")]
    errors = validate_driver(opaque.get("driver", ""), f"{path}.opaque.driver")
    parameters, at = opaque.get("parameters"), f"{path}.opaque.parameters"
    if parameters is None:
        errors.append(required(at))
    elif not isinstance(parameters, dict):
        errors.append(invalid_value(at, "<value omitted>", "must be a valid JSON object"))
    return errors


def _validate_tolerations(tolerations: Sequence[Obj], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, toleration in enumerate(tolerations):
        at, key, operator = f"{path}[{index}]", toleration.get("key", ""), toleration.get("operator", "")
        if key:
            errors += [invalid_value(f"{at}.key", key, text) for text in names.qualified_name(key)]
        elif operator != "Exists":
            errors.append(required(f"{at}.key"))
        if not operator:
            errors.append(required(f"{at}.operator"))
        elif operator not in _OPERATORS:
            errors.append(not_supported(f"{at}.operator", operator, _OPERATORS))
        value, effect = toleration.get("value", ""), toleration.get("effect", "")
        if operator == "Exists" and value:
            errors.append(invalid_value(f"{at}.value", value, "must be empty for operator `Exists`"))
        elif value:
            errors += [invalid_value(f"{at}.value", value, text) for text in names.label_value(value)]
        if effect and effect not in _EFFECTS:
            errors.append(not_supported(f"{at}.effect", effect, _EFFECTS))
    return errors


def _validate_amount(request: Obj, path: str) -> list[FieldError]:
    mode, count = request.get("allocationMode", ""), request.get("count", 0)
    if mode == "All":
        text = "must not be specified when allocationMode is 'All'"
        return [invalid_value(f"{path}.count", count, text)] if count else []
    if mode == "ExactCount":
        return [] if count > 0 else [invalid_value(f"{path}.count", count, "must be greater than zero")]
    return [not_supported(f"{path}.allocationMode", mode, MODES)]


def _validate_exact(request: Obj, path: str) -> list[FieldError]:
    name = request.get("deviceClassName", "")
    errors = [] if name else [required(f"{path}.deviceClassName")]
    if name:
        errors += [invalid_value(f"{path}.deviceClassName", name, text) for text in names.dns_subdomain(name)]
    errors += validate_selectors(request.get("selectors") or (), f"{path}.selectors")
    errors += _validate_amount(request, path)
    return errors + _validate_tolerations(request.get("tolerations") or (), f"{path}.tolerations")


def _validate_request(request: Obj, path: str) -> list[FieldError]:
    name, exactly, alternatives = (request.get(key) for key in ("name", "exactly", "firstAvailable"))
    errors = [invalid_value(f"{path}.name", name, text) for text in names.dns_label(name)] if name else []
    if not name:
        errors.append(required(f"{path}.name"))
    if exactly is not None and alternatives:
        text = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set"
        errors.append(invalid_value(path, None, text))
    elif exactly is not None:
        errors += _validate_exact(exactly, f"{path}.exactly")
    elif not alternatives:
        errors.append(required(path, "exactly one of `exactly` or `firstAvailable` is required"))
    if alternatives and len(alternatives) > _MAX_ALTERNATIVES:
        errors.append(too_many(f"{path}.firstAvailable", len(alternatives), _MAX_ALTERNATIVES))
    for index, alternative in enumerate(alternatives or ()):
        at, own = f"{path}.firstAvailable[{index}]", alternative.get("name", "")
        errors += [invalid_value(f"{at}.name", own, text) for text in names.dns_label(own)] or _unnamed(own, at)
        errors += _validate_exact(alternative, at)
    return errors + _repeated(alternatives or (), f"{path}.firstAvailable")


def _unnamed(name: str, path: str) -> list[FieldError]:
    return [] if name else [required(f"{path}.name")]


def _repeated(named: Sequence[Obj], path: str) -> list[FieldError]:
    given = [each.get("name", "") for each in named]
    return [duplicate(f"{path}[{index}]", name) for index, name in enumerate(given) if name in given[:index]]


def _request_names(requests: Sequence[Obj]) -> set[str]:
    found: set[str] = set()
    for request in requests:
        name = request.get("name", "")
        found.add(name)
        found |= {f"{name}/{each.get('name', '')}" for each in request.get("firstAvailable") or ()}
    return found


def _validate_references(references: Sequence[str], known: set[str], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, reference in enumerate(references):
        if reference not in known:
            errors.append(invalid_value(f"{path}[{index}]", reference, _UNKNOWN_REQUEST))
        if reference in references[:index]:
            errors.append(duplicate(f"{path}[{index}]", reference))
    return errors


def _validate_attribute(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    domain, slash, identifier = name.partition("/")
    if not slash:
        return [invalid_value(path, name, "a fully qualified name must be a domain and a name separated by a slash")]
    errors = [invalid_value(path, domain, text) for text in names.dns_subdomain(domain)]
    return errors + [invalid_value(path, identifier, text) for text in names.c_identifier(identifier)]


def _validate_constraint(constraint: Obj, known: set[str], path: str) -> list[FieldError]:
    errors = _validate_references(constraint.get("requests") or (), known, f"{path}.requests")
    attribute, distinct = constraint.get("matchAttribute"), constraint.get("distinctAttribute")
    if attribute is not None:
        errors += _validate_attribute(attribute, f"{path}.matchAttribute")
    elif distinct is not None:
        errors += _validate_attribute(distinct, f"{path}.distinctAttribute")
    else:
        errors.append(required(f"{path}.matchAttribute"))
    return errors


def validate_claim_spec(spec: Obj, path: str) -> list[FieldError]:
    devices, at = spec.get("devices") or {}, f"{path}.devices"
    requests, constraints, configs = (devices.get(key) or () for key in ("requests", "constraints", "config"))
    errors: list[FieldError] = []
    for key, items, limit in (
        ("requests", requests, _MAX_REQUESTS),
        ("constraints", constraints, _MAX_CONSTRAINTS),
        ("config", configs, _MAX_CONFIGS),
    ):
        if len(items) > limit:
            errors.append(too_many(f"{at}.{key}", len(items), limit))
    for index, request in enumerate(requests):
        errors += _validate_request(request, f"{at}.requests[{index}]")
    errors += _repeated(requests, f"{at}.requests")
    known = _request_names(requests)
    for index, constraint in enumerate(constraints):
        errors += _validate_constraint(constraint, known, f"{at}.constraints[{index}]")
    for index, config in enumerate(configs):
        errors += _validate_references(config.get("requests") or (), known, f"{at}.config[{index}].requests")
        errors += validate_configuration(config, f"{at}.config[{index}]")
    return errors


def validate_class_spec(spec: Obj) -> list[FieldError]:
    errors = validate_selectors(spec.get("selectors") or (), "spec.selectors")
    configs = spec.get("config") or ()
    if len(configs) > _MAX_CONFIGS:
        errors.append(too_many("spec.config", len(configs), _MAX_CONFIGS))
    for index, config in enumerate(configs):
        errors += validate_configuration(config, f"spec.config[{index}]")
    return errors
