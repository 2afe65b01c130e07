"""The public keys of an issuer: found by its discovery document, fetched when a token names one that is not known.

https://openid.net/specs/openid-connect-discovery-1_0.html
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any

import orjson

from minik.server.apiserver.authn.oidc.configuration import Issuer

_TIMEOUT = 10.0  # seconds
_AT_MOST_EVERY = 10.0  # seconds between two fetches, whatever key ids come along
_MAX_BODY = 1 << 20  # bytes


class KeysUnavailable(Exception):
    """The issuer cannot be asked, or says what makes no sense."""


class IssuerKeys:
    """Keys by id, as PyJWT's PyJWK."""

    def __init__(self, issuer: Issuer, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._clock = clock
        self._keys: list[Any] = []
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def candidates(self, key_id: str) -> list[Any]:
        """Keys a token may be signed with; all of them when it names none. Raises KeysUnavailable."""
        found = self._matching(key_id)
        if found:
            return found
        async with self._fetching:
            found = self._matching(key_id)
            if not found and self._clock() - self._fetched_at >= _AT_MOST_EVERY:
                self._fetched_at = self._clock()
                self._keys = await self._fetch()
                found = self._matching(key_id)
        return found

    def _matching(self, key_id: str) -> list[Any]:
        return [key for key in self._keys if not key_id or key.key_id == key_id]

    async def _fetch(self) -> list[Any]:
        import aiohttp
        import jwt

        try:
            tls = ssl.create_default_context(cadata=self._issuer.authority or None)
            async with asyncio.timeout(_TIMEOUT), aiohttp.ClientSession() as session:
                document = await _json(session, self._issuer.discovery_url, tls)
                if document.get("issuer") != self._issuer.url:
                    raise KeysUnavailable(
                        f'oidc: issuer did not match: expected "{self._issuer.url}" got "{document.get("issuer")}"'
                    )
                keys = await _json(session, document["jwks_uri"], tls)
        except TimeoutError:
            raise KeysUnavailable(f"{self._issuer.discovery_url}: no answer in time") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError, KeyError, ValueError, AttributeError) as error:
            raise KeysUnavailable(f"{self._issuer.discovery_url}: {error}") from None
        found = []
        for each in keys.get("keys") or ():
            try:
                found.append(jwt.PyJWK(each))
            except jwt.PyJWTError:
                continue  # of a kind nobody here can verify
        return found


async def _json(session: Any, url: str, tls: ssl.SSLContext) -> Any:
    async with session.get(url, ssl=tls) as answer:
        answer.raise_for_status()
        return orjson.loads(await answer.content.read(_MAX_BODY))
