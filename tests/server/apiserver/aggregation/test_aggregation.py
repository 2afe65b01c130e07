"""API aggregation against an extension API server on loopback, without a network on this side."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from minik.api.groups import load
from minik.api.request import Request, Response
from minik.api.status import StatusError
from minik.api.types import GVR, Obj, UserInfo
from minik.server.apiserver.aggregation.aggregator import Aggregator
from minik.server.apiserver.aggregation.api_service import PASSED, Condition, with_condition
from minik.server.apiserver.aggregation.backends import Backends
from minik.server.apiserver.aggregation.discovered import resources_of
from minik.server.apiserver.aggregation.sender import handed_back
from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.http_door import HttpDoor
from minik.server.apiserver.objects import Objects
from minik.server.apiserver.registry.keys import object_key
from minik.server.apiserver.server import ApiServer, Hooks, Listener
from minik.server.certificates import (
    KeyPair,
    Profile,
    certificate_pem,
    issue,
    key_pem,
    new_key,
    self_signed_authority,
    write_file,
)
from minik.store.open import open_store

ADMIN = UserInfo("jane", "u1", groups=("system:masters", "dev"), extra={"Scopes/x": ("a b",)})
FLUNDERS = GVR("wardle.example.com", "v1", "flunders")
RESOURCES = [
    {
        "name": "flunders",
        "singularName": "flunder",
        "namespaced": True,
        "kind": "Flunder",
        "verbs": ["list", "get"],
        "shortNames": ["fl"],
    },
    {"name": "flunders/status", "singularName": "", "namespaced": True, "kind": "Flunder", "verbs": ["get"]},
]


class Extension:
    """Serves wardle.example.com/v1 on loopback and keeps the requests it got."""

    def __init__(self, directory: Path) -> None:
        now = datetime.now(UTC)
        authority = self_signed_authority("test", now, timedelta(days=1), new_key())
        self.ca_bundle = base64.b64encode(certificate_pem(authority.certificate)).decode()
        serving = self._pair(
            directory, "serving", authority, Profile(common_name="x", sans=["wardle.ns.svc"], server=True)
        )
        self.front_proxy = self._pair(
            directory, "client", authority, Profile(common_name="system:auth-proxy", client=True)
        )
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(serving.certificate, serving.key)
        self._tls.load_verify_locations(cadata=certificate_pem(authority.certificate).decode())
        self._tls.verify_mode = ssl.CERT_REQUIRED
        self.requests: list[web.Request] = []
        self.healthy = True

    @staticmethod
    def _pair(directory: Path, name: str, authority: Any, profile: Profile) -> KeyPair:
        pair, key = KeyPair.named(directory, name), new_key()
        write_file(pair.key, key_pem(key))
        write_file(pair.certificate, certificate_pem(issue(authority, profile, key.public_key(), datetime.now(UTC))))
        return pair

    async def __aenter__(self) -> "Extension":
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        base = "/apis/wardle.example.com/v1"
        if request.path == base:
            document = {"kind": "APIResourceList", "groupVersion": "wardle.example.com/v1", "resources": RESOURCES}
            return web.json_response(document, status=200 if self.healthy else 500)
        if request.path == "/openapi/v3":
            return web.json_response({"paths": {base[1:]: {"serverRelativeURL": f"/openapi/v3{base}?hash=1"}}})
        if request.path.endswith("/shell"):
            socket = web.WebSocketResponse(protocols=("echo",))
            await socket.prepare(request)
            async for message in socket:
                await socket.send_bytes(message.data)
            return socket
        if request.query.get("watch"):
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            for name in ("a", "b"):
                event = {"type": "ADDED", "object": {"metadata": {"name": name}}}
                await response.write(orjson.dumps(event) + b"\n")
            return response
        if request.method == "GET" and request.path.endswith("/flunders"):
            items = [{"metadata": {"name": "a"}}]
            metadata = {"resourceVersion": "7"}
            return web.json_response(
                {"kind": "FlunderList", "apiVersion": "wardle.example.com/v1", "metadata": metadata, "items": items}
            )
        if request.path.endswith("/missing"):
            return web.json_response(
                {"kind": "Status", "reason": "NotFound", "message": "gone", "code": 404}, status=404
            )
        return web.json_response({"said": await request.text()}, status=201)


class Cluster:
    """An API server with the aggregator, both on a store of its own."""

    def __init__(self, server: ApiServer, aggregator: Aggregator, extension: Extension) -> None:
        self.server, self.aggregator, self.extension = server, aggregator, extension
        self.client = server.client(ADMIN)

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        query = {}
        path, _, text = path.partition("?")
        if text:
            name, _, value = text.partition("=")
            query = {name: [value]}
        sent = {"accept": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        request = Request(method=method, path=path, query=query, headers=sent, body=body)
        return await self.server.pipeline.handle(request)

    async def add_service(self, port: int = 443) -> None:
        spec = {
            "clusterIP": "None",
            "clusterIPs": ["None"],
            "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
        }
        await self.client.create(
            GVR("", "v1", "services"), {"metadata": {"name": "wardle", "namespace": "ns"}, "spec": spec}
        )

    async def add_endpoints(self) -> None:
        """Straight into the store, since no Endpoint may be on loopback."""
        labels = {"kubernetes.io/service-name": "wardle"}
        obj = {
            "metadata": {"name": "wardle-1", "namespace": "ns", "labels": labels},
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": self.extension.port, "protocol": "TCP"}],
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
        }
        registry = self.server.registry
        resource = registry.scheme.get("discovery.k8s.io", "v1", "endpointslices")
        assert resource is not None
        value = registry.layout(resource).encode(obj)
        await registry.storage.insert(resource, object_key(resource, "ns", "wardle-1"), value)

    async def add_api_service(self, **spec: Any) -> None:
        whole = {
            "group": "wardle.example.com",
            "version": "v1",
            "groupPriorityMinimum": 1000,
            "versionPriority": 10,
            "service": {"name": "wardle", "namespace": "ns", "port": 443},
            "caBundle": self.extension.ca_bundle,
            **spec,
        }
        obj = {"metadata": {"name": "v1.wardle.example.com"}, "spec": whole}
        await self.client.create(GVR("apiregistration.k8s.io", "v1", "apiservices"), obj)

    async def condition(self, reason: str) -> Obj:
        """The Available condition, once it has that reason."""
        resource, name = GVR("apiregistration.k8s.io", "v1", "apiservices"), "v1.wardle.example.com"
        async with asyncio.timeout(5):
            async for batch in self.client.watch(resource, field_selector=f"metadata.name={name}"):
                for event in batch:
                    for found in (event.obj.get("status") or {}).get("conditions") or ():
                        if found["reason"] == reason:
                            return dict(found)
        raise AssertionError(f"the watch ended before {reason}")

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not holds():  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.005)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async def authenticate(_: Request) -> UserInfo | None:
        return ADMIN

    async def impersonate(wanted: UserInfo, _: Attributes) -> tuple[UserInfo, str]:
        return wanted, ""

    async def authorize(_: Attributes) -> Decision:
        return Decision(True)

    class Nothing:
        async def mutate(self, _: object) -> None: ...

        async def validate(self, _: object) -> None: ...

    scheme = load({})
    hooks = Hooks(authenticate=authenticate, impersonate=impersonate, authorize=authorize, admission=Nothing())
    async with open_store(tmp_path / "db") as store, Extension(tmp_path) as extension:
        listener = Listener(host="127.0.0.1", port=0, certificate=tmp_path, key=tmp_path)
        server = ApiServer(store, scheme, listener, hooks)
        objects = Objects(store, scheme, server.registry.storage.layouts)
        backends = Backends(objects, extension.front_proxy.certificate, extension.front_proxy.key)
        aggregator = Aggregator(objects, backends, server.client(UserInfo("me", groups=("system:masters",))))
        server.aggregate(aggregator)
        ready = asyncio.Event()
        task = asyncio.create_task(aggregator.run(ready))
        await ready.wait()
        try:
            yield Cluster(server, aggregator, extension)
        finally:
            task.cancel()
            await asyncio.wait([task])


async def available(cluster: Cluster) -> None:
    await cluster.add_service()
    await cluster.add_endpoints()
    await cluster.add_api_service()
    await cluster.condition("Passed")


async def test_conditions_follow_service_and_endpoints(cluster: Cluster) -> None:
    await cluster.add_api_service()
    found = await cluster.condition("ServiceNotFound")
    assert (found["status"], found["message"]) == ("False", 'service/wardle in "ns" is not present')
    refused = await cluster.send("GET", "/apis/wardle.example.com/v1/flunders")
    assert (refused.status, refused.body) == (503, b"service unavailable\n")
    await cluster.add_service()
    await cluster.condition("EndpointsNotFound")
    await cluster.add_endpoints()
    found = await cluster.condition("Passed")
    assert (found["status"], found["message"]) == ("True", "all checks passed")


async def test_failing_discovery_is_not_available(cluster: Cluster) -> None:
    cluster.extension.healthy = False
    await cluster.add_service()
    await cluster.add_endpoints()
    await cluster.add_api_service()
    found = await cluster.condition("FailedDiscoveryCheck")
    assert found["status"] == "False"
    assert "bad status from https://127.0.0.1" in found["message"]


async def test_who_did_not_answer_is_asked_again_soon(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minik.server.apiserver.aggregation.aggregator._FIRST_RETRY", 0.01)
    cluster.extension.healthy = False
    await cluster.add_service()
    await cluster.add_endpoints()
    await cluster.add_api_service()
    await cluster.condition("FailedDiscoveryCheck")
    cluster.extension.healthy = True
    await cluster.condition("Passed")


def test_headers_are_found_however_they_are_spelled() -> None:
    found = handed_back({"content-type": "a/b", "content-encoding": "gzip", "connection": "close", "X-A": "1"})
    assert found == {"Content-Type": "a/b", "Content-Encoding": "gzip", "X-A": "1"}


async def test_a_ca_bundle_that_did_not_sign_is_refused(cluster: Cluster) -> None:
    other = certificate_pem(self_signed_authority("o", datetime.now(UTC), timedelta(days=1), new_key()).certificate)
    await cluster.add_service()
    await cluster.add_endpoints()
    await cluster.add_api_service(caBundle=base64.b64encode(other).decode())
    found = await cluster.condition("FailedDiscoveryCheck")
    assert "x509: certificate signed by unknown authority" in found["message"]


async def test_the_extension_learns_who_asks(cluster: Cluster) -> None:
    await available(cluster)
    answer = await cluster.send(
        "POST",
        "/apis/wardle.example.com/v1/namespaces/ns/flunders?dryRun=All",
        b"hello",
        authorization="Bearer secret",
        x_remote_user="mallory",
        content_type="application/json",
    )
    assert (answer.status, orjson.loads(answer.body)) == (201, {"said": "hello"})
    got = cluster.extension.requests[-1]
    assert (got.headers["X-Remote-User"], got.headers["X-Remote-Uid"]) == ("jane", "u1")
    assert got.headers.getall("X-Remote-Group") == ["system:masters", "dev"]
    assert got.headers["X-Remote-Extra-scopes%2fx".replace("%2f", "%2F")] == "a b"
    assert "Authorization" not in got.headers
    assert got.query_string == "dryRun=All"


async def test_watches_stream_through(cluster: Cluster) -> None:
    await available(cluster)
    answer = await cluster.send("GET", "/apis/wardle.example.com/v1/flunders?watch=1")
    assert answer.stream is not None
    lines = b"".join([chunk async for chunk in answer.stream]).splitlines()
    assert [orjson.loads(line)["object"]["metadata"]["name"] for line in lines] == ["a", "b"]


async def test_this_process_gets_objects(cluster: Cluster) -> None:
    await available(cluster)
    listed = await cluster.client.list(FLUNDERS)
    assert (listed.items[0]["kind"], listed.resource_version) == ("Flunder", "7")
    with pytest.raises(StatusError) as caught:
        await cluster.client.get(FLUNDERS, "missing", "ns")
    assert (caught.value.code, caught.value.reason) == (404, "NotFound")
    seen = [event.obj["metadata"]["name"] async for batch in cluster.client.watch(FLUNDERS) for event in batch]
    assert seen == ["a", "b"]


async def test_discovery_shows_the_group(cluster: Cluster) -> None:
    await available(cluster)
    groups = orjson.loads((await cluster.send("GET", "/apis")).body)["groups"]
    assert groups[-1]["preferredVersion"]["groupVersion"] == "wardle.example.com/v1"
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    document = orjson.loads((await cluster.send("GET", "/apis", accept=accept)).body)
    version = document["items"][-1]["versions"][0]
    assert (version["freshness"], version["resources"][0]["responseKind"]["kind"]) == ("Current", "Flunder")
    assert version["resources"][0]["subresources"][0]["subresource"] == "status"
    index = orjson.loads((await cluster.send("GET", "/openapi/v3")).body)
    assert index["paths"]["apis/wardle.example.com/v1"]["serverRelativeURL"].endswith("hash=1")
    await cluster.client.delete(GVR("apiregistration.k8s.io", "v1", "apiservices"), "v1.wardle.example.com")
    await cluster.until(lambda: not cluster.aggregator.elsewhere)
    assert (await cluster.send("GET", "/apis/wardle.example.com/v1/flunders")).status == 404


def test_a_condition_that_stands_is_not_written_again() -> None:
    obj: Obj = {"metadata": {"name": "x"}, "spec": {}}
    first = with_condition(obj, PASSED, "t1")
    assert first is not None
    assert with_condition(first, PASSED, "t2") is None
    second = with_condition(first, Condition("True", "Local", "m"), "t2")
    assert second is not None
    assert second["status"]["conditions"][0]["lastTransitionTime"] == "t1"


def test_a_subresource_without_its_parent_is_kept() -> None:
    found = resources_of({"resources": [{**RESOURCES[1]}]}, "g", "v1")
    assert found[0]["resource"] == "flunders"
    assert found[0]["subresources"][0]["verbs"] == ["get"]


async def test_upgrades_go_through_both_ways(cluster: Cluster) -> None:
    await available(cluster)
    door = HttpDoor(cluster.server.pipeline.handle)
    listening = await door.listen("127.0.0.1", 0, None)
    port = listening.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}/apis/wardle.example.com/v1/namespaces/ns/flunders/a/shell"
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(url, protocols=("echo",)) as socket:
            await socket.send_bytes(b"x" * 100_000)
            answer = await socket.receive_bytes()
            assert (socket.protocol, len(answer)) == ("echo", 100_000)
    finally:
        listening.close()
        await door.close()
    assert cluster.extension.requests[-1].headers["X-Remote-User"] == "jane"
