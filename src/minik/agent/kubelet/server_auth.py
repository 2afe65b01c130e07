"""Who may talk to this kubelet: a client certificate or a token, then the API server's word on nodes/*.

https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/ ; anonymous requests are refused.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from minik.api.status import StatusError
from minik.api.types import GVR, Obj, UserInfo
from minik.client.client import Client

TOKEN_REVIEWS = GVR("authentication.k8s.io", "v1", "tokenreviews")
ACCESS_REVIEWS = GVR("authorization.k8s.io", "v1", "subjectaccessreviews")
TOKEN_TTL, ALLOWED_TTL, REFUSED_TTL = 120.0, 300.0, 30.0  # seconds answers are kept (upstream's kubelet defaults)
_SUBRESOURCES = {"stats": "stats", "metrics": "metrics", "logs": "log", "spec": "spec", "checkpoint": "checkpoint"}
_FINE = {"pods": "pods", "runningpods": "pods", "healthz": "healthz", "configz": "configz"}
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class _Kept:
    value: object
    until: float


class KubeletAuth:
    """Decisions are asked of the API server once and kept for a while."""

    def __init__(self, client: Client, node_name: str) -> None:
        self._client = client
        self._node_name = node_name
        self._kept: dict[tuple[object, ...], _Kept] = {}

    async def user(self, certificate: bytes | None, headers: Mapping[str, str]) -> UserInfo | None:
        """`certificate` is DER and verified by TLS. None: nobody, or nobody known."""
        if certificate is not None:
            return _certified(certificate)
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            return None
        return await self._reviewed(token.strip())

    async def allowed(self, user: UserInfo, method: str, path: str) -> bool:
        """Whether the user may do this to the node: first under the finer subresource, then under nodes/proxy."""
        first = path.strip("/").split("/", 1)[0]
        names = [name for name in (_SUBRESOURCES.get(first) or _FINE.get(first), "proxy") if name]
        for name in names:
            if await self._may(user, _VERBS.get(method, "get"), name):
                return True
        return False

    async def _reviewed(self, token: str) -> UserInfo | None:
        kept = self._recall(("token", token))
        if kept is not None:
            return kept.value  # type: ignore[return-value]
        review: Obj = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        status = (await self._client.create(TOKEN_REVIEWS, review)).get("status") or {}
        user = None
        if status.get("authenticated"):
            found = status.get("user") or {}
            user = UserInfo(found.get("username", ""), found.get("uid", ""), found.get("groups") or ())
        self._keep(("token", token), user, TOKEN_TTL)
        return user

    async def _may(self, user: UserInfo, verb: str, subresource: str) -> bool:
        key = ("may", user.name, tuple(user.groups), verb, subresource)
        kept = self._recall(key)
        if kept is not None:
            return bool(kept.value)
        resource = {"verb": verb, "version": "v1", "resource": "nodes", "name": self._node_name}
        review: Obj = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user.name,
                "groups": list(user.groups),
                "resourceAttributes": {**resource, "subresource": subresource},
            },
        }
        try:
            answer = await self._client.create(ACCESS_REVIEWS, review)
        except (StatusError, ConnectionError):
            return False
        allowed = bool((answer.get("status") or {}).get("allowed"))
        self._keep(key, allowed, ALLOWED_TTL if allowed else REFUSED_TTL)
        return allowed

    def _recall(self, key: tuple[object, ...]) -> _Kept | None:
        kept = self._kept.get(key)
        return kept if kept is not None and kept.until > time.monotonic() else None

    def _keep(self, key: tuple[object, ...], value: object, seconds: float) -> None:
        if len(self._kept) > 1000:
            self._kept.clear()
        self._kept[key] = _Kept(value, time.monotonic() + seconds)


def _certified(der: bytes) -> UserInfo | None:
    subject = x509.load_der_x509_certificate(der).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not names:
        return None
    groups = [str(a.value) for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return UserInfo(str(names[0].value), groups=(*groups, "system:authenticated"))
