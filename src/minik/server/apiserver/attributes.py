"""What authorization is asked about one request, and what it answers.

Upstream: apiserver's authorizer.Attributes, https://kubernetes.io/docs/reference/access-authn-authz/authorization/
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from minik.api.types import UserInfo


class Attributes(NamedTuple):
    """One question to the authorizer.

    For a path outside the resource API (`resource_request` false) only user, verb (lower-case HTTP method) and
    path are set. `label_selector` and `field_selector` are the raw query texts.
    A tuple, because one is made for every request, and frozen dataclasses take four times as long to make.
    """

    user: UserInfo
    verb: str
    path: str = ""
    resource_request: bool = False
    namespace: str = ""
    api_group: str = ""
    api_version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    label_selector: str = ""
    field_selector: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` is shown to the client when the request is refused. `denied`: no other authorizer may allow it."""

    allowed: bool
    reason: str = ""
    denied: bool = False


SUPERUSERS = "system:masters"
"""The group that may do everything, whatever authorizers say."""

Authorize = Callable[[Attributes], Awaitable[Decision]]
