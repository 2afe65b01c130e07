"""authentication_attempts and authenticated_user_requests: how many senders were found to be somebody."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minik.api.types import UserInfo

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_KNOWN = frozenset({"admin", "client", "kube_proxy", "kubelet", "system:serviceaccount:kube-system:default"})


class AuthenticationCounts:
    """Counts by user name; names are put together when somebody asks."""

    def __init__(self) -> None:
        self._failures = 0
        self._users: dict[str, int] = {}

    def add(self, user: UserInfo | None) -> None:
        if user is None:
            self._failures += 1
            return
        name = user.name
        if name not in self._users and len(self._users) > 1000:
            name = "other"
        self._users[name] = self._users.get(name, 0) + 1

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import UnknownMetricFamily  # counters would be called ..._total

        attempts = UnknownMetricFamily(
            "authentication_attempts", "Counter of authenticated attempts.", labels=("result",)
        )
        attempts.add_metric(("success",), sum(self._users.values()))
        attempts.add_metric(("failure",), self._failures)
        requests = UnknownMetricFamily(
            "authenticated_user_requests",
            "Counter of authenticated requests broken out by username.",
            labels=("username",),
        )
        shown: dict[str, int] = {}
        for name, count in self._users.items():
            short = compressed(name)
            shown[short] = shown.get(short, 0) + count
        for name, count in shown.items():
            requests.add_metric((name,), count)
        yield attempts
        yield requests


def compressed(name: str) -> str:
    """Few names, so that there are few time series."""
    if name in _KNOWN:
        return name
    return "email_id" if "@" in name else "other"
