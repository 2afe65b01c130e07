"""Reads an AuthenticationConfiguration: JWT issuers, and who may come without saying who they are.

https://kubernetes.io/docs/reference/config-api/apiserver-config.v1/#apiserver-config-k8s-io-v1-AuthenticationConfiguration
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minik.api.types import Obj
from minik.config import StartupError
from minik.server.apiserver.authn.oidc.claims import ClaimMapping, Claims, Rule
from minik.server.apiserver.authn.oidc.validation import check_entry, check_known

_MOST_ISSUERS = 64
_API_VERSIONS = ("apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1beta1", "apiserver.config.k8s.io/v1alpha1")


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer. `authority` is PEM of the CA of its web server, "" for the machine's CAs."""

    url: str
    discovery_url: str
    authority: str
    audiences: Sequence[str]
    claims: Claims


@dataclass(frozen=True, slots=True)
class AuthenticationConfiguration:
    """`anonymous_paths`: where anonymous requests are let in, if not everywhere."""

    issuers: Sequence[Issuer]
    anonymous: bool = True
    anonymous_paths: frozenset[str] = frozenset()


def load_authentication(path: Path, taken: Sequence[str] = ()) -> AuthenticationConfiguration:
    """`taken`: issuers of service accounts, which nobody else may be. Raises StartupError."""
    try:
        return read_authentication(path.read_bytes(), taken)
    except (OSError, ValueError) as error:
        raise StartupError(f"cannot use authentication configuration {path}: {error}") from None


def read_authentication(content: bytes, taken: Sequence[str] = ()) -> AuthenticationConfiguration:
    """Raises ValueError."""
    from minik.api.codec import yaml_codec

    found = authentication_of(yaml_codec.loads(content)[0])
    for at, issuer in enumerate(found.issuers):
        if issuer.url in taken:
            text = f"URL must not overlap with disallowed issuers: [{' '.join(sorted(taken))}]"
            raise ValueError(f'jwt[{at}].issuer.url: Invalid value: "{issuer.url}": {text}')
    return found


def authentication_of(document: Any) -> AuthenticationConfiguration:
    """Raises ValueError."""
    if not isinstance(document, dict) or document.get("kind") != "AuthenticationConfiguration":
        raise ValueError("it is no AuthenticationConfiguration")
    if document.get("apiVersion") not in _API_VERSIONS:
        raise ValueError(f"its apiVersion is not {_API_VERSIONS[0]}")
    check_known(document, "")
    entries = document.get("jwt") or ()
    if len(entries) > _MOST_ISSUERS:
        raise ValueError(f"jwt: Too many: {len(entries)}: must have at most {_MOST_ISSUERS} items")
    issuers = [_issuer(entry, f"jwt[{at}]") for at, entry in enumerate(entries)]
    for at, issuer in enumerate(issuers):
        for other in issuers[:at]:
            if issuer.url == other.url:
                raise ValueError(f'jwt[{at}].issuer.url: Duplicate value: "{issuer.url}"')
            if issuer.discovery_url == other.discovery_url:
                raise ValueError(f'jwt[{at}].issuer.discoveryURL: Duplicate value: "{issuer.discovery_url}"')
    anonymous = document.get("anonymous")
    if anonymous is None:
        return AuthenticationConfiguration(issuers)
    conditions, enabled = anonymous.get("conditions") or (), bool(anonymous.get("enabled"))
    if conditions and not enabled:
        raise ValueError(
            "anonymous.conditions: Invalid value: enabled should be set to true when conditions are defined"
        )
    paths = frozenset(condition["path"] for condition in conditions)
    return AuthenticationConfiguration(issuers, enabled, paths)


def _issuer(entry: Obj, where: str) -> Issuer:
    check_entry(entry, where)
    issuer = entry["issuer"]
    url = issuer["url"]
    discovery = issuer.get("discoveryURL") or f"{url.rstrip('/')}/.well-known/openid-configuration"
    authority = issuer.get("certificateAuthority") or ""
    return Issuer(url, discovery, authority, tuple(issuer["audiences"]), _claims(entry))


def _claims(entry: Obj) -> Claims:
    mappings = entry.get("claimMappings") or {}
    return Claims(
        username=_mapping(mappings.get("username")),
        groups=_mapping(mappings.get("groups")),
        uid=_mapping(mappings.get("uid")),
        extra=[(extra["key"], extra["valueExpression"]) for extra in mappings.get("extra") or ()],
        rules=[_rule(rule) for rule in entry.get("claimValidationRules") or ()],
        user_rules=[_rule(rule) for rule in entry.get("userValidationRules") or ()],
    )


def _mapping(entry: Obj | None) -> ClaimMapping:
    entry = entry or {}
    return ClaimMapping(entry.get("claim") or "", entry.get("prefix") or "", entry.get("expression") or "")


def _rule(entry: Obj) -> Rule:
    return Rule(
        entry.get("claim") or "",
        entry.get("requiredValue") or "",
        entry.get("expression") or "",
        entry.get("message") or "",
    )
