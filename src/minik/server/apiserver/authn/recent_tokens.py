"""Service account tokens that were good a moment ago.

Clients send the same token with every request. Whom it stands for can only change when it expires or when an object it
is bound to changes (service_account.py says which), so looking whether those are still the same values is enough.
"""

import base64
import binascii
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

from minik.api.request import Request
from minik.api.scheme import Scheme
from minik.api.types import GVR, Obj, UserInfo
from minik.server.apiserver.authn.service_account import ACCOUNTS, NODES, PODS, SECRETS, USER_PREFIX
from minik.server.apiserver.registry.keys import object_key
from minik.store.store import KeyValue, Store

_MOST = 4096
_SCHEME = "Bearer "


@dataclass(frozen=True, slots=True)
class _Recent:
    user: UserInfo
    until: float  # seconds since the epoch
    bound: tuple[tuple[bytes, KeyValue], ...]  # keys and the values they had


class RecentTokens:
    """Remembers whom `authenticate` found behind the Authorization header of requests without a certificate."""

    def __init__(
        self,
        authenticate: Callable[[Request], Awaitable[UserInfo | None]],
        store: Store,
        scheme: Scheme,
        *,
        clock: Callable[[], float] = time.time,
        seen: Callable[[UserInfo], None] = lambda _user: None,
    ) -> None:
        """`seen` is told who was known again, whom `authenticate` has not heard of then."""
        self._seen = seen
        self._authenticate = authenticate
        self._store = store
        self._scheme = scheme
        self._clock = clock
        self._recent: dict[str, _Recent] = {}

    async def authenticate(self, request: Request) -> UserInfo | None:
        header = request.headers.get("authorization", "")
        if request.user is not None or request.client_certificate is not None or not header.startswith(_SCHEME):
            return await self._authenticate(request)
        user = self.again(header)
        if user is not None:
            self._seen(user)
            return user
        user = await self._authenticate(request)
        if user is not None and header not in self._recent:
            self._remember(header, user)
        return user

    def again(self, header: str) -> UserInfo | None:
        """The same UserInfo as last time, if nothing it depends on has changed. None: ask `authenticate`."""
        recent = self._recent.get(header)
        if recent is None:
            return None
        get = self._store.get
        if self._clock() < recent.until:
            for key, value in recent.bound:
                if get(key) is not value:
                    break
            else:
                return recent.user
        del self._recent[header]
        return None

    def _remember(self, header: str, user: UserInfo) -> None:
        claims = _claims(header.removeprefix(_SCHEME)) if user.name.startswith(USER_PREFIX) else {}
        private = claims.get("kubernetes.io")
        if not private or "exp" not in claims:
            return
        values = []
        for key in self._keys(private):
            value = self._store.get(key)
            if value is None or b'"deletionTimestamp":' in value.value:  # its grace ends by itself
                return
            values.append((key, value))
        if len(self._recent) >= _MOST:
            self._recent.clear()
        self._recent[header] = _Recent(user, float(claims["exp"]), tuple(values))

    def _keys(self, private: Obj) -> list[bytes]:
        """Of everything a token is bound to."""
        named = (("serviceaccount", ACCOUNTS), ("secret", SECRETS), ("pod", PODS), ("node", NODES))
        namespace = private.get("namespace", "")
        return [self._key(gvr, namespace, private[field]["name"]) for field, gvr in named if private.get(field)]

    def _key(self, gvr: GVR, namespace: str, name: str) -> bytes:
        resource = self._scheme.get(*gvr)
        assert resource is not None
        return object_key(resource, namespace, name)


def _claims(token: str) -> Obj:
    """What is in a token that is known to be good."""
    try:
        payload = token.split(".")[1]
        found: Obj = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, binascii.Error, orjson.JSONDecodeError):
        return {}
    return found
