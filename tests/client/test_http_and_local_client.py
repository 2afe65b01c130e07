"""Both doors to one API server: the same calls give the same answers."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from minik.api.groups import load
from minik.api.request import Request, WatchEvent
from minik.api.status import StatusError
from minik.api.types import Obj, UserInfo
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.http import HttpClient
from minik.client.resources import CONFIG_MAPS, PODS
from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.http_door import HttpDoor, tls_context
from minik.server.apiserver.server import ApiServer, Hooks, Listener
from minik.server.pki import ensure_server_pki, serving_names
from minik.store.open import open_store

ADMIN = UserInfo("admin", groups=("system:masters",))


class NoAdmission:
    async def mutate(self, _: Any) -> None:
        return None

    async def validate(self, _: Any) -> None:
        return None


async def authenticate(request: Request) -> UserInfo | None:
    good = request.client_certificate is not None or request.headers.get("authorization") == "Bearer secret"
    return ADMIN if good else None


async def impersonate(wanted: UserInfo, _: Attributes) -> tuple[UserInfo, str]:
    return wanted, ""


async def authorize(_: Attributes) -> Decision:
    return Decision(True)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    hooks = Hooks(authenticate=authenticate, impersonate=impersonate, authorize=authorize, admission=NoAdmission())
    async with open_store(tmp_path / "db") as store:
        yield ApiServer(store, load(), Listener(host="", port=0, certificate=Path(), key=Path()), hooks)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Any:
    names = serving_names(
        cluster_domain="cluster.local", service_cidr="10.43.0.0/16", addresses=["127.0.0.1"], extra=()
    )
    return ensure_server_pki(tmp_path_factory.mktemp("tls"), names)


@pytest.fixture
async def address(server: ApiServer, pki: Any) -> AsyncIterator[str]:
    door = HttpDoor(server.pipeline.handle)
    context = tls_context(pki.serving.certificate, pki.serving.key, [pki.client_ca.certificate])
    listening = await door.listen("127.0.0.1", 0, context)
    yield f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    listening.close()
    await door.close()


@pytest.fixture(params=["local", "http"])
async def client(request: pytest.FixtureRequest, server: ApiServer, address: str, pki: Any) -> AsyncIterator[Client]:
    if request.param == "local":
        yield server.client(ADMIN)
        return
    ca, admin = pki.server_ca.certificate, pki.admin
    async with HttpClient(address, ca=ca, certificate=admin.certificate, key=admin.key) as over_network:
        yield over_network


def config_map(name: str, **content: Any) -> Obj:
    return {"metadata": {"name": name, "namespace": "ns"}, **content}


async def test_objects_go_in_and_come_back(client: Client) -> None:
    made = await client.create(CONFIG_MAPS, config_map("a", data={"x": "1"}))
    assert (made["kind"], made["apiVersion"]) == ("ConfigMap", "v1")
    assert await client.get(CONFIG_MAPS, "a", "ns") == made
    changed = await client.update(CONFIG_MAPS, {**made, "data": {"x": "2"}})
    assert changed["data"] == {"x": "2"}
    patched = await client.patch(
        CONFIG_MAPS, "a", {"data": {"y": "3"}}, "ns", patch_type=STRATEGIC_MERGE_PATCH, field_manager="me"
    )
    assert patched["data"] == {"x": "2", "y": "3"}
    assert (await client.delete(CONFIG_MAPS, "a", "ns", uid=made["metadata"]["uid"]))["status"] == "Success"


async def test_what_is_given_is_left_alone(client: Client) -> None:
    given = config_map("a")
    await client.create(CONFIG_MAPS, given)
    assert given == config_map("a")


async def test_lists_come_with_types_and_pages(client: Client) -> None:
    for name in ("a", "b", "c"):
        await client.create(CONFIG_MAPS, config_map(name, data={name: "1"}))
    first = await client.list(CONFIG_MAPS, "ns", limit=2)
    assert [(item["kind"], item["metadata"]["name"]) for item in first.items] == [
        ("ConfigMap", "a"),
        ("ConfigMap", "b"),
    ]
    rest = await client.list(CONFIG_MAPS, "ns", limit=2, continue_token=first.continue_token)
    assert [item["metadata"]["name"] for item in rest.items] == ["c"]
    assert rest.continue_token == ""
    await client.delete_collection(CONFIG_MAPS, "ns", field_selector="metadata.name!=b")
    assert [item["metadata"]["name"] for item in (await client.list(CONFIG_MAPS, "ns")).items] == ["b"]


async def test_refusals_are_status_errors(client: Client) -> None:
    with pytest.raises(StatusError) as raised:
        await client.get(CONFIG_MAPS, "nope", "ns")
    assert (raised.value.code, raised.value.reason) == (404, "NotFound")
    assert raised.value.details == {"name": "nope", "kind": "configmaps"}


async def test_subresources(client: Client) -> None:
    spec = {"containers": [{"name": "c", "image": "x:1"}]}
    await client.create(PODS, {"metadata": {"name": "p", "namespace": "ns"}, "spec": spec})
    binding = {"metadata": {"name": "p", "namespace": "ns"}, "target": {"kind": "Node", "name": "n"}}
    await client.create(PODS, binding, name="p", subresource="binding")
    pod = await client.patch(PODS, "p", {"status": {"phase": "Running"}}, "ns", subresource="status")
    assert (pod["spec"]["nodeName"], pod["status"]["phase"]) == ("n", "Running")


async def collect(client: Client, count: int, **options: Any) -> list[WatchEvent]:
    found: list[WatchEvent] = []
    async with asyncio.timeout(3):
        async for batch in client.watch(CONFIG_MAPS, "ns", **options):
            found += batch
            if len(found) >= count:
                break
    return found


async def test_watches(client: Client) -> None:
    made = await client.create(CONFIG_MAPS, config_map("a"))
    await client.delete(CONFIG_MAPS, "a", "ns")
    version = str(int(made["metadata"]["resourceVersion"]) - 1)
    found = await collect(client, 2, resource_version=version)
    assert [event.type for event in found] == ["ADDED", "DELETED"]
    assert found[0].obj == made
    found = await collect(client, 1, send_initial_events=True)
    assert [event.type for event in found] == ["BOOKMARK"]


async def test_a_watch_from_too_long_ago_is_gone(client: Client, server: ApiServer) -> None:
    await client.create(CONFIG_MAPS, config_map("a"))
    await client.create(CONFIG_MAPS, config_map("b"))
    store = server.registry.storage.store
    await store.compact(store.revision)
    with pytest.raises(StatusError) as raised:
        await collect(client, 1, resource_version="1")
    assert raised.value.code == 410


async def test_local_readers_share_objects(server: ApiServer) -> None:
    client = server.client(ADMIN)
    await client.create(CONFIG_MAPS, config_map("a"))
    assert await client.get(CONFIG_MAPS, "a", "ns") is (await client.list(CONFIG_MAPS, "ns")).items[0]


async def test_tokens_and_their_absence(address: str, pki: Any) -> None:
    async with HttpClient(address, ca=pki.server_ca.certificate, token=lambda: "secret") as client:
        assert (await client.list(CONFIG_MAPS)).items == []
        assert await client.raw("GET", "/readyz") == b"ok"
    async with HttpClient(address, ca=pki.server_ca.certificate) as client:
        with pytest.raises(StatusError) as raised:
            await client.list(CONFIG_MAPS)
        assert raised.value.code == 401


async def test_a_server_that_cannot_be_trusted_or_reached_is_a_connection_error(address: str) -> None:
    for url in (address, "https://127.0.0.1:1"):
        async with HttpClient(url, token="secret") as client:
            with pytest.raises(ConnectionError):
                await client.list(CONFIG_MAPS)


async def test_big_answers_are_squeezed_and_warnings_are_headers(address: str, pki: Any) -> None:
    import aiohttp

    context = ssl.create_default_context(cafile=str(pki.server_ca.certificate))
    headers = {"Authorization": "Bearer secret", "Accept-Encoding": "gzip"}
    url = f"{address}/api/v1/namespaces/ns/configmaps"
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(ssl=context)) as session:
        async with session.post(url, json={**config_map("a", data={"x": "y" * 200_000}), "odd": 1}) as answer:
            assert answer.status == 201
            assert answer.headers.getall("Warning") == ['299 - "unknown field \\"odd\\""']
            assert answer.headers["Audit-Id"]
            assert answer.headers["Cache-Control"] == "no-cache, private"
        async with session.get(url) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert len((await answer.json())["items"][0]["data"]["x"]) == 200_000
        async with session.post(url, data=b"x" * (4 << 20), headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 413


async def test_a_closing_door_ends_watches(server: ApiServer, pki: Any) -> None:
    door = HttpDoor(server.pipeline.handle)
    listening = await door.listen("127.0.0.1", 0, tls_context(pki.serving.certificate, pki.serving.key, []))
    url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    async with HttpClient(url, ca=pki.server_ca.certificate, token="secret") as client:
        await client.create(CONFIG_MAPS, config_map("a"))
        seen = asyncio.Event()

        async def watch() -> None:
            async for _ in client.watch(CONFIG_MAPS, "ns"):
                seen.set()

        watching = asyncio.create_task(watch())
        await seen.wait()
        listening.close()
        async with asyncio.timeout(2):
            await door.close()
            await watching


async def test_an_unknown_method_is_a_status(address: str, pki: Any) -> None:
    host, port = address.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=str(pki.server_ca.certificate))
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    writer.write(b"FROB /api/v1/pods HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 2)
    assert b" 405 " in answer.partition(b"\r\n")[0]
    assert b'"reason":"MethodNotAllowed"' in answer
    writer.close()
