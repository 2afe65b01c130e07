"""Fills Secrets of type kubernetes.io/service-account-token, and deletes those whose account is gone.

https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
"""

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.informer import Change, object_key, split_key
from minik.client.resources import SECRETS, SERVICE_ACCOUNTS
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import annotations_of, is_deleting, own_copy

TYPE = "kubernetes.io/service-account-token"
ACCOUNT_NAME, ACCOUNT_UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
_CLAIM = "kubernetes.io/serviceaccount/"
_ACCOUNT = "account"  # index

Sign = Callable[[Mapping[str, Any]], str]


class TokenSecretController(Controller):
    name = "service-account-token-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._sign = context.sign_token
        self._root_ca = context.settings.root_ca
        self._accounts = self.watch(context.informers.of(SERVICE_ACCOUNTS), self._keys_of_account)
        secrets = context.informers.of(SECRETS, field_selector=f"type={TYPE}", indexes={_ACCOUNT: _account_of})
        self._secrets = self.watch(secrets)

    def _keys_of_account(self, change: Change) -> Iterable[str]:
        if change.old is None or change.new is None:
            for secret in self._secrets.by_index(_ACCOUNT, object_key(change.obj)):
                yield object_key(secret)

    async def reconcile(self, key: str) -> float | None:
        secret = self._secrets.get_key(key)
        if secret is None or is_deleting(secret) or self._sign is None:
            return None
        name = annotations_of(secret).get(ACCOUNT_NAME, "")
        if not name:
            return None
        account = await self._account(secret, name)
        if account is None:
            metadata = secret["metadata"]
            await self._client.delete(SECRETS, metadata["name"], metadata["namespace"], uid=metadata["uid"])
            return None
        changed = filled(secret, account, self._root_ca, self._sign)
        if changed is not None:
            await self._client.update(SECRETS, changed, split_key(key)[0])
        return None

    async def _account(self, secret: Obj, name: str) -> Obj | None:
        """The account the Secret is for, asked for at the API before it is believed to be gone."""
        namespace, uid = secret["metadata"]["namespace"], annotations_of(secret).get(ACCOUNT_UID, "")
        account = self._accounts.get(name, namespace)
        if account is None or uid not in ("", account["metadata"]["uid"]):
            try:
                account = await self._client.get(SERVICE_ACCOUNTS, name, namespace)
            except StatusError as error:
                if error.code != 404:
                    raise
                return None
        return account if uid in ("", account["metadata"]["uid"]) else None


def filled(secret: Obj, account: Obj, root_ca: str, sign: Sign) -> Obj | None:
    """The Secret with what is missing: token, CA, namespace and the account's uid. None if nothing is."""
    data = secret.get("data") or {}
    namespace = secret["metadata"]["namespace"]
    wanted = {"namespace": _text(namespace), **({"ca.crt": _text(root_ca)} if root_ca else {})}
    missing = {name: value for name, value in wanted.items() if data.get(name) != value}
    if not data.get("token"):
        missing["token"] = _text(sign(legacy_claims(secret, account)))
    if not missing and annotations_of(secret).get(ACCOUNT_UID):
        return None
    changed = own_copy(secret)
    changed["data"] = {**data, **missing}
    changed["metadata"].setdefault("annotations", {})[ACCOUNT_UID] = account["metadata"]["uid"]
    return changed


def legacy_claims(secret: Obj, account: Obj) -> Obj:
    """A token that never ends, good as long as its Secret."""
    namespace, name = secret["metadata"]["namespace"], account["metadata"]["name"]
    return {
        "iss": "kubernetes/serviceaccount",
        f"{_CLAIM}namespace": namespace,
        f"{_CLAIM}secret.name": secret["metadata"]["name"],
        f"{_CLAIM}service-account.name": name,
        f"{_CLAIM}service-account.uid": account["metadata"]["uid"],
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }


def _account_of(secret: Obj) -> Iterable[str]:
    name = annotations_of(secret).get(ACCOUNT_NAME, "")
    return (f"{secret['metadata']['namespace']}/{name}",) if name else ()


def _text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
