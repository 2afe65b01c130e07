"""What clients of exec and port-forward are told when the kubelet refuses or is not there."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from minik.api.groups import load
from minik.api.request import Request, Response
from minik.api.status import StatusError
from minik.api.types import UserInfo
from minik.server.apiserver.http_door import HttpDoor
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.request_info import resolve
from minik.server.apiserver.streaming.connect import Connect
from minik.server.apiserver.streaming.kubelets import Endpoint
from minik.server.apiserver.streaming.logs import Logs

PODS = load().get("", "v1", "pods")
POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "ns"},
    "spec": {"nodeName": "n", "containers": [{"name": "c"}]},
}
REFUSAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 23\r\n\r\ncontainer not found (c)"


class Kubelet:
    """Refuses everything, or cannot be reached."""

    def __init__(self) -> None:
        self.port = 0
        self.reachable = True

    def endpoint(self, _node: str) -> Endpoint:
        return Endpoint("127.0.0.1", self.port)

    async def connect(self, endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self.reachable:
            raise ConnectionRefusedError(111, "Connect call failed")
        return await asyncio.open_connection(endpoint.host, endpoint.port)

    @staticmethod
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(REFUSAL)
        writer.close()


class Admission:
    async def mutate(self, _: Any) -> None: ...

    async def validate(self, _: Any) -> None: ...


@pytest.fixture
async def kubelet() -> AsyncIterator[Kubelet]:
    kubelet = Kubelet()
    async with await asyncio.start_server(Kubelet.refuse, "127.0.0.1", 0) as server:
        kubelet.port = server.sockets[0].getsockname()[1]
        yield kubelet


@pytest.fixture
async def url(kubelet: Kubelet) -> AsyncIterator[str]:
    registry = SimpleNamespace(
        storage=SimpleNamespace(get=lambda *_: POD),
        layout=lambda _: SimpleNamespace(decode=lambda found: found),
        admission=Admission(),
    )

    async def handle(request: Request) -> Response:
        assert PODS is not None
        info = resolve(request.method, request.path, request.query)
        call = Call(request=request, info=info, resource=PODS, user=UserInfo("jane"))
        try:
            return await Connect(kubelet).serve(registry, call)  # type: ignore[arg-type]
        except StatusError as error:
            return Response(status=error.code, body=json.dumps(error.status()).encode())

    door = HttpDoor(handle)
    server = await door.listen("127.0.0.1", 0, None)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v1/namespaces/ns/pods/p"
    server.close()
    await door.close()


@pytest.mark.parametrize(
    ("reachable", "said"),
    [
        (True, "Internal error occurred: unable to upgrade connection: container not found (c)"),
        (
            False,
            'Internal error occurred: error sending request: Post "https://{0}/exec/ns/p/c?output=1&command=ls": '
            "dial tcp {0}: connect: connection refused",
        ),
    ],
)
async def test_exec_over_websocket_is_told_through_its_error_channel(
    kubelet: Kubelet, url: str, reachable: bool, said: str
) -> None:
    kubelet.reachable = reachable
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/exec?stdout=true&command=ls", protocols=["v5.channel.k8s.io"]) as socket,
    ):
        assert await socket.receive_bytes(timeout=5) == b"\1"
        outcome = await socket.receive_bytes(timeout=5)
        assert outcome[0] == 3
        assert json.loads(outcome[1:])["message"] == said.format(f"127.0.0.1:{kubelet.port}")
        assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


@pytest.mark.parametrize(
    ("spec", "path", "complaint"),
    [
        ({}, "exec?container=zz", "container zz is not valid for pod p"),
        ({"nodeName": ""}, "exec?container=zz", "container zz is not valid for pod p"),
        ({"nodeName": ""}, "exec", "pod p does not have a host assigned"),
        ({"nodeName": ""}, "portforward", "pod p does not have a host assigned"),
        (
            {"containers": [{"name": "c"}, {"name": "d"}], "initContainers": [{"name": "i"}]},
            "attach",
            "a container name must be specified for pod p, choose one of: [i c d]",
        ),
        ({"initContainers": [{"name": "i"}]}, "attach", "Upgrade request required"),
        ({}, "exec", "Upgrade request required"),
        ({}, "portforward?ports=80,81&ports=82", "Upgrade request required"),
        (
            {"nodeName": ""},
            "portforward?ports=80,a",
            'cannot convert to []int32: strconv.ParseUint: parsing "a": invalid syntax',
        ),
        (
            {"nodeName": ""},
            "portforward?ports=65536",
            'cannot convert to []int32: strconv.ParseUint: parsing "65536": value out of range',
        ),
    ],
)
async def test_requests_that_lead_nowhere(
    url: str, monkeypatch: pytest.MonkeyPatch, spec: Any, path: str, complaint: str
) -> None:
    monkeypatch.setitem(POD, "spec", {**POD["spec"], **spec})
    async with aiohttp.ClientSession() as session, session.get(f"{url}/{path}") as answer:
        status = await answer.json()
    assert (status["code"], status["message"]) == (400, complaint)


@pytest.mark.parametrize(
    ("query", "code", "complaint"),
    [
        ({"tailLines": "a"}, 400, 'strconv.ParseInt: parsing "a": invalid syntax'),
        ({"sinceTime": "a"}, 400, 'parsing time "a" as "2006-01-02T15:04:05Z07:00": cannot parse "a" as "2006"'),
        (
            {"limitBytes": "0", "tailLines": "-1"},
            422,
            'PodLogOptions "p" is invalid: [tailLines: Invalid value: -1: must be greater than or equal to 0, '
            "limitBytes: Invalid value: 0: must be greater than 0]",
        ),
        (
            {"sinceSeconds": "0", "sinceTime": "2020-01-01T00:00:00Z"},
            422,
            'PodLogOptions "p" is invalid: []: Forbidden: at most one of `sinceTime` or `sinceSeconds` '
            "may be specified",
        ),
        ({}, 404, 'pods "p" not found'),
    ],
)
async def test_options_of_logs_are_read_before_the_pod_is_looked_for(query: Any, code: int, complaint: str) -> None:
    assert PODS is not None
    request = Request(method="GET", path="/api/v1/namespaces/ns/pods/p/log", query={n: [v] for n, v in query.items()})
    info = resolve(request.method, request.path, request.query)
    call = Call(request=request, info=info, resource=PODS, user=UserInfo("jane"))
    registry = SimpleNamespace(storage=SimpleNamespace(get=lambda *_: None))
    with pytest.raises(StatusError) as raised:
        await Logs(Kubelet()).serve(registry, call)  # type: ignore[arg-type]
    assert (raised.value.code, raised.value.message) == (code, complaint)


async def test_who_speaks_spdy_is_handed_the_refusal(kubelet: Kubelet, url: str) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v4.channel.k8s.io"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}/exec?stdout=true&command=ls", headers=headers) as answer:
            assert (answer.status, await answer.text()) == (500, "container not found (c)")
            assert answer.headers["Audit-Id"]
            assert answer.headers["Cache-Control"] == "no-cache, private"
        kubelet.reachable = False
        async with session.post(f"{url}/portforward", headers=headers) as answer:
            status = await answer.json()
    assert status["message"] == f"error dialing backend: dial tcp 127.0.0.1:{kubelet.port}: connect: connection refused"
    assert (status["code"], status.get("reason")) == (500, None)
