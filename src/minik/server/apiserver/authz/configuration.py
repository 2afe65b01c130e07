"""Which authorizers decide, in which order: --authorization-mode, or an AuthorizationConfiguration.

https://kubernetes.io/docs/reference/access-authn-authz/authorization/#using-configuration-file-for-authorization
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minik.api import names
from minik.api.go_duration import parse_duration
from minik.api.types import Obj
from minik.config import ServerConfig, StartupError
from minik.server.apiserver.authz.authorizer import Always, Immediate, Remote
from minik.server.apiserver.authz.webhook import WebhookAuthorizer, WebhookSettings

_API_VERSIONS = tuple(f"apiserver.config.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))
_BUILT_IN = ("Node", "RBAC", "ABAC", "AlwaysAllow", "AlwaysDeny")
_MOST_CONDITIONS = 64
_LONGEST_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Chain:
    """Authorizers in order, and those of them that keep connections open."""

    steps: Sequence[Immediate | Remote]
    webhooks: Sequence[WebhookAuthorizer] = field(default=())


def chain_of_flags(config: ServerConfig, built_in: Mapping[str, Immediate]) -> Chain:
    """`built_in`: Node and RBAC. A webhook file without the mode Webhook is asked last. Raises StartupError."""
    modes = list(config.authorization_mode)
    if config.authorization_webhook_config_file and "Webhook" not in modes:
        modes.append("Webhook")
    if len(set(modes)) < len(modes):
        raise StartupError(f"--authorization-mode {','.join(modes)}: a mode is named twice")
    if config.authorization_policy_file and "ABAC" not in modes:
        raise StartupError("--authorization-policy-file needs --authorization-mode ABAC")
    if "ABAC" in modes:
        built_in = {**built_in, "ABAC": _policies_of_flags(config)}
    steps: list[Immediate | Remote] = []
    webhooks: list[WebhookAuthorizer] = []
    for mode in modes:
        if mode == "Webhook":
            webhooks.append(_webhook_of_flags(config))
            steps.append(webhooks[-1])
        elif mode in _BUILT_IN:
            steps.append(_built_in(mode, built_in))
        else:
            raise StartupError(f"--authorization-mode: {mode!r} is not one of {', '.join((*_BUILT_IN, 'Webhook'))}")
    return Chain(steps, webhooks)


def _policies_of_flags(config: ServerConfig) -> Immediate:
    from minik.server.apiserver.authz import abac

    if not config.authorization_policy_file:
        raise StartupError("--authorization-mode ABAC needs --authorization-policy-file")
    try:
        return abac.load(Path(config.authorization_policy_file))
    except (OSError, ValueError) as error:
        raise StartupError(f"cannot use authorization policies: {error}") from None


def _webhook_of_flags(config: ServerConfig) -> WebhookAuthorizer:
    from minik.server.apiserver.webhooks.kubeconfig_webhook import load_webhook

    if not config.authorization_webhook_config_file:
        raise StartupError("--authorization-mode Webhook needs --authorization-webhook-config-file")
    settings = WebhookSettings(
        "default",
        config.authorization_webhook_version,
        parse_duration(config.authorization_webhook_cache_authorized_ttl),
        parse_duration(config.authorization_webhook_cache_unauthorized_ttl),
    )
    return WebhookAuthorizer(load_webhook(Path(config.authorization_webhook_config_file)), settings)


def _built_in(mode: str, built_in: Mapping[str, Immediate]) -> Immediate:
    found = built_in.get(mode)
    return Always(mode == "AlwaysAllow") if found is None else found


def chain_of_document(document: Any, built_in: Mapping[str, Immediate]) -> Chain:
    """From an AuthorizationConfiguration. Raises ValueError (and StartupError for a webhook's kubeconfig)."""
    if not isinstance(document, dict) or document.get("kind") != "AuthorizationConfiguration":
        raise ValueError("it is no AuthorizationConfiguration")
    if document.get("apiVersion") not in _API_VERSIONS:
        raise ValueError(f"its apiVersion is not {_API_VERSIONS[0]}")
    entries = document.get("authorizers") or []
    if not entries:
        raise ValueError("authorizers: Required value: at least one authorization mode must be defined")
    steps: list[Immediate | Remote] = []
    webhooks: list[WebhookAuthorizer] = []
    seen: set[str] = set()
    for at, entry in enumerate(entries):
        kind, where = entry.get("type") or "", f"authorizers[{at}]"
        _check_entry(entry, kind, where, seen)
        if kind == "Webhook":
            webhooks.append(_webhook(entry, f"{where}.webhook"))
            steps.append(webhooks[-1])
        else:
            steps.append(_built_in(kind, built_in))
    return Chain(steps, webhooks)


def _check_entry(entry: Obj, kind: str, where: str, seen: set[str]) -> None:
    if not kind:
        raise ValueError(f"{where}.type: Required value")
    if kind not in (*_BUILT_IN, "Webhook") or kind == "ABAC":  # whose file only a flag names
        raise ValueError(f'{where}.type: Unsupported value: "{kind}"')
    name = entry.get("name") or ""
    if not name:
        raise ValueError(f"{where}.name: Required value")
    if problems := names.dns_subdomain(name):
        raise ValueError(f'{where}.name: Invalid value: "{name}": {problems[0]}')
    for label in (f"name {name}", kind) if kind != "Webhook" else (f"name {name}",):
        if label in seen:
            raise ValueError(f'{where}: Duplicate value: "{label.removeprefix("name ")}"')
        seen.add(label)
    if kind != "Webhook" and entry.get("webhook"):
        raise ValueError(f"{where}.webhook: Invalid value: may only be specified when type=Webhook")
    if kind == "Webhook" and not entry.get("webhook"):
        raise ValueError(f"{where}.webhook: Required value: required when type=Webhook")


def _webhook(entry: Obj, where: str) -> WebhookAuthorizer:
    from minik.server.apiserver.webhooks.kubeconfig_webhook import load_webhook

    webhook = entry["webhook"]
    timeout = _seconds(webhook, "timeout", where, None)
    if not 0 < timeout <= _LONGEST_TIMEOUT:
        raise ValueError(f'{where}.timeout: Invalid value: "{webhook["timeout"]}": must be > 0s and <= 30s')
    version, policy = webhook.get("subjectAccessReviewVersion") or "", webhook.get("failurePolicy") or ""
    if version not in ("v1", "v1beta1"):
        raise ValueError(f'{where}.subjectAccessReviewVersion: Unsupported value: "{version}": "v1", "v1beta1"')
    if policy not in ("NoOpinion", "Deny"):
        raise ValueError(f'{where}.failurePolicy: Unsupported value: "{policy}": "NoOpinion", "Deny"')
    connection = webhook.get("connectionInfo") or {}
    if connection.get("type") != "KubeConfigFile":
        kind = connection.get("type") or ""
        raise ValueError(f'{where}.connectionInfo.type: Unsupported value: "{kind}": "KubeConfigFile"')
    if not connection.get("kubeConfigFile"):
        raise ValueError(f"{where}.connectionInfo.kubeConfigFile: Required value")
    settings = WebhookSettings(
        entry["name"],
        version,
        _seconds(webhook, "authorizedTTL", where, 300.0) if _kept(webhook, "cacheAuthorizedRequests") else 0.0,
        _seconds(webhook, "unauthorizedTTL", where, 30.0) if _kept(webhook, "cacheUnauthorizedRequests") else 0.0,
        policy == "Deny",
        _conditions(webhook, where),
    )
    return WebhookAuthorizer(load_webhook(Path(connection["kubeConfigFile"]), timeout=timeout), settings)


def _kept(webhook: Obj, field: str) -> bool:
    return webhook.get(field) is not False


def _seconds(webhook: Obj, name: str, where: str, default: float | None) -> float:
    text = webhook.get(name)
    if text is None or text == "":
        if default is None:
            raise ValueError(f"{where}.{name}: Required value")
        return default
    return parse_duration(str(text))


def _conditions(webhook: Obj, where: str) -> Sequence[str]:
    conditions = webhook.get("matchConditions") or ()
    version = webhook.get("matchConditionSubjectAccessReviewVersion") or ""
    if conditions and not version:
        text = "required if match conditions are specified"
        raise ValueError(f"{where}.matchConditionSubjectAccessReviewVersion: Required value: {text}")
    if version not in ("", "v1"):
        text = f'Unsupported value: "{version}": supported values: "v1"'
        raise ValueError(f"{where}.matchConditionSubjectAccessReviewVersion: {text}")
    if len(conditions) > _MOST_CONDITIONS:
        text = f"Too many: {len(conditions)}: must have at most {_MOST_CONDITIONS} items"
        raise ValueError(f"{where}.matchConditions: {text}")
    if not conditions:
        return ()
    from minik.api.cel.conditions import complaint

    for at, condition in enumerate(conditions):
        expression = condition.get("expression") or ""
        place = f"{where}.matchConditions[{at}].expression"
        if not expression.strip():
            raise ValueError(f"{place}: Required value")
        if expression in [other.get("expression") for other in conditions[:at]]:
            raise ValueError(f'{place}: Duplicate value: "{expression}"')
        if wrong := complaint(expression, "request", shown=True):
            raise ValueError(f'{place}: Invalid value: "{expression}": {wrong}')
    return tuple(condition["expression"] for condition in conditions)
