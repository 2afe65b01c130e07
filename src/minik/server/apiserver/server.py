"""The API server: registry, pipeline and HTTP door put together as one component.

    HttpDoor --\\
                Pipeline -> Dispatcher -> registry handlers -> Storage -> Store
    LocalClient -/

What is still to be found out about a request's sender (Hooks) is handed in, so that the parts can be tested alone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minik.api.scheme import Scheme
from minik.api.types import UserInfo
from minik.client.local import LocalClient
from minik.server.apiserver.admission.attributes import Admission
from minik.server.apiserver.aggregation.aggregator import Aggregator
from minik.server.apiserver.aggregation.schemas import RemoteSchemas
from minik.server.apiserver.attributes import Authorize
from minik.server.apiserver.flowcontrol.flow_control import FlowControl
from minik.server.apiserver.flowcontrol.inflight import InflightLimits
from minik.server.apiserver.flowcontrol.work_estimate import WorkEstimate
from minik.server.apiserver.handlers import flow_control_debug, root, version
from minik.server.apiserver.handlers import metrics as metrics_handler
from minik.server.apiserver.handlers.component_status import ComponentStatuses
from minik.server.apiserver.handlers.discovery import Discovery
from minik.server.apiserver.handlers.health import Health
from minik.server.apiserver.handlers.openapi import OpenAPI
from minik.server.apiserver.http_door import HttpDoor, tls_context
from minik.server.apiserver.metrics import Metrics
from minik.server.apiserver.pipeline import Authenticate, Impersonate, Pipeline
from minik.server.apiserver.registry.dispatch import Dispatcher
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.storage import EVENT_TTL, Storage
from minik.server.apiserver.routes import Routes
from minik.server.apiserver.short_way import Credentials, ShortWay
from minik.server.apiserver.subresources import registration
from minik.server.apiserver.tls_handshakes import HandshakeErrors
from minik.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Who sends a request, what they may do, and what is made of what they write."""

    authenticate: Authenticate
    impersonate: Impersonate
    authorize: Authorize
    admission: Admission
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Where to listen. `client_cas` verify client certificates: the client CA and the request-header CA."""

    host: str
    port: int
    certificate: Path
    key: Path
    client_cas: Sequence[Path] = ()
    advertised: str = "127.0.0.1"  # the address discovery tells clients


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many requests are served at once, for how long, and how long Events stay.

    `fair`: priority and fairness shares the seats out.
    """

    fair: bool = True
    reading: int = 400
    writing: int = 200
    request_timeout: float = 60.0  # seconds
    event_ttl: int = EVENT_TTL  # seconds

    def flow_control(self) -> FlowControl:
        if not self.fair:
            return InflightLimits(self.reading, self.writing)
        return FlowControl(self.reading + self.writing, self.request_timeout / 4)


class ApiServer:
    """The component. Until it runs, others register with `registry`, `dispatcher`, `routes` and `health`."""

    name = "apiserver"

    def __init__(
        self, store: Store, scheme: Scheme, listener: Listener, hooks: Hooks, limits: Limits | None = None
    ) -> None:
        limits = limits or Limits()
        self._listener = listener
        self.metrics = Metrics()
        self.registry = Registry(
            storage=Storage(store, event_ttl=limits.event_ttl),
            scheme=scheme,
            admission=hooks.admission,
            authorize=hooks.authorize,
        )
        self.dispatcher = Dispatcher(self.registry)
        self.routes = Routes()
        self.health = Health()
        self.flow_control = limits.flow_control()
        self.flow_control.estimate = WorkEstimate(self.registry.object_count, self.registry.watcher_count)
        self.pipeline = Pipeline(
            self.dispatcher,
            self.routes,
            authenticate=hooks.authenticate,
            impersonate=hooks.impersonate,
            authorize=hooks.authorize,
            flow_control=self.flow_control,
            metrics=self.metrics.requests,
            request_timeout=limits.request_timeout,
        )
        self._short_way = ShortWay(
            self.pipeline,
            self.registry.storage,
            scheme,
            self.flow_control,
            self.metrics.requests,
            hooks.credentials,
        )
        self.handshakes = HandshakeErrors()
        self.metrics.add(self.flow_control.collect)
        self.metrics.add(self.handshakes.collect)
        self.metrics.add(self.registry.watch_events.collect)
        self.health.install(self.routes)
        version.install(self.routes)
        metrics_handler.install(self.routes, self.metrics)
        flow_control_debug.install(self.routes, self.flow_control)
        root.install(self.routes, scheme)
        self._discovery = Discovery(scheme, f"{listener.advertised}:{listener.port}")
        self._discovery.install(self.routes)
        self._openapi = OpenAPI(scheme)
        self._openapi.install(self.routes)
        registration.install(self.dispatcher)
        self.health.add("etcd", self._store_answers)
        component_statuses = ComponentStatuses(self._store_answers)
        self.dispatcher.add_virtual("", "componentstatuses", component_statuses.serve)

    def aggregate(self, aggregator: Aggregator) -> None:
        """Send requests for what other API servers serve to them, and tell clients of it."""
        self.pipeline.aggregation = self._discovery.elsewhere = aggregator
        self._openapi.elsewhere = RemoteSchemas(aggregator)
        self.metrics.add(aggregator.collect)

    def client(self, user: UserInfo, *, agent: str = "minik") -> LocalClient:
        """The API as `user` sees it, without a network in between. `agent` names the field manager of its writes."""
        return LocalClient(self.pipeline.handle, user, agent=agent)

    async def _store_answers(self) -> str:
        await self.registry.storage.store.status()
        return ""

    async def run(self, ready: asyncio.Event) -> None:
        listener = self._listener
        context = tls_context(listener.certificate, listener.key, listener.client_cas)
        self.handshakes.watch(context)
        door = HttpDoor(self.pipeline.handle, self._short_way.answer)
        server = await door.listen(listener.host, listener.port, context)
        try:
            ready.set()
            await asyncio.get_running_loop().create_future()
        finally:
            server.close()
            await door.close()
