"""Bootstrap tokens: deletes expired ones, and signs the ConfigMap cluster-info with those meant for it.

https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
"""

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

from minik.api.types import Obj
from minik.client.client import Client
from minik.client.clock import parse_time
from minik.client.controller import Controller
from minik.client.informer import Change, Informer
from minik.client.resources import CONFIG_MAPS, SECRETS
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import is_deleting, own_copy

NAMESPACE, TYPE = "kube-system", "bootstrap.kubernetes.io/token"
CLUSTER_INFO, CLUSTER_INFO_NAMESPACE = "cluster-info", "kube-public"
_SIGNATURE, _KUBECONFIG = "jws-kubeconfig-", "kubeconfig"
_NAME = re.compile(r"bootstrap-token-([a-z0-9]{6})")
_SECRET = re.compile(r"[a-z0-9]{16}")


def token_of(secret: Obj) -> tuple[str, str] | None:
    """(id, secret) of a bootstrap token that is written as it must be."""
    name, data = _NAME.fullmatch(secret["metadata"]["name"]), _data(secret)
    if name is None or data.get("token-id") != name[1] or not _SECRET.fullmatch(data.get("token-secret", "")):
        return None
    return name[1], data["token-secret"]


def expires_in(secret: Obj, now: datetime) -> float | None:
    """Seconds until the token ends; None when it has no end. What cannot be read has ended."""
    expiration = _data(secret).get("expiration", "")
    if not expiration:
        return None
    try:
        return (parse_time(expiration) - now).total_seconds()
    except ValueError:
        return 0.0


def signatures(kubeconfig: str, secrets: Iterable[Obj], now: datetime) -> dict[str, str]:
    """jws-kubeconfig-<id> -> detached JWS, for every token that may sign."""
    found = {}
    for secret in secrets:
        token, left = token_of(secret), expires_in(secret, now)
        if token is None or is_deleting(secret) or (left is not None and left <= 0):
            continue
        if _data(secret).get("usage-bootstrap-signing") == "true":
            found[_SIGNATURE + token[0]] = detached_signature(kubeconfig, *token)
    return found


def detached_signature(content: str, token_id: str, token_secret: str) -> str:
    """A JWS (HS256) of `content` without the content."""
    header = _base64url(f'{{"alg":"HS256","kid":"{token_id}"}}'.encode())
    signed = f"{header}.{_base64url(content.encode())}".encode()
    return f"{header}..{_base64url(hmac.digest(token_secret.encode(), signed, sha256))}"


class TokenCleaner(Controller):
    name = "token-cleaner"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._secrets = self.watch(_tokens(context))

    async def reconcile(self, key: str) -> float | None:
        secret = self._secrets.get_key(key)
        left = expires_in(secret, self.clock.now()) if secret is not None else None
        if secret is None or left is None or left > 0:
            return left
        metadata = secret["metadata"]
        await self._client.delete(SECRETS, metadata["name"], NAMESPACE, uid=metadata["uid"])
        return None


class BootstrapSigner(Controller):
    """Does nothing until somebody (kubeadm) makes the ConfigMap kube-public/cluster-info."""

    name = "bootstrap-signer"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        selector = f"metadata.name={CLUSTER_INFO}"
        maps = context.informers.of(CONFIG_MAPS, CLUSTER_INFO_NAMESPACE, field_selector=selector)
        self._maps = self.watch(maps, _one_key)
        self._secrets = self.watch(_tokens(context), _one_key)

    async def reconcile(self, key: str) -> float | None:
        info = self._maps.get(CLUSTER_INFO, CLUSTER_INFO_NAMESPACE)
        data: Mapping[str, str] = (info or {}).get("data") or {}
        if info is None or _KUBECONFIG not in data:
            return None
        wanted = {name: text for name, text in data.items() if not name.startswith(_SIGNATURE)}
        wanted |= signatures(data[_KUBECONFIG], self._secrets.list(), self.clock.now())
        if wanted != data:
            changed = own_copy(info)
            changed["data"] = wanted
            await self._client.update(CONFIG_MAPS, changed, CLUSTER_INFO_NAMESPACE)
        return None


def _tokens(context: ControllerContext) -> Informer:
    return context.informers.of(SECRETS, NAMESPACE, field_selector=f"type={TYPE}")


def _one_key(_: Change) -> Iterable[str]:
    return (f"{CLUSTER_INFO_NAMESPACE}/{CLUSTER_INFO}",)


def _data(secret: Obj) -> dict[str, str]:
    decoded = {}
    for name, value in (secret.get("data") or {}).items():
        decoded[name] = base64.b64decode(value).decode(errors="replace")
    return decoded


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
