"""Keeps in the Secrets of never-expiring service account tokens when they were last used, so that unused ones can go.

Dates are written by the day and in the background: a request never waits for its token's Secret.
https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#legacy-serviceaccount-token-tracking-controller
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from minik.api.scheme import Resource
from minik.api.types import Obj
from minik.server.apiserver.registry.storage import Storage

if TYPE_CHECKING:
    from prometheus_client.core import Metric

log = logging.getLogger("minik.apiserver")

LAST_USED, INVALID_SINCE = "kubernetes.io/legacy-token-last-used", "kubernetes.io/legacy-token-invalid-since"
_ATTEMPTS = 5


class LegacyTokenUses:
    """Component "legacy-token-uses". `manual`, `auto` and `invalid` are the ways a token can be one of these."""

    name = "legacy-token-uses"

    def __init__(
        self, storage: Storage, secrets: Resource, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._storage = storage
        self._secrets = secrets
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._pending: dict[tuple[str, str], str] = {}  # (namespace, name) -> uid
        self._wake = asyncio.Event()

    def note(self, secret: Obj, account: Obj) -> bool:
        """Whether the token of the Secret may be used."""
        metadata = secret["metadata"]
        labels = metadata.get("labels") or {}
        is_valid = not labels.get(INVALID_SINCE)
        is_listed = any(each.get("name") == metadata["name"] for each in account.get("secrets") or ())
        self._counts["invalid" if not is_valid else "auto" if is_listed else "manual"] += 1
        now = self._clock()
        if labels.get(LAST_USED) not in (_date(now), _date(now + timedelta(days=1))):
            self._pending[metadata["namespace"], metadata["name"]] = metadata["uid"]
            self._wake.set()
        return is_valid

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                (namespace, name), uid = self._pending.popitem()
                if not await self._write(namespace, name, uid):
                    log.warning("cannot note the use of the token in secret %s/%s", namespace, name)

    async def _write(self, namespace: str, name: str, uid: str) -> bool:
        layout = self._storage.layouts.of(self._secrets)
        for _ in range(_ATTEMPTS):
            current = self._storage.get(self._secrets, namespace, name)
            secret = layout.decode(current) if current is not None else None
            if current is None or secret is None or secret["metadata"]["uid"] != uid:
                return True
            metadata = secret["metadata"]
            labels = {**(metadata.get("labels") or {}), LAST_USED: _date(self._clock())}
            value = layout.encode({**secret, "metadata": {**metadata, "labels": labels}})
            if await self._storage.replace(self._secrets, current, value) is not None:
                return True
        return False

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily

        about = {
            "auto": ("legacy_auto_token_uses_total", "Cumulative auto-generated legacy tokens used"),
            "invalid": ("invalid_legacy_auto_token_uses_total", "Cumulative invalid auto-generated legacy tokens used"),
            "manual": ("legacy_manual_token_uses_total", "Cumulative manually created legacy tokens used"),
        }
        for kind, (name, help) in about.items():
            yield CounterMetricFamily(f"serviceaccount_{name}", help, value=self._counts[kind])


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
