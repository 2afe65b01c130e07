"""Bearer tokens that are not JWTs: fixed ones and bootstrap tokens.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file and
https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
"""

import base64
import csv
import hmac
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from minik.api.types import GVR, UserInfo
from minik.server.apiserver.objects import Reader

SECRETS = GVR("", "v1", "secrets")
_BOOTSTRAP = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")


class StaticTokens:
    """Tokens known in advance. Looked up by hash, so that timing tells nothing about them."""

    def __init__(self, tokens: Mapping[str, UserInfo]) -> None:
        self._users = {_digest(token): user for token, user in tokens.items()}

    def authenticate(self, token: str) -> UserInfo | None:
        return self._users.get(_digest(token)) if self._users else None


def read_token_file(path: Path) -> dict[str, UserInfo]:
    """A --token-auth-file: token,user,uid,"group1,group2" per line. Raises ValueError naming the line."""
    users: dict[str, UserInfo] = {}
    with path.open(newline="") as file:
        for number, row in enumerate(csv.reader(file, skipinitialspace=True), 1):
            if not row or row[0].startswith("#"):
                continue
            if len(row) < 3:
                raise ValueError(f"{path}:{number}: a token needs at least token, user name and uid")
            groups = tuple(group.strip() for group in row[3].split(",")) if len(row) > 3 and row[3] else ()
            users[row[0]] = UserInfo(row[1], row[2], groups)
    return users


class BootstrapTokens:
    """Tokens kept in Secrets `bootstrap-token-<id>` in kube-system, by which new nodes ask for a certificate."""

    def __init__(self, objects: Reader, *, clock: Callable[[], float] = time.time) -> None:
        self._objects = objects
        self._clock = clock

    def authenticate(self, token: str) -> UserInfo | None:
        found = _BOOTSTRAP.fullmatch(token)
        if found is None:
            return None
        token_id, token_secret = found.groups()
        secret = self._objects.get(SECRETS, f"bootstrap-token-{token_id}", "kube-system")
        if secret is None or secret.get("type") != "bootstrap.kubernetes.io/token":
            return None
        if secret["metadata"].get("deletionTimestamp"):
            return None
        data = {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}
        if not hmac.compare_digest(data.get("token-secret", b""), token_secret.encode()):
            return None
        if data.get("token-id") != token_id.encode() or data.get("usage-bootstrap-authentication") != b"true":
            return None
        if self._expired(data.get("expiration", b"").decode()):
            return None
        extra = data.get("auth-extra-groups", b"").decode()
        groups = {group.strip() for group in extra.split(",") if group.strip()} | {"system:bootstrappers"}
        return UserInfo(f"system:bootstrap:{token_id}", "", tuple(sorted(groups)))

    def _expired(self, expiration: str) -> bool:
        if not expiration:
            return False
        try:
            return datetime.fromisoformat(expiration).timestamp() <= self._clock()
        except ValueError:
            return True  # what cannot be read is not trusted


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
