"""Service account tokens: what is in them, and whether what they are bound to is still there.

https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens . The
signature of a token is verified once and remembered by the token's hash; the objects it is bound to are looked up for
every request, so a deleted Pod or account ends its tokens at once.
"""

import base64
import hmac
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from minik.api.types import GVR, Obj, UserInfo
from minik.server.apiserver.authn.signing_key import SigningKey, TokenInvalidError
from minik.server.apiserver.authn.x509 import CREDENTIAL_ID
from minik.server.apiserver.authz.rules import quoted
from minik.server.apiserver.objects import Reader

ACCOUNTS = GVR("", "v1", "serviceaccounts")
PODS = GVR("", "v1", "pods")
SECRETS = GVR("", "v1", "secrets")
NODES = GVR("", "v1", "nodes")

USER_PREFIX = "system:serviceaccount:"
ALL_ACCOUNTS = "system:serviceaccounts"
LEGACY_ISSUER = "kubernetes/serviceaccount"
_LEGACY = "kubernetes.io/serviceaccount/"
_CLOCK_SKEW = 60  # seconds tolerated on both ends of a token's life
_BOUND_GRACE = 60  # seconds an object that is being deleted still vouches for its tokens
_KEPT = 4096
_EXTRA = "authentication.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who a token stands for and which of the wanted audiences it is meant for."""

    user: UserInfo
    audiences: Sequence[str]


@dataclass(slots=True)
class _Verified:
    """The claims of a token whose signature is good, and whom they name once somebody has asked."""

    claims: Obj
    user: UserInfo | None = None


def user_name(namespace: str, name: str) -> str:
    return f"{USER_PREFIX}{namespace}:{name}"


def split_user_name(user: str) -> tuple[str, str] | None:
    """(namespace, name) if `user` is a service account."""
    namespace, colon, name = user.removeprefix(USER_PREFIX).partition(":")
    if not user.startswith(USER_PREFIX) or not colon or not namespace or not name or ":" in name:
        return None
    return namespace, name


def groups_of(namespace: str) -> tuple[str, str]:
    return ALL_ACCOUNTS, f"{ALL_ACCOUNTS}:{namespace}"


def claims(
    *,
    issuer: str,
    account: Obj,
    audiences: Sequence[str],
    lifetime: int,
    now: int,
    pod: Obj | None = None,
    secret: Obj | None = None,
    node: Obj | None = None,
    warn_after: int = 0,
) -> Obj:
    """The claims of a new token. `lifetime` and `warn_after` are seconds, `now` seconds since the epoch."""
    namespace = account["metadata"]["namespace"]
    private: Obj = {"namespace": namespace, "serviceaccount": _reference(account)}
    for kind, bound in (("pod", pod), ("secret", secret), ("node", node)):
        if bound is not None:
            private[kind] = _reference(bound)
    if warn_after:
        private["warnafter"] = now + warn_after
    return {
        "aud": list(audiences),
        "exp": now + lifetime,
        "iat": now,
        "iss": issuer,
        "jti": str(uuid.uuid4()),
        "kubernetes.io": private,
        "nbf": now,
        "sub": user_name(namespace, account["metadata"]["name"]),
    }


class ServiceAccountAuthenticator:
    """Recognises tokens of `issuers` and the never-expiring ones kept in Secrets."""

    def __init__(
        self,
        key: SigningKey,
        issuers: str | Sequence[str],
        objects: Reader,
        *,
        clock: Callable[[], float] = time.time,
        note_legacy: Callable[[Obj, Obj], bool] = lambda secret, account: True,
    ) -> None:
        """`note_legacy(secret, account)` hears of each use of a token in a Secret, and says whether it still counts."""
        self._key = key
        self._note_legacy = note_legacy
        self._issuers = frozenset([issuers] if isinstance(issuers, str) else issuers) | {LEGACY_ISSUER}
        self._objects = objects
        self._clock = clock
        self._verified: dict[bytes, _Verified] = {}

    def authenticate(self, token: str, audiences: Sequence[str]) -> Authenticated | None:
        """None if this is no token of ours. Raises TokenInvalidError for one of ours that is not good."""
        if token.count(".") != 2:
            return None
        verified = self._verify(token)
        if verified is None:
            return None
        content = verified.claims
        if content.get("iss") == LEGACY_ISSUER:
            return self._legacy(token, content, audiences)
        meant_for = content.get("aud") or ()
        meant_for = [meant_for] if isinstance(meant_for, str) else meant_for
        common = [audience for audience in meant_for if audience in audiences]
        if not common:
            raise TokenInvalidError(
                f"token audiences {quoted(meant_for)} is invalid for the target audiences {quoted(audiences)}"
            )
        self._check_times(content)
        self._check_objects(content)
        if verified.user is None:
            verified.user = _user(content)
        return Authenticated(verified.user, common)

    def _verify(self, token: str) -> "_Verified | None":
        """What is known of a token of one of our issuers."""
        digest = sha256(token.encode()).digest()
        verified = self._verified.get(digest)
        if verified is None:
            try:
                content = self._key.verify(token)
            except TokenInvalidError:
                return None
            if content.get("iss") not in self._issuers:
                return None
            if len(self._verified) >= _KEPT:
                self._verified.clear()
            verified = self._verified[digest] = _Verified(content)
        return verified

    def _check_times(self, content: Obj) -> None:
        now = self._clock()
        if now > content.get("exp", 0) + _CLOCK_SKEW:
            raise TokenInvalidError("service account token has expired")
        if now < content.get("nbf", 0) - _CLOCK_SKEW:
            raise TokenInvalidError("service account token is not valid yet")

    def _check_objects(self, content: Obj) -> None:
        """The account and what the token is bound to must still be there. Raises TokenInvalidError."""
        private = content.get("kubernetes.io") or {}
        namespace = private.get("namespace", "")
        account = private.get("serviceaccount") or {}
        self._account(namespace, account.get("name", ""), account.get("uid", ""))
        if secret := private.get("secret"):
            self._bound(SECRETS, namespace, secret)
        if pod := private.get("pod"):
            self._bound(PODS, namespace, pod)
        elif node := private.get("node"):
            self._bound(NODES, "", node)

    def _account(self, namespace: str, name: str, uid: str) -> Obj:
        account = self._objects.get(ACCOUNTS, name, namespace)
        if account is None:
            raise TokenInvalidError(f'serviceaccounts "{name}" not found')
        if self._being_deleted(account):
            raise TokenInvalidError("service account token has been invalidated")
        if account["metadata"]["uid"] != uid:
            found = account["metadata"]["uid"]
            raise TokenInvalidError(f"service account UID ({found}) does not match claim ({uid})")
        return account

    def _bound(self, resource: GVR, namespace: str, reference: Obj) -> None:
        bound = self._objects.get(resource, reference.get("name", ""), namespace)
        if bound is None or self._being_deleted(bound) or bound["metadata"]["uid"] != reference.get("uid"):
            raise TokenInvalidError("service account token has been invalidated")

    def _being_deleted(self, obj: Obj) -> bool:
        deleted = obj["metadata"].get("deletionTimestamp")
        if not deleted:
            return False
        return self._clock() > datetime.fromisoformat(deleted).astimezone(UTC).timestamp() + _BOUND_GRACE

    def _legacy(self, token: str, content: Obj, audiences: Sequence[str]) -> Authenticated:
        namespace, name = content.get(_LEGACY + "namespace", ""), content.get(_LEGACY + "service-account.name", "")
        uid = content.get(_LEGACY + "service-account.uid", "")
        if content.get("sub") != user_name(namespace, name):
            raise TokenInvalidError("sub claim is invalid")
        secret = self._objects.get(SECRETS, content.get(_LEGACY + "secret.name", ""), namespace)
        if secret is None or secret["metadata"].get("deletionTimestamp"):
            raise TokenInvalidError("service account token has been invalidated")
        stored = base64.b64decode((secret.get("data") or {}).get("token", ""))
        if not hmac.compare_digest(stored, token.encode()):
            raise TokenInvalidError("service account token does not match server's copy")
        if not self._note_legacy(secret, self._account(namespace, name, uid)):
            raise TokenInvalidError(
                f"the token in secret {namespace}/{secret['metadata']['name']} for service account {namespace}/{name} "
                "has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based "
                "tokens, or remove the 'kubernetes.io/legacy-token-invalid-since' label from the secret to "
                "temporarily allow use of this token"
            )
        return Authenticated(UserInfo(user_name(namespace, name), uid, groups_of(namespace)), audiences)


def _user(content: Obj) -> UserInfo:
    """Whom the claims name."""
    private = content["kubernetes.io"]
    namespace, account = private["namespace"], private["serviceaccount"]
    extra: dict[str, Sequence[str]] = {}
    if jti := content.get("jti"):
        extra[CREDENTIAL_ID] = (f"JTI={jti}",)
    if pod := private.get("pod"):
        extra[_EXTRA + "pod-name"], extra[_EXTRA + "pod-uid"] = (pod["name"],), (pod["uid"],)
    if node := private.get("node"):
        extra[_EXTRA + "node-name"] = (node["name"],)
        if node.get("uid"):
            extra[_EXTRA + "node-uid"] = (node["uid"],)
    return UserInfo(user_name(namespace, account["name"]), account["uid"], groups_of(namespace), extra)


def legacy_claims(account: Obj, secret: Obj) -> Obj:
    """The claims of a token that is kept in a Secret of type kubernetes.io/service-account-token."""
    namespace, name = account["metadata"]["namespace"], account["metadata"]["name"]
    return {
        "iss": LEGACY_ISSUER,
        _LEGACY + "namespace": namespace,
        _LEGACY + "secret.name": secret["metadata"]["name"],
        _LEGACY + "service-account.name": name,
        _LEGACY + "service-account.uid": account["metadata"]["uid"],
        "sub": user_name(namespace, name),
    }


def _reference(obj: Obj) -> Obj:
    return {"name": obj["metadata"]["name"], "uid": obj["metadata"]["uid"]}
