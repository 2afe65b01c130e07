"""Acting as somebody else: the Impersonate-* headers and the permissions they need.

The constrained modes of KEP-5284 are tried first (verbs `impersonate:<mode>` for the identity and
`impersonate-on:<mode>:<verb>` for the request), then the plain verb `impersonate`. The first refusal is the one shown.
https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from urllib.parse import unquote

from minik.api.names import dns_subdomain, subdomain_name
from minik.api.request import Request
from minik.api.status import StatusError, bad_request
from minik.api.types import UserInfo
from minik.server.apiserver.attributes import Attributes, Authorize, Decision
from minik.server.apiserver.authn.authenticator import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED
from minik.server.apiserver.authn.front_proxy import header_values
from minik.server.apiserver.authn.impersonation_metrics import ImpersonationMetrics
from minik.server.apiserver.authn.service_account import groups_of, split_user_name
from minik.server.apiserver.authz.authorizer import refusal

_HEADERS = frozenset({"impersonate-user", "impersonate-group", "impersonate-uid"})
_EXTRA_PREFIX = "impersonate-extra-"
_PATH = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")
_LEGACY = "legacy"
_NODE_PREFIX = "system:node:"
_GROUP = "authentication.k8s.io"
_MANY = 4  # groups or extras from which on permission for all of them is tried first


@dataclass(frozen=True, slots=True)
class _Mode:
    """A constrained mode. `applies(wanted, requestor)` says whether it is meant for this impersonation."""

    name: str
    applies: Callable[[UserInfo, UserInfo], bool]


def wanted_user(request: Request) -> UserInfo | None:
    """Whom the headers ask for; None if nobody. Raises StatusError for details without a user name."""
    headers = request.headers
    name, uid = headers.get("impersonate-user", ""), headers.get("impersonate-uid", "")
    groups = tuple(header_values(request, "impersonate-group"))
    extra: dict[str, tuple[str, ...]] = {}
    for header in headers:
        if header.startswith(_EXTRA_PREFIX):
            key = unquote(header.removeprefix(_EXTRA_PREFIX).lower())
            extra[key] = (*extra.get(key, ()), *header_values(request, header))
    if name:
        return UserInfo(name, uid, groups, extra)
    if uid or groups or extra:
        raise bad_request(f"requested {_go_syntax(uid, groups, extra)} without impersonating a user name")
    return None


def asks_for_another(headers: Mapping[str, str]) -> bool:
    """Whether the headers, whose names are lower case, mention somebody else."""
    return not _HEADERS.isdisjoint(headers) or any(header.startswith(_EXTRA_PREFIX) for header in headers)


class Impersonation:
    """Decides whether one user may act as another in one request."""

    def __init__(self, authorize: Authorize, metrics: ImpersonationMetrics | None = None) -> None:
        self._ask = authorize
        self.metrics = metrics or ImpersonationMetrics()

    async def impersonate(self, wanted: UserInfo, attributes: Attributes) -> tuple[UserInfo, str]:
        """The user the request goes on as, and the constrained verb that let it ("": the plain one).

        `attributes` are those of the request itself. Raises the 403.
        """
        started = perf_counter()
        try:
            mode, user = await self._acting(wanted, attributes)
        except StatusError:
            self.metrics.attempt("", "denied", perf_counter() - started)
            raise
        self.metrics.attempt(mode, "allowed", perf_counter() - started)
        return user, "" if mode == _LEGACY else f"impersonate:{mode}"

    async def _acting(self, wanted: UserInfo, attributes: Attributes) -> tuple[str, UserInfo]:
        """By which mode, as whom."""
        if "system:masters" in attributes.user.groups:
            return _LEGACY, _completed(wanted)  # may do everything, so no mode needs asking
        first: StatusError | None = None
        for mode in _MODES:
            if not mode.applies(wanted, attributes.user):
                continue
            try:
                await self._constrained(mode.name, wanted, attributes)
            except StatusError as error:
                first = first or error
                continue
            return mode.name, _completed(wanted, constrained=True)
        try:
            await self._fields(wanted, attributes.user, "impersonate", constrained=False)
        except StatusError as error:
            raise first or error from None
        return _LEGACY, _completed(wanted)

    async def _constrained(self, mode: str, wanted: UserInfo, attributes: Attributes) -> None:
        requestor = attributes.user
        if mode == "associated-node":
            requestor = replace(requestor, extra={_ASSOCIATED_KEYS: tuple(sorted(requestor.extra))})
        await self._check(attributes._replace(user=requestor, verb=f"impersonate-on:{mode}:{attributes.verb}"))
        await self._fields(wanted, requestor, f"impersonate:{mode}", constrained=True)

    async def _fields(self, wanted: UserInfo, requestor: UserInfo, verb: str, *, constrained: bool) -> None:
        group = _GROUP if constrained else ""

        def question(resource: str, name: str, *, group: str = group) -> Attributes:
            return Attributes(
                user=requestor,
                verb=verb,
                resource_request=True,
                api_group=group,
                api_version="v1",
                resource=resource,
                name=name,
            )

        await self._check(_about_name(question("users", wanted.name), constrained=constrained))
        if wanted.uid:
            await self._check(question("uids", wanted.uid, group=_GROUP))
        await self._groups(wanted.groups, question("groups", ""), constrained=constrained)
        await self._extra(wanted.extra, question("userextras", "", group=_GROUP), constrained=constrained)

    async def _groups(self, groups: Sequence[str], about: Attributes, *, constrained: bool) -> None:
        if constrained and "" in groups:
            raise refusal(about, "impersonating the empty string group is not allowed")
        if constrained and "system:masters" in groups:
            about = about._replace(name="system:masters")
            raise refusal(about, "impersonating the system:masters group is not allowed")
        if constrained and len(groups) >= _MANY and (await self._authorize(about._replace(name="*"))).allowed:
            return
        for group in groups:
            await self._check(about._replace(name=group))

    async def _extra(self, extra: Mapping[str, Sequence[str]], about: Attributes, *, constrained: bool) -> None:
        if constrained and (complaint := _extra_complaint(extra)):
            raise refusal(about, complaint)
        if constrained and sum(len(values) for values in extra.values()) >= _MANY:
            everything = about._replace(subresource="*", name="*")
            if (await self._authorize(everything)).allowed:
                return
        for key, values in extra.items():
            for value in values:
                await self._check(about._replace(subresource=key, name=value))

    async def _authorize(self, attributes: Attributes) -> Decision:
        started = perf_counter()
        decision = await self._ask(attributes)
        parts = attributes.verb.split(":")
        mode = parts[1] if len(parts) > 1 else _LEGACY
        self.metrics.check(mode, "allowed" if decision.allowed else "denied", perf_counter() - started)
        return decision

    async def _check(self, attributes: Attributes) -> None:
        decision = await self._authorize(attributes)
        if not decision.allowed:
            raise refusal(attributes, decision.reason)


_ASSOCIATED_KEYS = "authentication.kubernetes.io/associated-node-keys"


def _only_name(user: UserInfo) -> bool:
    return not user.uid and not user.groups and not user.extra


def _node_name(user: str) -> str:
    name = user.removeprefix(_NODE_PREFIX)
    return name if user.startswith(_NODE_PREFIX) and not subdomain_name(name, False) else ""


def _is_own_node(wanted: UserInfo, requestor: UserInfo) -> bool:
    node = _node_name(wanted.name)
    if not node or not _only_name(wanted) or split_user_name(requestor.name) is None:
        return False
    return tuple(requestor.extra.get("authentication.kubernetes.io/node-name", ())) == (node,)


_MODES = (
    _Mode("associated-node", _is_own_node),
    _Mode("arbitrary-node", lambda wanted, _: _only_name(wanted) and bool(_node_name(wanted.name))),
    _Mode("serviceaccount", lambda wanted, _: _only_name(wanted) and split_user_name(wanted.name) is not None),
    _Mode("user-info", lambda wanted, _: not _node_name(wanted.name) and split_user_name(wanted.name) is None),
)


def _about_name(attributes: Attributes, *, constrained: bool) -> Attributes:
    """Nodes and service accounts are asked for as what they are."""
    if account := split_user_name(attributes.name):
        return attributes._replace(resource="serviceaccounts", namespace=account[0], name=account[1])
    if not constrained:
        return attributes
    node = _node_name(attributes.name)
    if not node:
        return attributes
    name = "*" if attributes.verb == "impersonate:associated-node" else node
    return attributes._replace(resource="nodes", name=name)


def _completed(wanted: UserInfo, *, constrained: bool = False) -> UserInfo:
    """`wanted` with the groups that follow from the name."""
    groups = tuple(wanted.groups)
    account = split_user_name(wanted.name)
    if account is not None and not groups:
        groups = groups_of(account[0])
    elif constrained and _node_name(wanted.name):
        groups = ("system:nodes",)
    if wanted.name == ANONYMOUS.name:
        if UNAUTHENTICATED not in groups:
            groups += (UNAUTHENTICATED,)
    elif UNAUTHENTICATED not in groups and AUTHENTICATED not in groups:
        groups += (AUTHENTICATED,)
    return replace(wanted, groups=groups)


def _extra_complaint(extra: Mapping[str, Sequence[str]]) -> str:
    for key, values in extra.items():
        if not key:
            return "impersonating the empty string key in extra is not allowed"
        if wrong := _path_complaint(key):
            return f"impersonating an invalid key in extra is not allowed: extra.key: Invalid value: {wrong}"
        if key != key.lower():
            return f'impersonating a non-lowercase key in extra is not allowed: "{key}"'
        if not values:
            return "impersonating empty values in extra is not allowed"
        if "" in values:
            return "impersonating the empty string value in extra is not allowed"
    return ""


def _path_complaint(key: str) -> str:
    """What keeps it from being a path below a domain, as field errors put it."""
    host, slash, path = key.partition("/")
    if not (host and slash and path):
        return f'"{key}": must be a domain-prefixed path (such as "acme.io/foo")'
    if complaints := dns_subdomain(host):
        return f'"{host}": {complaints[0]}'
    if not _PATH.fullmatch(path):
        return f"\"{path}\": Invalid path (regex used for validation is '{_PATH.pattern}')"
    return ""


def _go_syntax(uid: str, groups: Sequence[str], extra: Mapping[str, Sequence[str]]) -> str:
    """The user as upstream's message prints it (Go's %#v)."""

    def strings(values: Sequence[str]) -> str:
        return "[]string{" + ", ".join(f'"{value}"' for value in values) + "}" if values else "[]string(nil)"

    pairs = ", ".join(f'"{key}":{strings(values)}' for key, values in sorted(extra.items()))
    extras = f"map[string][]string{{{pairs}}}" if extra else "map[string][]string(nil)"
    return f'&user.DefaultInfo{{Name:"", UID:"{uid}", Groups:{strings(groups)}, Extra:{extras}}}'
