"""A whole API server without the network: everyone may do everything, nothing is admitted or refused."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from minik.api.groups import load
from minik.api.request import Request, Response
from minik.api.types import Obj, UserInfo
from minik.client.local import LocalClient
from minik.server.apiserver.admission.attributes import AdmissionAttributes
from minik.server.apiserver.attributes import Attributes, Decision
from minik.server.apiserver.registry.keys import storage_prefix
from minik.server.apiserver.server import ApiServer, Hooks, Listener
from minik.store.open import open_store
from minik.store.store import prefix_end

ADMIN = UserInfo("admin", groups=("system:masters",))
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


class Watching:
    """Admission that lets everything pass and remembers it."""

    def __init__(self) -> None:
        self.seen: list[AdmissionAttributes] = []

    async def mutate(self, attributes: AdmissionAttributes) -> None:
        self.seen.append(attributes)

    async def validate(self, attributes: AdmissionAttributes) -> None:
        return None


@dataclass
class Api:
    server: ApiServer
    admission: Watching

    async def send(
        self, method: str, target: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        path, _, query = target.partition("?")
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        sent = {"content-type": "application/json", "user-agent": "test/1.0", **(headers or {})}
        request = Request(
            method=method, path=path, query=parse_qs(query, keep_blank_values=True), headers=sent, body=raw
        )
        return await self.server.pipeline.handle(request)

    async def __call__(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, Obj]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.send(method, target, body, headers=named)
        return response.status, orjson.loads(response.body)

    async def patch(self, target: str, body: Any, kind: str = "merge-patch+json") -> tuple[int, Obj]:
        return await self("PATCH", target, body, content_type=f"application/{kind}")

    async def config_map(self, name: str, **content: Any) -> Obj:
        metadata = {"name": name, **content.pop("metadata", {})}
        status, obj = await self("POST", CONFIG_MAPS, {"metadata": metadata, **content})
        assert status == 201, obj
        return obj

    async def pod(self, name: str, **spec: Any) -> Obj:
        containers = [{"name": "c", "image": "x:1"}]
        status, obj = await self("POST", PODS, {"metadata": {"name": name}, "spec": {"containers": containers, **spec}})
        assert status == 201, obj
        return obj

    def client(self) -> LocalClient:
        return self.server.client(ADMIN)


def assert_unchanged(server: ApiServer) -> None:
    """Decoded objects are shared by all readers: none of them may have been changed."""
    registry = server.registry
    for resource in registry.scheme:
        prefix, layout = storage_prefix(resource), registry.layout(resource)
        for kv in registry.storage.store.current(prefix, prefix_end(prefix)).kvs:
            shared = None if kv.memo is None else kv.memo.objects.get(resource.api_version)
            assert shared is None or shared == layout.fresh(kv), f"somebody changed the shared {kv.key.decode()}"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async def authenticate(_: Request) -> UserInfo:
        return ADMIN

    async def impersonate(wanted: UserInfo, _: Attributes) -> tuple[UserInfo, str]:
        return wanted, ""

    async def authorize(_: Attributes) -> Decision:
        return Decision(True)

    admission = Watching()
    hooks = Hooks(authenticate=authenticate, impersonate=impersonate, authorize=authorize, admission=admission)
    listener = Listener(host="127.0.0.1", port=0, certificate=Path(), key=Path())
    async with open_store(tmp_path) as store:
        server = ApiServer(store, load(), listener, hooks)
        yield Api(server, admission)
        assert_unchanged(server)
