"""From the claims of a token to a user: mappings and validation rules, plain or in CEL.

Pure. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minik.api.types import Obj, UserInfo


class ClaimsError(Exception):
    """The claims do not make a user."""


@dataclass(frozen=True, slots=True)
class ClaimMapping:
    """A claim with a prefix, or a CEL expression; neither for nothing."""

    claim: str = ""
    prefix: str = ""
    expression: str = ""

    def __bool__(self) -> bool:
        return bool(self.claim or self.expression)


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold: a claim of a value, or a CEL expression with the message for when it does not."""

    claim: str = ""
    value: str = ""
    expression: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Claims:
    """How one issuer's tokens are read."""

    username: ClaimMapping
    groups: ClaimMapping = ClaimMapping()
    uid: ClaimMapping = ClaimMapping()
    extra: Sequence[tuple[str, str]] = ()  # (key, expression)
    rules: Sequence[Rule] = ()
    user_rules: Sequence[Rule] = ()

    def user(self, claims: Obj) -> UserInfo:
        """Raises ClaimsError."""
        for rule in self.rules:
            _check_claims(rule, claims)
        user = UserInfo(
            _username(self.username, claims),
            _text(self.uid, claims, "uid") if self.uid else "",
            tuple(_texts(self.groups, claims)) if self.groups else (),
            {key: tuple(found) for key, expression in self.extra if (found := _strings(expression, claims))},
        )
        for rule in self.user_rules:
            _check_user(rule, user)
        return user


def _username(mapping: ClaimMapping, claims: Obj) -> str:
    name = _text(mapping, claims, "username")
    if mapping.claim == "email" and claims.get("email_verified", True) is not True:
        raise ClaimsError("oidc: email not verified")
    if name == mapping.prefix:
        raise ClaimsError("oidc: username claim value evaluated to an empty string")
    return name


def _text(mapping: ClaimMapping, claims: Obj, what: str) -> str:
    if mapping.expression:
        value = evaluate(mapping.expression, {"claims": claims})
    elif mapping.claim not in claims:
        raise ClaimsError(f'oidc: parse {what} claims "{mapping.claim}": claim not present')
    else:
        value = claims[mapping.claim]
    if not isinstance(value, str):
        raise ClaimsError(f"oidc: the {what} is no string")
    return mapping.prefix + value


def _texts(mapping: ClaimMapping, claims: Obj) -> list[str]:
    """Group names: one or a list of them; a claim that is missing makes none."""
    value = evaluate(mapping.expression, {"claims": claims}) if mapping.expression else claims.get(mapping.claim)
    if value is None:
        return []
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ClaimsError(f'oidc: parse groups claim "{mapping.claim}": neither a string nor a list of strings')
    return [mapping.prefix + each for each in values if each]


def _strings(expression: str, claims: Obj) -> list[str]:
    value = evaluate(expression, {"claims": claims})
    values = [value] if isinstance(value, str) else value
    return [each for each in values or () if isinstance(each, str) and each]


def _check_claims(rule: Rule, claims: Obj) -> None:
    if rule.expression:
        if evaluate(rule.expression, {"claims": claims}) is not True:
            raise ClaimsError(f"oidc: error evaluating claim validation expression: {rule.message or rule.expression}")
    elif rule.claim not in claims:
        raise ClaimsError(f"oidc: required claim {rule.claim} not present in ID token")
    elif claims[rule.claim] != rule.value:
        raise ClaimsError(f'oidc: required claim {rule.claim} value does not match. Want = "{rule.value}"')


def _check_user(rule: Rule, user: UserInfo) -> None:
    shown = {
        "username": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
    }
    if evaluate(rule.expression, {"user": shown}) is not True:
        raise ClaimsError(f"oidc: error evaluating user info validation rule: {rule.message or rule.expression}")


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """Raises ClaimsError."""
    from minik.api.cel.engine import CelError, compile_dynamic  # only who uses CEL needs the engine

    try:
        return compile_dynamic(expression, tuple(variables)).evaluate(variables)
    except CelError as error:
        raise ClaimsError(f"oidc: {expression}: {error}") from None
