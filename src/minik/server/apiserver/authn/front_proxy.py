"""Whom a trusted front proxy speaks for: the X-Remote-* headers, under whatever names the flags give them.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#authenticating-proxy
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from minik.api.request import Request
from minik.api.types import UserInfo
from minik.config import ServerConfig


@dataclass(frozen=True, slots=True)
class FrontProxy:
    """`names`: common names of proxies' certificates, () for any. Headers in lower case, the first one that is there
    names the user; groups and extras are gathered from all of them."""

    names: Sequence[str] = ("system:auth-proxy",)
    user_headers: Sequence[str] = ("x-remote-user",)
    uid_headers: Sequence[str] = ("x-remote-uid",)
    group_headers: Sequence[str] = ("x-remote-group",)
    extra_prefixes: Sequence[str] = ("x-remote-extra-",)

    def trusts(self, common_name: str) -> bool:
        return not self.names or common_name in self.names

    def user(self, request: Request) -> UserInfo | None:
        name = self._first(request, self.user_headers)
        if not name:
            return None
        groups = [group for header in self.group_headers for group in header_values(request, header) if group]
        extra: dict[str, Sequence[str]] = {}
        for header in request.headers:
            prefix = next((each for each in self.extra_prefixes if header.startswith(each)), None)
            if prefix is not None:
                key = unquote(header.removeprefix(prefix))
                extra[key] = (*extra.get(key, ()), *header_values(request, header))
        return UserInfo(name, self._first(request, self.uid_headers), tuple(groups), extra)

    def _first(self, request: Request, headers: Sequence[str]) -> str:
        return next((value for header in headers if (value := request.headers.get(header, "").strip())), "")


DEFAULT_FRONT_PROXY = FrontProxy()


def front_proxy_of(config: ServerConfig) -> FrontProxy:
    def lower(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name.strip().lower() for name in names if name.strip())

    return FrontProxy(
        tuple(name for name in config.requestheader_allowed_names if name),
        lower(config.requestheader_username_headers),
        lower(config.requestheader_uid_headers),
        lower(config.requestheader_group_headers),
        lower(config.requestheader_extra_headers_prefix),
    )


def header_values(request: Request, name: str) -> list[str]:
    """Every value of a header that may be repeated; the HTTP door joins repetitions with a line feed."""
    value = request.headers.get(name)
    return [] if value is None else value.split("\n")
