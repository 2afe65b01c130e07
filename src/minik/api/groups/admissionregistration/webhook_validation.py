"""Validation of admission webhooks.

Rules: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from collections.abc import Sequence

from minik.api import names
from minik.api.groups.admissionregistration.expression_validation import WEBHOOK_SCOPE
from minik.api.groups.admissionregistration.match_rules import (
    validate_failure_policy,
    validate_match_conditions,
    validate_match_policy,
    validate_rule,
)
from minik.api.label_selector_validation import validate_label_selector
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, not_supported, required
from minik.api.webhook_client_validation import service_errors, url_errors

_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_REVIEW_VERSIONS = ("v1", "v1beta1")
_REINVOCATION = ("IfNeeded", "Never")


def _validate_name(name: str, path: str) -> list[FieldError]:
    if not name:
        return [required(path)]
    errors = [invalid_value(path, name, text) for text in names.dns_subdomain(name)]
    if not errors and name.count(".") < 2:
        text = "should be a domain with at least three segments separated by dots"
        errors.append(invalid_value(path, name, text))
    return errors


def _validate_client(client: Obj, path: str) -> list[FieldError]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if url is not None:
        return url_errors(url, f"{path}.url")
    return service_errors(service or {}, f"{path}.service")


def _validate_versions(versions: Sequence[str], path: str) -> list[FieldError]:
    listed = ", ".join(_REVIEW_VERSIONS)
    if not versions:
        return [required(path, f"must specify one of {listed}")]
    errors: list[FieldError] = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            errors.append(invalid_value(f"{path}[{index}]", version, "duplicate version"))
            continue
        errors += [invalid_value(f"{path}[{index}]", version, text) for text in names.dns_1035_label(version)]
    if not any(version in _REVIEW_VERSIONS for version in versions):
        errors.append(invalid_value(path, list(versions), f"must include at least one of {listed}"))
    return errors


def _validate_webhook(hook: Obj, path: str) -> list[FieldError]:
    errors = _validate_name(hook.get("name", ""), f"{path}.name")
    for index, rule in enumerate(hook.get("rules") or ()):
        errors += validate_rule(rule, f"{path}.rules[{index}]")
    errors += validate_failure_policy(hook.get("failurePolicy"), f"{path}.failurePolicy")
    errors += validate_match_policy(hook.get("matchPolicy"), f"{path}.matchPolicy")
    effects, seconds = hook.get("sideEffects"), hook.get("timeoutSeconds")
    if not effects:
        errors.append(required(f"{path}.sideEffects", f"must specify one of {', '.join(_SIDE_EFFECTS)}"))
    elif effects not in _SIDE_EFFECTS:
        errors.append(not_supported(f"{path}.sideEffects", effects, _SIDE_EFFECTS))
    if seconds is not None and not 1 <= seconds <= 30:
        text = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid_value(f"{path}.timeoutSeconds", seconds, text))
    for key in ("namespaceSelector", "objectSelector"):
        errors += validate_label_selector(hook.get(key), f"{path}.{key}")
    errors += _validate_client(hook.get("clientConfig") or {}, f"{path}.clientConfig")
    conditions = hook.get("matchConditions") or ()
    errors += validate_match_conditions(conditions, f"{path}.matchConditions", WEBHOOK_SCOPE)
    reinvocation = hook.get("reinvocationPolicy")
    if reinvocation is not None and reinvocation not in _REINVOCATION:
        errors.append(not_supported(f"{path}.reinvocationPolicy", reinvocation, _REINVOCATION))
    return errors


def validate_webhooks(configuration: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    known: set[str] = set()
    for index, hook in enumerate(configuration.get("webhooks") or ()):
        at, name = f"webhooks[{index}]", hook.get("name", "")
        errors += _validate_webhook(hook, at)
        errors += _validate_versions(hook.get("admissionReviewVersions") or (), f"{at}.admissionReviewVersions")
        if name and name in known:
            errors.append(duplicate(f"{at}.name", name))
        known.add(name)
    return errors


def validate_webhooks_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_webhooks(new)
