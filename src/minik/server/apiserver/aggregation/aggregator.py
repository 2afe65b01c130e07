"""Serves what APIServices with a Service stand for, and keeps every APIService's Available condition.

    APIService written -> its group version goes elsewhere (503 until it is found available)
    Service, EndpointSlice or time -> the checks run again -> condition, discovery

Upstream: kube-aggregator's APIService registration and available controllers.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from minik.api.request import Request, Response
from minik.api.status import StatusError, service_unavailable
from minik.api.types import GVR, Obj, UserInfo
from minik.client.client import Client
from minik.server.apiserver.aggregation.api_service import (
    LOCAL,
    PASSED,
    Backend,
    Condition,
    backend_of,
    is_available,
    priorities_of,
    with_condition,
)
from minik.server.apiserver.aggregation.availability import obstacle
from minik.server.apiserver.aggregation.backends import Backends, unreachable
from minik.server.apiserver.aggregation.discovered import GroupVersion, resources_of
from minik.server.apiserver.aggregation.sender import identity
from minik.server.apiserver.objects import Objects
from minik.server.apiserver.request_info import RequestInfo
from minik.server.apiserver.routes import text
from minik.server.apiserver.webhooks.service_resolver import SERVICES, SLICES

if TYPE_CHECKING:
    from prometheus_client.core import Metric

log = logging.getLogger("minik.apiserver.aggregation")

API_SERVICES = GVR("apiregistration.k8s.io", "v1", "apiservices")
_RECHECK = 30.0  # seconds after which a backend is asked again, whatever has happened
_FIRST_RETRY = 0.5  # seconds after a check that failed, doubled each time
_ANSWER = 5.0  # seconds a backend has to answer the check
_FAILED = "FailedDiscoveryCheck"
_MYSELF = UserInfo("system:kube-aggregator", groups=("system:masters",))


class Aggregator:
    """The component. `elsewhere` is what the pipeline asks; discovery shows `groups` and `known` by `priorities`."""

    name = "aggregator"

    def __init__(self, objects: Objects, backends: Backends, client: Client) -> None:
        self._objects = objects
        self._backends = backends
        self._client = client
        self.elsewhere: dict[GroupVersion, Backend] = {}
        self.resources: dict[GroupVersion, list[Obj]] = {}  # of those that answered
        self._priorities: dict[str, tuple[GroupVersion, tuple[int, int]]] = {}  # by the name of the APIService
        self._available: set[GroupVersion] = set()
        self._dirty: set[str] = set()  # names of APIServices to look at
        self._wake = asyncio.Event()
        self._failing: dict[str, tuple[int, asyncio.TimerHandle]] = {}  # how often in a row, and the next try

    @property
    def known(self) -> Mapping[GroupVersion, list[Obj]]:
        """What those that are available serve."""
        return {at: found for at, found in self.resources.items() if at in self._available}

    @property
    def groups(self) -> Mapping[str, list[str]]:
        """Group -> the versions that are served elsewhere."""
        found: dict[str, list[str]] = {}
        for group, version in self.elsewhere:
            found.setdefault(group, []).append(version)
        return found

    @property
    def priorities(self) -> Mapping[GroupVersion, tuple[int, int]]:
        """Of every group version that has an APIService: its group's and its own."""
        return dict(self._priorities.values())

    def collect(self) -> Iterator["Metric"]:
        """aggregator_unavailable_apiservice, for prometheus_client."""
        from prometheus_client.core import GaugeMetricFamily

        gauge = GaugeMetricFamily(
            "aggregator_unavailable_apiservice",
            "Gauge of APIServices which are marked as unavailable broken down by APIService name.",
            labels=("name",),
        )
        for at, backend in self.elsewhere.items():
            gauge.add_metric((backend.name,), 0 if at in self._available else 1)
        yield gauge

    def load(self) -> None:
        """Take in what is stored, before the first request."""
        for api_service in self._objects.list(API_SERVICES):
            self._take_in(api_service)

    async def serve(self, backend: Backend, request: Request, info: RequestInfo, user: UserInfo) -> Response:
        """Raises StatusError for requests of this process."""
        if (backend.group, backend.version) not in self._available:
            if request.local:
                raise service_unavailable("service unavailable")
            return text(503, "service unavailable\n")
        if backend.complaint and not request.local:
            return text(500, f"{backend.complaint}\n")
        if request.local:
            from minik.server.apiserver.aggregation.in_process import ask_in_process

            return await ask_in_process(self._backends, backend, request, info, user)
        from minik.server.apiserver.aggregation.forward import forward

        return await forward(self._backends, backend, request, info, user)

    async def fetch(self, backend: Backend, path: str, accept: str = "application/json") -> bytes | None:
        """A document of a backend, asked as this server itself; None when it is not to be had."""
        headers = identity(_MYSELF)
        headers["Accept"] = accept
        try:
            async with asyncio.timeout(_ANSWER):
                async with await self._backends.ask(backend, "GET", path, headers) as answer:
                    body = await answer.read()
                    return body if answer.status == 200 else None
        except StatusError:
            return None
        except unreachable():
            return None

    async def run(self, ready: asyncio.Event) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._objects.follow([API_SERVICES], self._reset, self._follow, ready))
                following: asyncio.Task[None] | None = None
                while True:
                    await self._settle_all()
                    if self.elsewhere and following is None:
                        places = self._objects.follow([SERVICES, SLICES], _nothing, self._moved)
                        following = tasks.create_task(places)
                    await self._until_needed()
        finally:
            for _, retry in self._failing.values():
                retry.cancel()
            self._failing.clear()
            await self._backends.close()

    async def _until_needed(self) -> None:
        """Something changed, or with backends, time has passed."""
        try:
            async with asyncio.timeout(_RECHECK if self.elsewhere else None):
                await self._wake.wait()
        except TimeoutError:
            self._dirty.update(backend.name for backend in self.elsewhere.values())
        self._wake.clear()

    # -- what is there

    def _reset(self) -> None:
        present = {item["metadata"]["name"] for item in self._objects.list(API_SERVICES)}
        for backend in list(self.elsewhere.values()):
            if backend.name not in present:
                self._withdraw(backend.name)
        self._priorities = {name: said for name, said in self._priorities.items() if name in present}

    def _follow(self, _resource: GVR, api_service: Obj | None, last: Obj | None) -> None:
        if api_service is not None:
            self._take_in(api_service)
            self._look_at(api_service["metadata"]["name"])
        elif last is not None:
            self._withdraw(last["metadata"]["name"])
            self._priorities.pop(last["metadata"]["name"], None)

    def _take_in(self, api_service: Obj) -> None:
        backend = backend_of(api_service)
        name = api_service["metadata"]["name"]
        self._priorities[name] = priorities_of(api_service)
        before = next((b for b in self.elsewhere.values() if b.name == name), None)
        if before is not None and before != backend:
            self._withdraw(name)
        if backend is None:
            return
        at = (backend.group, backend.version)
        self.elsewhere[at] = backend
        self._mark(backend, available=is_available(api_service))

    def _mark(self, backend: Backend, *, available: bool) -> None:
        if available:
            self._available.add((backend.group, backend.version))
        else:
            self._available.discard((backend.group, backend.version))

    def _withdraw(self, name: str) -> None:
        for at, backend in list(self.elsewhere.items()):
            if backend.name == name:
                del self.elsewhere[at]
                self.resources.pop(at, None)
                self._available.discard(at)
        self._backends.keep_only(self.elsewhere)

    def _moved(self, _resource: GVR, obj: Obj | None, last: Obj | None) -> None:
        """A Service or EndpointSlice: look at whoever is behind one in its namespace."""
        metadata: dict[str, Any] = (obj or last or {})["metadata"]
        service = (metadata.get("labels") or {}).get("kubernetes.io/service-name", metadata["name"])
        for backend in self.elsewhere.values():
            if (backend.namespace, backend.service) == (metadata.get("namespace"), service):
                self._look_at(backend.name)

    def _look_at(self, name: str) -> None:
        self._dirty.add(name)
        self._wake.set()

    # -- availability

    async def _settle_all(self) -> None:
        names, self._dirty = self._dirty, set()
        async with asyncio.TaskGroup() as tasks:
            for name in names:
                tasks.create_task(self._settle(name))

    async def _settle(self, name: str) -> None:
        api_service = self._objects.get(API_SERVICES, name)
        if api_service is None:
            return
        backend = backend_of(api_service)
        condition = LOCAL if backend is None else obstacle(backend, self._objects) or await self._checked(backend)
        current = self._objects.get(API_SERVICES, name)
        if current is None or backend_of(current) != backend:
            return  # it says something else by now, and is looked at again
        self._schedule(name, failed=condition.reason == _FAILED)
        wanted = with_condition(current, condition, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        if wanted is None:
            return
        if backend is not None:  # so that whoever reads the condition finds it true
            self._mark(backend, available=condition.status == "True")
        try:
            await self._client.update(API_SERVICES, wanted, subresource="status")
        except StatusError as error:
            if error.code == 409:
                self._look_at(name)
            elif error.code != 404:
                log.warning("cannot write the status of APIService %s: %s", name, error)

    def _schedule(self, name: str, *, failed: bool) -> None:
        """Look again soon at who should be there and does not answer."""
        times, retry = self._failing.pop(name, (0, None))
        if retry is not None:
            retry.cancel()
        if failed:
            delay = min(_FIRST_RETRY * 2**times, _RECHECK)
            later = asyncio.get_running_loop().call_later(delay, self._look_at, name)
            self._failing[name] = (times + 1, later)

    async def _checked(self, backend: Backend) -> Condition:
        """Ask for its discovery document, and keep that."""
        from minik.server.apiserver.webhooks.refusals import connection_text

        path = backend.base_path
        shown = f"https://{backend.server_name}:{backend.port}{path}"
        headers = identity(_MYSELF)
        headers["Accept"] = "application/json"
        try:
            async with asyncio.timeout(_ANSWER):
                async with await self._backends.ask(backend, "GET", path, headers) as answer:
                    shown = str(answer.url)
                    body, status = await answer.read(), answer.status
        except TimeoutError:
            return _failing(shown, f'Get "{shown}": context deadline exceeded')
        except StatusError as error:
            return _failing(shown, error.message)
        except unreachable() as error:
            return _failing(shown, f'Get "{shown}": {connection_text(error)}')
        if not 200 <= status < 300:
            return _failing(shown, f"bad status from {shown}: {status}")
        self._learn(backend, body)
        return PASSED

    def _learn(self, backend: Backend, body: bytes) -> None:
        try:
            document = orjson.loads(body)
            resources = resources_of(document, backend.group, backend.version)
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            log.info("what %s says of itself cannot be read: %s", backend.name, error)
            return
        self.resources[backend.group, backend.version] = resources


def _failing(shown: str, why: str) -> Condition:
    return Condition("False", _FAILED, f"failing or missing response from {shown}: {why}")


def _nothing() -> None:
    return None
