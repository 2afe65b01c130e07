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


def load_authentication(path: Path) -> AuthenticationConfiguration:
    """Raises StartupError."""
    from minik.api.codec import yaml_codec

    try:
        document, _ = yaml_codec.loads(path.read_bytes())
        return authentication_of(document)
    except (OSError, ValueError) as error:
        raise StartupError(f"cannot use authentication configuration {path}: {error}") from None


def authentication_of(document: Any) -> AuthenticationConfiguration:
    """Raises ValueError."""
    if not isinstance(document, dict) or document.get("kind") != "AuthenticationConfiguration":
        raise ValueError("it is no AuthenticationConfiguration")
    if document.get("apiVersion") not in _API_VERSIONS:
        raise ValueError(f"its apiVersion is not {_API_VERSIONS[0]}")
    issuers = [_issuer(entry, f"jwt[{at}]") for at, entry in enumerate(document.get("jwt") or ())]
    if len({issuer.url for issuer in issuers}) < len(issuers):
        raise ValueError("jwt: an issuer is named twice")
    anonymous = document.get("anonymous")
    if anonymous is None:
        return AuthenticationConfiguration(issuers)
    paths = frozenset(condition["path"] for condition in anonymous.get("conditions") or ())
    return AuthenticationConfiguration(issuers, bool(anonymous.get("enabled")), paths)


def _issuer(entry: Obj, where: str) -> Issuer:
    issuer = entry.get("issuer") or {}
    url, audiences = issuer.get("url") or "", issuer.get("audiences") or ()
    if not url.startswith("https://"):
        raise ValueError(f"{where}.issuer.url: URL scheme must be https")
    if not audiences:
        raise ValueError(f"{where}.issuer.audiences: Required value: at least one audience is required")
    if len(audiences) > 1 and issuer.get("audienceMatchPolicy") != "MatchAny":
        raise ValueError(f"{where}.issuer.audienceMatchPolicy: must be MatchAny for multiple audiences")
    discovery = issuer.get("discoveryURL") or f"{url.rstrip('/')}/.well-known/openid-configuration"
    return Issuer(url, discovery, issuer.get("certificateAuthority") or "", tuple(audiences), _claims(entry, where))


def _claims(entry: Obj, where: str) -> Claims:
    mappings = entry.get("claimMappings") or {}
    username = _mapping(mappings.get("username"), f"{where}.claimMappings.username")
    if not username:
        raise ValueError(f"{where}.claimMappings.username: Required value: claim or expression is required")
    return Claims(
        username=username,
        groups=_mapping(mappings.get("groups"), f"{where}.claimMappings.groups"),
        uid=_mapping(mappings.get("uid"), f"{where}.claimMappings.uid", prefixed=False),
        extra=[(extra["key"], extra["valueExpression"]) for extra in mappings.get("extra") or ()],
        rules=[_rule(rule) for rule in entry.get("claimValidationRules") or ()],
        user_rules=[_rule(rule) for rule in entry.get("userValidationRules") or ()],
    )


def _mapping(entry: Obj | None, where: str, *, prefixed: bool = True) -> ClaimMapping:
    entry = entry or {}
    claim, expression, prefix = entry.get("claim") or "", entry.get("expression") or "", entry.get("prefix")
    if claim and expression:
        raise ValueError(f"{where}: Invalid value: claim and expression can't both be set")
    if claim and prefixed and prefix is None:
        raise ValueError(f'{where}.prefix: Required value: prefix is required when claim is set. It can be set to ""')
    if expression and prefix:
        raise ValueError(f"{where}.prefix: Invalid value: expression and prefix can't both be set")
    return ClaimMapping(claim, prefix or "", expression)


def _rule(entry: Obj) -> Rule:
    return Rule(
        entry.get("claim") or "",
        entry.get("requiredValue") or "",
        entry.get("expression") or "",
        entry.get("message") or "",
    )
