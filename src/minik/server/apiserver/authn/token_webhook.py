"""Bearer tokens that another server reviews (TokenReview), for --authentication-token-webhook-config-file.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication
"""

import logging
import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from minik.api.types import Obj, UserInfo
from minik.server.apiserver.webhooks.kubeconfig_webhook import KubeconfigWebhook

log = logging.getLogger("minik.apiserver.authn")

_KEPT = 4096  # answers


class TokenWebhook:
    """An ExternalTokens (authenticator.py)."""

    def __init__(
        self,
        webhook: KubeconfigWebhook,
        *,
        version: str = "v1",
        trusted: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`trusted`: seconds an answer is believed."""
        self._webhook = webhook
        self._api_version = f"authentication.k8s.io/{version}"
        self._trusted = trusted
        self._clock = clock
        self._recent: dict[tuple[bytes, tuple[str, ...]], tuple[float, UserInfo | None]] = {}

    async def authenticate(self, token: str, audiences: Sequence[str]) -> UserInfo | None:
        key = (sha256(token.encode()).digest(), tuple(audiences))
        recent = self._recent.get(key)
        if recent is not None and self._clock() < recent[0]:
            return recent[1]
        review = {
            "kind": "TokenReview",
            "apiVersion": self._api_version,
            "metadata": {},
            "spec": {"token": token, "audiences": list(audiences)},
        }
        try:
            answer = await self._webhook.post(review)
        except ConnectionError as error:
            log.warning("a token cannot be reviewed: %s", error)
            return None
        user = reviewed(answer, audiences)
        if len(self._recent) >= _KEPT:
            self._recent.clear()
        self._recent[key] = (self._clock() + self._trusted, user)
        return user

    async def close(self) -> None:
        await self._webhook.close()


def reviewed(answer: object, audiences: Sequence[str]) -> UserInfo | None:
    """The user a TokenReview's status names, if the token is good for one of the audiences."""
    status = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(status, dict) or status.get("authenticated") is not True:
        return None
    meant_for = status.get("audiences") or ()
    if audiences and meant_for and not set(audiences) & set(meant_for):
        return None
    user: Obj = status.get("user") or {}
    if not user.get("username"):
        return None
    extra = {key: tuple(values) for key, values in (user.get("extra") or {}).items()}
    return UserInfo(user["username"], user.get("uid") or "", tuple(user.get("groups") or ()), extra)
