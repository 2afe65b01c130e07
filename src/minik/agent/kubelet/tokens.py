"""Service account tokens for Pods: requested from the API, kept in memory, renewed before they expire.

A token is renewed after 80 % of its life or 24 h. https://kubernetes.io/docs/concepts/storage/projected-volumes/
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import parse_time
from minik.client.resources import SERVICE_ACCOUNTS

MAX_AGE = 24 * 3600.0
MAX_JITTER = 10.0


@dataclass(frozen=True, slots=True)
class Token:
    """`renew_at` is in seconds since the epoch."""

    value: str
    renew_at: float


class TokenCache:
    """Tokens by Pod, audience and life time."""

    def __init__(self, client: Client, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._client = client
        self._now = now
        self._tokens: dict[tuple[str, str, int], Token] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def token(self, pod: Obj, audience: str, expiration_seconds: int) -> Token:
        """A token bound to the Pod, for its service account. Raises StatusError, ConnectionError."""
        uid = pod["metadata"]["uid"]
        key = (uid, audience, expiration_seconds)
        async with self._locks.setdefault(uid, asyncio.Lock()):
            token = self._tokens.get(key)
            if token is None or token.renew_at <= self._now().timestamp():
                token = self._tokens[key] = await self._request(pod, audience, expiration_seconds)
            return token

    def forget(self, pod_uid: str) -> None:
        self._locks.pop(pod_uid, None)
        for key in [key for key in self._tokens if key[0] == pod_uid]:
            del self._tokens[key]

    async def _request(self, pod: Obj, audience: str, expiration_seconds: int) -> Token:
        metadata = pod["metadata"]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        spec: Obj = {"expirationSeconds": expiration_seconds, "boundObjectRef": bound}
        spec["audiences"] = [audience] if audience else []
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        answer = await self._client.create(
            SERVICE_ACCOUNTS,
            request,
            metadata["namespace"],
            name=pod["spec"].get("serviceAccountName") or "default",
            subresource="token",
        )
        status, now = answer["status"], self._now().timestamp()
        expires = parse_time(status["expirationTimestamp"]).timestamp()
        life = min((expires - now) * 0.8, MAX_AGE)
        return Token(status["token"], now + life - random.uniform(0, min(MAX_JITTER, life / 10)))
