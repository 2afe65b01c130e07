"""Validation of admission policies and their bindings.

Rules: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
"""

from collections.abc import Sequence
from dataclasses import replace

from minik.api import names
from minik.api.admission_cel.scope import Scope
from minik.api.groups.admissionregistration.expression_validation import (
    ANY,
    BOOL,
    STRING,
    TEXT_OR_NULL,
    policy_scope,
    validate_expression,
    validate_mutation_expression,
)
from minik.api.groups.admissionregistration.match_rules import (
    validate_failure_policy,
    validate_match_conditions,
    validate_match_resources,
)
from minik.api.label_selector_validation import validate_label_selector
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, forbidden, invalid_value, not_supported, required

_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS = ("Audit", "Deny", "Warn")
_PATCH_TYPES = ("ApplyConfiguration", "JSONPatch")
_REINVOCATION = ("IfNeeded", "Never")
_RESERVED = frozenset(
    {
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    }
)
_MUTABLE = ("*", "CONNECT", "CREATE", "UPDATE")  # what is deleted cannot be changed
_MAX_ANNOTATIONS, _MAX_ANNOTATION_EXPRESSION = 20, 5 * 1024


def _validate_kind(kind: Obj | None, path: str) -> list[FieldError]:
    if kind is None:
        return []
    errors: list[FieldError] = []
    api_version = kind.get("apiVersion", "")
    if not api_version:
        errors.append(required(f"{path}.apiVersion"))
    else:
        errors += _validate_group_version(api_version, f"{path}.apiVersion")
    name = kind.get("kind", "")
    if not name:
        errors.append(required(f"{path}.kind"))
    elif complaints := names.dns_1035_label(name.lower()):
        text = f"may have mixed case, but should otherwise match: {','.join(complaints)}"
        errors.append(invalid_value(f"{path}.kind", name, text))
    return errors


def _validate_group_version(api_version: str, path: str) -> list[FieldError]:
    if api_version.count("/") > 1:
        return [invalid_value(path, api_version, f"unexpected GroupVersion string: {api_version}")]
    group, _, version = api_version.rpartition("/")
    errors: list[FieldError] = []
    if group and (complaints := names.dns_subdomain(group)):
        errors.append(invalid_value(path, group, ",".join(complaints)))
    if not version:
        errors.append(invalid_value(path, api_version, "version must be specified"))
    elif complaints := names.dns_1035_label(version):
        errors.append(invalid_value(path, version, ",".join(complaints)))
    return errors


def _validate_variables(variables: Sequence[Obj], path: str, scope: Scope) -> list[FieldError]:
    """Each may mention those before it."""
    errors: list[FieldError] = []
    known: dict[str, str] = {}
    for index, variable in enumerate(variables):
        at, name = f"{path}[{index}]", variable.get("name", "")
        if not name.strip():
            errors.append(required(f"{at}.name", "name is not specified"))
        elif names.c_identifier(name) or name in _RESERVED:
            errors.append(invalid_value(f"{at}.name", name, "must be a valid CEL identifier"))
        expression = variable.get("expression", "")
        if not expression.strip():
            errors.append(required(f"{at}.expression", "expression is not specified"))
        else:
            seen = replace(scope, variables=tuple(known), definitions=tuple(known.items()), composed=True)
            errors += validate_expression(expression, f"{at}.expression", seen, ANY)
        known[name] = expression
    return errors


def _full_scope(spec: Obj) -> Scope:
    """What the rules of a policy may mention."""
    variables = tuple((each.get("name", ""), each.get("expression", "")) for each in spec.get("variables") or ())
    return replace(policy_scope(spec), variables=tuple(name for name, _ in variables), definitions=variables)


def _validate_validation(validation: Obj, path: str, scope: Scope) -> list[FieldError]:
    errors: list[FieldError] = []
    expression, message = validation.get("expression", ""), validation.get("message", "")
    if not expression.strip():
        errors.append(required(f"{path}.expression", "expression is not specified"))
    else:
        errors += validate_expression(expression, f"{path}.expression", scope, BOOL)
    errors += _validate_message_expression(validation.get("messageExpression", ""), f"{path}.messageExpression", scope)
    if message and not message.strip():
        errors.append(invalid_value(f"{path}.message", message, "must be non-empty if specified"))
    elif "\n" in message.strip() or "\r" in message.strip():
        errors.append(invalid_value(f"{path}.message", message, "must not contain line breaks"))
    reason = validation.get("reason")
    if reason is not None and reason not in _REASONS:
        errors.append(not_supported(f"{path}.reason", reason, _REASONS))
    return errors


def _validate_message_expression(text: str, path: str, scope: Scope) -> list[FieldError]:
    """Messages are made without asking who may do what."""
    if not text:
        return []
    if not text.strip():
        return [invalid_value(path, text, "must be non-empty if specified")]
    return validate_expression(text, path, replace(scope, authorizer=False), STRING)


def _validate_annotations(annotations: Sequence[Obj], policy: str, path: str, scope: Scope) -> list[FieldError]:
    errors: list[FieldError] = []
    known: set[str] = set()
    if len(annotations) > _MAX_ANNOTATIONS:
        shown = [
            {"Key": each.get("key", ""), "ValueExpression": each.get("valueExpression", "")} for each in annotations
        ]
        errors.append(invalid_value(path, shown, f"must not have more than {_MAX_ANNOTATIONS} auditAnnotations"))
    for index, annotation in enumerate(annotations):
        at, key = f"{path}[{index}]", f"{policy}/{annotation.get('key', '')}"
        errors += [invalid_value(f"{at}.key", key, text) for text in names.qualified_name(key)]
        expression = annotation.get("valueExpression", "")
        if not expression.strip():
            errors.append(required(f"{at}.valueExpression", "valueExpression is not specified"))
        elif len(expression.strip().encode()) > _MAX_ANNOTATION_EXPRESSION:
            text = f"must not exceed {_MAX_ANNOTATION_EXPRESSION} bytes in length"
            errors.append(required(f"{at}.valueExpression", text))
        else:
            errors += validate_expression(expression, f"{at}.valueExpression", scope, TEXT_OR_NULL)
        if annotation.get("key", "") in known:
            errors.append(duplicate(f"{at}.key", annotation.get("key", "")))
        known.add(annotation.get("key", ""))
    return errors


def _validate_constraints(constraints: Obj | None, *, mutating: bool) -> list[FieldError]:
    at = "spec.matchConstraints"
    if constraints is None:
        return [required(at)]
    errors = validate_match_resources(constraints, at)
    if not constraints.get("resourceRules"):
        errors.append(required(f"{at}.resourceRules"))
    return errors + (_validate_mutable(constraints, at) if mutating else [])


def _validate_mutable(resources: Obj, path: str) -> list[FieldError]:
    """A mutating policy is for no deletions."""
    operations = (each for rule in resources.get("resourceRules") or () for each in rule.get("operations") or ())
    at = f"{path}.resourceRules.operations"
    return [not_supported(at, operation, _MUTABLE) for operation in operations if operation not in _MUTABLE]


def _validate_common(spec: Obj, *, mutating: bool = False) -> list[FieldError]:
    errors = validate_failure_policy(spec.get("failurePolicy"), "spec.failurePolicy")
    errors += _validate_kind(spec.get("paramKind"), "spec.paramKind")
    errors += _validate_constraints(spec.get("matchConstraints"), mutating=mutating)
    scope = policy_scope(spec)
    errors += validate_match_conditions(spec.get("matchConditions") or (), "spec.matchConditions", scope)
    return errors + _validate_variables(spec.get("variables") or (), "spec.variables", scope)


def validate_validating_policy(policy: Obj) -> list[FieldError]:
    spec = policy["spec"]
    errors, scope = _validate_common(spec), _full_scope(spec)
    validations, annotations = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    if not validations and not annotations:
        text = "validations or auditAnnotations must contain at least one item"
        errors += [required("spec.validations", text), required("spec.auditAnnotations", text)]
    for index, validation in enumerate(validations):
        errors += _validate_validation(validation, f"spec.validations[{index}]", scope)
    name = policy["metadata"].get("name", "")
    return errors + _validate_annotations(annotations, name, "spec.auditAnnotations", scope)


def _validate_mutation(mutation: Obj, path: str, scope: Scope) -> list[FieldError]:
    kind = mutation.get("patchType", "")
    own = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
    if not kind:
        return [required(f"{path}.patchType")]
    if kind not in own:
        return [not_supported(f"{path}.patchType", kind, _PATCH_TYPES)]
    errors: list[FieldError] = []
    at = f"{path}.{own[kind]}"
    if mutation.get(own[kind]) is None:
        errors.append(required(at, f"must be specified when patchType is {kind}"))
    elif not (text := mutation[own[kind]].get("expression", "").strip()):
        errors.append(required(f"{at}.expression"))
    else:
        errors += validate_mutation_expression(text, f"{at}.expression", scope, json_patch=kind == "JSONPatch")
    other = next(key for name, key in own.items() if name != kind)
    if mutation.get(other) is not None:
        refusal = f"must not be specified when patchType is {kind}"
        errors.append(invalid_value(f"{path}.{other}", f"{{{other}}}", refusal))
    return errors


def validate_mutating_policy(policy: Obj) -> list[FieldError]:
    spec = policy["spec"]
    errors, scope = _validate_common(spec, mutating=True), replace(_full_scope(spec), literals=True)
    mutations, reinvocation = spec.get("mutations") or (), spec.get("reinvocationPolicy", "")
    if not mutations:
        errors.append(required("spec.mutations", "mutations must contain at least one item"))
    for index, mutation in enumerate(mutations):
        errors += _validate_mutation(mutation, f"spec.mutations[{index}]", scope)
    if not reinvocation:
        errors.append(required("spec.reinvocationPolicy"))
    elif reinvocation not in _REINVOCATION:
        errors.append(not_supported("spec.reinvocationPolicy", reinvocation, _REINVOCATION))
    return errors


def _validate_parameter(reference: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    name, selector, action = (reference.get(key) for key in ("name", "selector", "parameterNotFoundAction"))
    exclusive = "name and selector are mutually exclusive"
    if name:
        errors += [invalid_value(f"{path}.name", name, text) for text in names.path_segment(name)]
        errors += [] if selector is None else [forbidden(f"{path}.name", exclusive)]
    if selector is not None:
        errors += validate_label_selector(selector, f"{path}.selector")
        errors += [forbidden(f"{path}.selector", exclusive)] if name else []
    if not name and selector is None:
        errors.append(required(path, "one of name or selector must be specified"))
    at = f"{path}.parameterNotFoundAction"
    if not action:
        errors.append(required(at))
    elif action not in ("Allow", "Deny"):
        errors.append(not_supported(at, action, ("Deny", "Allow")))
    return errors


def _validate_actions(actions: Sequence[str], path: str) -> list[FieldError]:
    if not actions:
        return [required(path, "at least one validation action is required")]
    errors: list[FieldError] = []
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            errors.append(not_supported(f"{path}[{index}]", action, _ACTIONS))
        if action in actions[:index]:
            errors.append(duplicate(f"{path}[{index}]", action))
    if "Deny" in actions and "Warn" in actions:
        text = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)"
        )
        errors.append(invalid_value(path, list(actions), text))
    return errors


def _validate_binding(binding: Obj) -> list[FieldError]:
    spec = binding["spec"]
    policy, errors = spec.get("policyName", ""), []
    if not policy:
        errors.append(required("spec.policyName"))
    else:
        errors += [invalid_value("spec.policyName", policy, text) for text in names.dns_subdomain(policy)]
    if spec.get("paramRef") is not None:
        errors += _validate_parameter(spec["paramRef"], "spec.paramRef")
    if spec.get("matchResources") is not None:
        errors += validate_match_resources(spec["matchResources"], "spec.matchResources")
    return errors


def validate_mutating_binding(binding: Obj) -> list[FieldError]:
    resources = binding["spec"].get("matchResources")
    return _validate_binding(binding) + (_validate_mutable(resources, "spec.matchResources") if resources else [])


def validate_validating_binding(binding: Obj) -> list[FieldError]:
    errors = _validate_binding(binding)
    return errors + _validate_actions(binding["spec"].get("validationActions") or (), "spec.validationActions")
