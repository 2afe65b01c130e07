"""Which requests a webhook or a policy is for: defaults and validation of rules, selectors and match conditions.

Rules: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.admission_cel.scope import Scope
from minik.api.groups.admissionregistration.expression_validation import BOOL, validate_expression
from minik.api.label_selector_validation import validate_label_selector
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, not_supported, required, too_many

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_MATCH_POLICIES = ("Equivalent", "Exact")
_FAILURE_POLICIES = ("Fail", "Ignore")
_MAX_CONDITIONS = 64


def default_rules(rules: Sequence[Obj] | None) -> None:
    for rule in rules or ():
        if rule.get("scope") is None:
            rule["scope"] = "*"


def default_match_resources(resources: Obj | None) -> None:
    """A policy's matchConstraints or a binding's matchResources."""
    if resources is None:
        return
    if resources.get("matchPolicy") is None:
        resources["matchPolicy"] = "Equivalent"
    for key in ("namespaceSelector", "objectSelector"):
        if resources.get(key) is None:
            resources[key] = {}
    default_rules(resources.get("resourceRules"))
    default_rules(resources.get("excludeResourceRules"))


def _alone(values: Sequence[str], path: str, what: str) -> list[FieldError]:
    if not values:
        return [required(path)]
    if len(values) > 1 and "*" in values:
        return [invalid_value(path, list(values), f"if '*' is present, must not specify other {what}")]
    return []


def _validate_resources(resources: Sequence[str], path: str) -> list[FieldError]:
    if not resources:
        return [required(path)]
    errors: list[FieldError] = []
    every_subresource: set[str] = set()
    of_every_resource: set[str] = set()
    named_last = ""  # the last one without a subresource: upstream asks no other whether `*` covers it
    for index, resource in enumerate(resources):
        at = f"{path}[{index}]"
        if not resource:
            errors.append(required(at))
            continue
        parent, slash, child = resource.partition("/")
        if not slash:
            named_last = resource
            continue
        if parent in every_subresource:
            text = f"if '{parent}/*' is present, must not specify {resource}"
            errors.append(invalid_value(at, resource, text))
        if child in of_every_resource:
            errors.append(invalid_value(at, resource, f"if '*/{child}' is present, must not specify {resource}"))
        if child == "*":
            every_subresource.add(parent)
        if parent == "*":
            of_every_resource.add(child)
    if len(resources) > 1 and "*/*" in resources:
        text = "if '*/*' is present, must not specify other resources"
        errors.append(invalid_value(path, list(resources), text))
    if "*" in resources and named_last not in ("", "*"):
        text = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid_value(path, list(resources), text))
    return errors


def validate_rule(rule: Obj, path: str) -> list[FieldError]:
    """A RuleWithOperations."""
    operations, at = rule.get("operations") or (), f"{path}.operations"
    errors = _alone(operations, at, "operations")
    errors += [
        not_supported(f"{at}[{index}]", operation, _OPERATIONS)
        for index, operation in enumerate(operations)
        if operation not in _OPERATIONS
    ]
    errors += _alone(rule.get("apiGroups") or (), f"{path}.apiGroups", "API groups")
    versions, at = rule.get("apiVersions") or (), f"{path}.apiVersions"
    errors += _alone(versions, at, "API versions")
    errors += [required(f"{at}[{index}]") for index, version in enumerate(versions) if not version]
    errors += _validate_resources(rule.get("resources") or (), f"{path}.resources")
    scope = rule.get("scope")
    if scope is not None and scope not in _SCOPES:
        errors.append(not_supported(f"{path}.scope", scope, _SCOPES))
    return errors


def validate_failure_policy(policy: str | None, path: str) -> list[FieldError]:
    if policy is None or policy in _FAILURE_POLICIES:
        return []
    return [not_supported(path, policy, _FAILURE_POLICIES)]


def validate_match_policy(policy: str | None, path: str) -> list[FieldError]:
    return [] if policy is None or policy in _MATCH_POLICIES else [not_supported(path, policy, _MATCH_POLICIES)]


def _validate_named_rule(rule: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    known: set[str] = set()
    for index, name in enumerate(rule.get("resourceNames") or ()):
        at = f"{path}.resourceNames[{index}]"
        errors += [invalid_value(at, name, text) for text in names.path_segment(name)]
        if name in known:
            errors.append(duplicate(at, name))
        known.add(name)
    return errors + validate_rule(rule, path)


def validate_match_resources(resources: Obj, path: str) -> list[FieldError]:
    errors = validate_match_policy(resources.get("matchPolicy"), f"{path}.matchPolicy")
    for key in ("namespaceSelector", "objectSelector"):
        if resources.get(key) is None:
            errors.append(required(f"{path}.{key}"))
        else:
            errors += validate_label_selector(resources[key], f"{path}.{key}")
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(resources.get(key) or ()):
            errors += _validate_named_rule(rule, f"{path}.{key}[{index}]")
    return errors


def validate_match_conditions(conditions: Sequence[Obj], path: str, scope: Scope) -> list[FieldError]:
    """Their names, and that their expressions compile."""
    errors: list[FieldError] = []
    known: set[str] = set()
    if len(conditions) > _MAX_CONDITIONS:
        errors.append(too_many(path, len(conditions), _MAX_CONDITIONS))
    for index, condition in enumerate(conditions):
        at, name, expression = f"{path}[{index}]", condition.get("name", ""), condition.get("expression", "")
        if not expression.strip():
            errors.append(required(f"{at}.expression"))
        else:
            errors += validate_expression(expression.strip(), f"{at}.expression", scope, BOOL)
        if not name:
            errors.append(required(f"{at}.name"))
            continue
        errors += [invalid_value(f"{at}.name", name, text) for text in names.qualified_name(name)]
        if name in known:
            errors.append(duplicate(f"{at}.name", name))
        known.add(name)
    return errors
