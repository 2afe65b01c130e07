"""Whether an AuthenticationConfiguration makes sense: upstream's apiserver/validation, one entry of `jwt` at a time.

Pure. Every check raises ValueError with the first complaint.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from minik.api import names
from minik.api.types import Obj

_KNOWN: Mapping[str, frozenset[str]] = {
    "": frozenset({"apiVersion", "kind", "jwt", "anonymous"}),
    "anonymous": frozenset({"enabled", "conditions"}),
    "jwt": frozenset({"issuer", "claimValidationRules", "claimMappings", "userValidationRules"}),
    "issuer": frozenset(
        {"url", "discoveryURL", "certificateAuthority", "audiences", "audienceMatchPolicy", "egressSelectorType"}
    ),
    "claimMappings": frozenset({"username", "groups", "uid", "extra"}),
    "username": frozenset({"claim", "prefix", "expression"}),
    "groups": frozenset({"claim", "prefix", "expression"}),
    "uid": frozenset({"claim", "expression"}),
    "extra": frozenset({"key", "valueExpression"}),
    "claimValidationRules": frozenset({"claim", "requiredValue", "expression", "message"}),
    "userValidationRules": frozenset({"expression", "message"}),
    "conditions": frozenset({"path"}),
}
_KUBERNETES_DOMAINS = ("k8s.io", "kubernetes.io")


def check_known(value: Any, kind: str, where: str = "") -> None:
    """No field may be unknown, anywhere."""
    if isinstance(value, list):
        for at, item in enumerate(value):
            check_known(item, kind, f"{where}[{at}]")
    elif isinstance(value, dict) and kind in _KNOWN:
        for name, item in value.items():
            path = f"{where}.{name}" if where else name
            if name not in _KNOWN[kind]:
                raise ValueError(f'strict decoding error: unknown field "{path}"')
            check_known(item, name, path)


def check_entry(entry: Obj, where: str) -> None:
    issuer = entry.get("issuer") or {}
    _check_issuer(issuer, f"{where}.issuer")
    mappings = entry.get("claimMappings") or {}
    place = f"{where}.claimMappings"
    username = mappings.get("username") or {}
    if not username.get("claim") and not username.get("expression"):
        raise ValueError(f"{place}.username: Required value: claim or expression is required")
    _check_mapping(username, f"{place}.username")
    _check_mapping(mappings.get("groups") or {}, f"{place}.groups")
    _check_mapping(mappings.get("uid") or {}, f"{place}.uid", prefixed=False)
    _check_extra(mappings.get("extra") or (), f"{place}.extra")
    _check_claim_rules(entry.get("claimValidationRules") or (), f"{where}.claimValidationRules")
    _check_user_rules(entry.get("userValidationRules") or (), f"{where}.userValidationRules")
    _check_email(username, mappings, entry, f"{place}.username.expression")


def _check_issuer(issuer: Obj, where: str) -> None:
    url, discovery = issuer.get("url") or "", issuer.get("discoveryURL") or ""
    if not url:
        raise ValueError(f"{where}.url: Required value")
    _check_url(url, f"{where}.url")
    if discovery:
        if discovery.rstrip("/") == url.rstrip("/"):
            raise ValueError(
                f'{where}.discoveryURL: Invalid value: "{discovery}": discoveryURL must be different from URL'
            )
        _check_url(discovery, f"{where}.discoveryURL")
    audiences = issuer.get("audiences") or ()
    policy = issuer.get("audienceMatchPolicy") or ""
    if not audiences:
        raise ValueError(f"{where}.audiences: Required value: at least one {where}.audiences is required")
    for at, audience in enumerate(audiences):
        if not audience:
            raise ValueError(f"{where}.audiences[{at}]: Required value")
        if audience in audiences[:at]:
            raise ValueError(f'{where}.audiences[{at}]: Duplicate value: "{audience}"')
    if len(audiences) > 1 and policy != "MatchAny":
        text = "audienceMatchPolicy must be MatchAny for multiple audiences"
        raise ValueError(f'{where}.audienceMatchPolicy: Invalid value: "{policy}": {text}')
    if policy not in ("", "MatchAny"):
        text = "audienceMatchPolicy must be empty or MatchAny for single audience"
        raise ValueError(f'{where}.audienceMatchPolicy: Invalid value: "{policy}": {text}')


def _check_url(url: str, where: str) -> None:
    parts = urlsplit(url)
    for wrong, text in (
        (parts.scheme != "https", "URL scheme must be https"),
        (parts.username is not None, "URL must not contain a username or password"),
        (bool(parts.query), "URL must not contain a query"),
        (bool(parts.fragment), "URL must not contain a fragment"),
    ):
        if wrong:
            raise ValueError(f'{where}: Invalid value: "{url}": {text}')


def _check_mapping(mapping: Obj, where: str, *, prefixed: bool = True) -> None:
    claim, expression, prefix = mapping.get("claim"), mapping.get("expression"), mapping.get("prefix")
    if claim and expression:
        raise ValueError(f'{where}: Invalid value: "": claim and expression can\'t both be set')
    if expression:
        if prefix is not None:
            raise ValueError(f'{where}.prefix: Invalid value: "{prefix}": may not be specified when expression is set')
        _compile(expression, "claims", f"{where}.expression")
    elif claim and prefixed and prefix is None:
        raise ValueError(
            f"{where}.prefix: Required value: prefix is required when claim is set. It can be set to an empty string "
            "to disable prefixing"
        )


def _check_extra(entries: Sequence[Obj], where: str) -> None:
    for at, entry in enumerate(entries):
        key, expression = entry.get("key") or "", entry.get("valueExpression") or ""
        place = f"{where}[{at}].key"
        if not key:
            raise ValueError(f"{place}: Required value")
        if problems := names.domain_prefixed_path(key):
            raise ValueError(f'{place}: Invalid value: "{key}": {problems[0]}')
        if key != key.lower():
            raise ValueError(f'{place}: Invalid value: "{key}": must be lowercase')
        domain = key.partition("/")[0]
        if any(domain == each or domain.endswith(f".{each}") for each in _KUBERNETES_DOMAINS):
            text = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use"
            raise ValueError(f'{place}: Invalid value: "{key}": {text}')
        if key in [other.get("key") for other in entries[:at]]:
            raise ValueError(f'{place}: Duplicate value: "{key}"')
        if not expression:
            raise ValueError(f"{where}[{at}].valueExpression: Required value")
        _compile(expression, "claims", f"{where}[{at}].valueExpression")


def _check_claim_rules(rules: Sequence[Obj], where: str) -> None:
    for at, rule in enumerate(rules):
        claim, expression, place = rule.get("claim") or "", rule.get("expression") or "", f"{where}[{at}]"
        if claim and expression:
            raise ValueError(f'{place}: Invalid value: "{claim}": claim and expression can\'t both be set')
        if not claim and not expression:
            raise ValueError(f"{place}: Required value: claim or expression is required")
        if claim and rule.get("message"):
            raise ValueError(
                f'{place}.message: Invalid value: "{rule["message"]}": may not be specified when claim is set'
            )
        field = "claim" if claim else "expression"
        if rule[field] in [other.get(field) for other in rules[:at]]:
            raise ValueError(f'{place}.{field}: Duplicate value: "{rule[field]}"')
        if expression:
            if rule.get("requiredValue"):
                value = rule["requiredValue"]
                text = "may not be specified when expression is set"
                raise ValueError(f'{place}.requiredValue: Invalid value: "{value}": {text}')
            _compile(expression, "claims", f"{place}.expression", rule=True)


def _check_user_rules(rules: Sequence[Obj], where: str) -> None:
    for at, rule in enumerate(rules):
        expression = rule.get("expression") or ""
        if not expression:
            raise ValueError(f"{where}[{at}].expression: Required value")
        if expression in [other.get("expression") for other in rules[:at]]:
            raise ValueError(f'{where}[{at}].expression: Duplicate value: "{expression}"')
        _compile(expression, "user", f"{where}[{at}].expression", rule=True)


def _check_email(username: Obj, mappings: Obj, entry: Obj, where: str) -> None:
    """Who takes an email for the name must look whether it is verified."""
    expression = username.get("expression") or ""
    if "claims.email" not in expression.replace("claims.email_verified", ""):
        return
    others = [extra.get("valueExpression") or "" for extra in mappings.get("extra") or ()]
    others += [rule.get("expression") or "" for rule in entry.get("claimValidationRules") or ()]
    if not any("claims.email_verified" in each for each in (expression, *others)):
        raise ValueError(
            f'{where}: Invalid value: "{expression}": claims.email_verified must be used in '
            "claimMappings.username.expression or claimMappings.extra[*].valueExpression or "
            "claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression"
        )


def _compile(expression: str, variable: str, where: str, *, rule: bool = False) -> None:
    from minik.api.cel.conditions import complaint  # only who uses CEL needs the engine

    if wrong := complaint(expression, variable, condition=rule):
        raise ValueError(f'{where}: Invalid value: "{expression}": {wrong}')
