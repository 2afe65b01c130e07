"""/healthz, /livez and /readyz: named checks, each also at a path of its own.

https://kubernetes.io/docs/reference/using-api/health-checks/
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from minik.api.request import Request, Response
from minik.api.types import UserInfo
from minik.server.apiserver.metrics import CONTENT_TYPE, text_of
from minik.server.apiserver.routes import Routes, page_not_found, text

if TYPE_CHECKING:
    from prometheus_client.core import Metric

Check = Callable[[], Awaitable[str]]
"""Returns "" when all is well, else what is wrong."""


async def _always_well() -> str:
    return ""


PING, LOG = ("ping", _always_well), ("log", _always_well)
_SYNCED = ("informer-sync", _always_well)

# What upstream's server still does when it has opened its door, by the names of its checks, in their order. minik has
# done all of it before the first request is answered.
_STARTED = tuple(
    (name, _always_well)
    for name in (
        "poststarthook/start-apiserver-admission-initializer",
        "poststarthook/generic-apiserver-start-informers",
        "poststarthook/priority-and-fairness-config-consumer",
        "poststarthook/priority-and-fairness-filter",
        "poststarthook/storage-object-count-tracker-hook",
        "poststarthook/storage-readiness",
        "poststarthook/start-apiextensions-informers",
        "poststarthook/start-apiextensions-controllers",
        "poststarthook/crd-informer-synced",
        "poststarthook/start-system-namespaces-controller",
        "poststarthook/start-cluster-authentication-info-controller",
        "poststarthook/start-kube-apiserver-identity-lease-controller",
        "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
        "poststarthook/start-legacy-token-tracking-controller",
        "poststarthook/start-service-ip-repair-controllers",
        "poststarthook/rbac/bootstrap-roles",
        "poststarthook/scheduling/bootstrap-system-priority-classes",
        "poststarthook/priority-and-fairness-config-producer",
        "poststarthook/bootstrap-controller",
        "poststarthook/aggregator-reload-proxy-client-cert",
        "poststarthook/start-kube-aggregator-informers",
        "poststarthook/apiservice-status-local-available-controller",
        "poststarthook/apiservice-status-remote-available-controller",
        "poststarthook/apiservice-registration-controller",
        "poststarthook/apiservice-discovery-controller",
        "poststarthook/kube-apiserver-autoregistration",
        "autoregister-completion",
        "poststarthook/apiservice-openapi-controller",
        "poststarthook/apiservice-openapiv3-controller",
    )
)


class Health:
    """The three endpoints. A check's name is what clients see; order is kept."""

    def __init__(self) -> None:
        self._checks: dict[str, list[tuple[str, Check]]] = {
            endpoint: [PING, LOG] for endpoint in ("healthz", "livez", "readyz")
        }
        self._stopping = False
        self._outcomes: dict[tuple[str, str], list[int]] = {}  # (endpoint, check) -> [good, bad, last was good]

    def stop(self) -> None:
        """The server is about to end: it is not ready any more."""
        self._stopping = True

    async def _not_stopping(self) -> str:
        return "process is shutting down" if self._stopping else ""

    async def _ask(self, endpoint: str, name: str, check: Check) -> str:
        trouble = await check()
        counts = self._outcomes.setdefault((endpoint, name), [0, 0, 1])
        counts[1 if trouble else 0] += 1
        counts[2] = 0 if trouble else 1
        return trouble

    def collect(self) -> Iterator["Metric"]:
        """kubernetes_healthcheck*, for /metrics/slis."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        last = GaugeMetricFamily(
            "kubernetes_healthcheck",
            "This metric records the result of a single healthcheck.",
            labels=("name", "type"),
        )
        total = CounterMetricFamily(
            "kubernetes_healthchecks_total",
            "This metric records the results of all healthcheck.",
            labels=("name", "type", "status"),
        )
        for (endpoint, name), (good, bad, latest) in self._outcomes.items():
            last.add_metric((name, endpoint), latest)
            for status, count in (("success", good), ("error", bad)):
                if count:
                    total.add_metric((name, endpoint, status), count)
        yield last
        yield total

    def add(self, name: str, check: Check, *, to: Sequence[str] = ("healthz", "livez", "readyz")) -> None:
        for endpoint in to:
            self._checks[endpoint].append((name, check))

    def _of(self, endpoint: str) -> list[tuple[str, Check]]:
        if endpoint == "readyz":
            return [*self._checks[endpoint], _SYNCED, *_STARTED, ("shutdown", self._not_stopping)]
        return [*self._checks[endpoint], *_STARTED]

    def install(self, routes: Routes) -> None:
        for endpoint in self._checks:
            routes.add_tree(f"/{endpoint}", self._handler(endpoint))

        async def indicators(_request: Request, _user: UserInfo, _below: str) -> Response:
            return Response(content_type=CONTENT_TYPE, body=text_of([self.collect]))

        routes.add("/metrics/slis", indicators)

    def _handler(self, endpoint: str) -> Callable[[Request, UserInfo, str], Awaitable[Response]]:
        async def handle(request: Request, _user: UserInfo, below: str) -> Response:
            if below:
                return await self._single(endpoint, below[1:])
            return await self._all(endpoint, request)

        return handle

    async def _single(self, endpoint: str, name: str) -> Response:
        check = next((check for known, check in self._of(endpoint) if known == name), None)
        if check is None:
            return page_not_found()
        trouble = await self._ask(endpoint, name, check)
        return text(500, f"internal server error: {trouble}\n", no_guess=True) if trouble else text(200, "ok")

    async def _all(self, endpoint: str, request: Request) -> Response:
        left_out = set(request.query.get("exclude", ()))
        lines, failed = [], False
        for name, check in self._of(endpoint):
            if name in left_out:
                left_out.discard(name)
                lines.append(f"[+]{name} excluded: ok\n")
                continue
            trouble = await self._ask(endpoint, name, check)
            failed = failed or bool(trouble)
            lines.append(f"[-]{name} failed: reason withheld\n" if trouble else f"[+]{name} ok\n")
        if left_out:
            names = ",".join(f'"{name}"' for name in sorted(left_out))
            lines.append(f"warn: some health checks cannot be excluded: no matches for {names}\n")
        if failed:
            return text(500, f"{''.join(lines)}{endpoint} check failed\n", no_guess=True)
        if "verbose" in request.query:
            return text(200, f"{''.join(lines)}{endpoint} check passed\n", no_guess=True)
        return text(200, "ok", no_guess=True)
