"""The ABAC authorizer: a file of policies, one JSON object a line, that say who may do what.

https://kubernetes.io/docs/reference/access-authn-authz/abac/
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from minik.api.types import Obj, UserInfo
from minik.server.apiserver.attributes import Attributes, Decision

_API_VERSION = "abac.authorization.kubernetes.io/v1beta1"
_AUTHENTICATED = "system:authenticated"
_READING = frozenset({"get", "list", "watch"})
_NO_MATCH = Decision(False, "No policy matched.")


@dataclass(frozen=True, slots=True)
class _Policy:
    """`*` stands for everything, except as a user: then `group` says who is meant."""

    user: str
    group: str
    readonly: bool
    namespace: str
    resource: str
    api_group: str
    path: str

    def allows(self, attributes: Attributes) -> bool:
        if self.readonly and attributes.verb not in _READING:
            return False
        if not self._means(attributes.user):
            return False
        if not attributes.resource_request:
            return self._covers(attributes.path)
        asked = (attributes.namespace, attributes.resource, attributes.api_group)
        allowed = (self.namespace, self.resource, self.api_group)
        return all(own in ("*", other) for own, other in zip(allowed, asked, strict=True))

    def _means(self, user: UserInfo) -> bool:
        if self.user and self.user != user.name:
            return False
        if self.group and self.group not in user.groups:
            return False
        return bool(self.user or self.group)

    def _covers(self, path: str) -> bool:
        if self.path in ("*", path):
            return True
        return self.path.endswith("*") and path.startswith(self.path.rstrip("*"))


class AbacAuthorizer:
    """Allows what a policy says; never denies, only has no opinion."""

    def __init__(self, policies: Sequence[_Policy]) -> None:
        self._policies = policies

    def decide(self, attributes: Attributes) -> Decision:
        if any(policy.allows(attributes) for policy in self._policies):
            return Decision(True)
        return _NO_MATCH


def load(path: Path) -> AbacAuthorizer:
    """Raises OSError, and ValueError with the line that cannot be read."""
    policies = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            policies.append(_policy(orjson.loads(text)))
        except (ValueError, AttributeError, TypeError) as error:
            raise ValueError(f"error reading policy file {path}, line {number}: {line}: {error}") from None
    return AbacAuthorizer(policies)


def _policy(document: Obj) -> _Policy:
    if document.get("kind") is None and document.get("apiVersion") is None:
        return _unversioned(document)
    if (document.get("apiVersion"), document.get("kind")) != (_API_VERSION, "Policy"):
        raise ValueError(f"it is no Policy of {_API_VERSION}")
    spec = document.get("spec") or {}
    user, group = _subject(spec)
    return _Policy(
        user,
        group,
        bool(spec.get("readonly")),
        spec.get("namespace", ""),
        spec.get("resource", ""),
        spec.get("apiGroup", ""),
        spec.get("nonResourcePath", ""),
    )


def _unversioned(spec: Obj) -> _Policy:
    """The oldest form: what is not said is not limited."""
    user, group = _subject(spec)
    namespace, resource = spec.get("namespace") or "*", spec.get("resource") or "*"
    path = "" if spec.get("namespace") or spec.get("resource") else "*"
    return _Policy(
        user, group if user or group else _AUTHENTICATED, bool(spec.get("readonly")), namespace, resource, "*", path
    )


def _subject(spec: Obj) -> tuple[str, str]:
    user, group = spec.get("user", ""), spec.get("group", "")
    return ("", _AUTHENTICATED) if "*" in (user, group) else (user, group)
