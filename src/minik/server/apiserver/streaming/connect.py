"""`pods/exec`, `pods/attach` and `pods/portforward`: from an authorised request to a connection with the kubelet.

    WebSocket v5, port-forward over WebSocket -> translated here to SPDY
    WebSocket v4 and older, SPDY              -> carried through byte by byte

Upstream: registry/core/pod/rest, KEP-4006.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import orjson
from aiohttp import web

from minik.api.request import Response
from minik.api.status import StatusError, bad_request, internal_error
from minik.api.types import Obj
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.streaming import port_forward, remote_command
from minik.server.apiserver.streaming.admission import admit
from minik.server.apiserver.streaming.kubelets import Endpoint, Kubelets, container_of, host_of, unreachable
from minik.server.apiserver.streaming.spdy import SpdyConnection
from minik.upgrade import UpgradeRefused, ask, carry, upgrade_headers, upgrade_of

_STREAM_NAMES = {"exec": ("stdin", "stdout", "stderr", "tty"), "attach": ("stdin", "stdout", "stderr", "tty")}
_KUBELET_PATHS = {"exec": "exec", "attach": "attach", "portforward": "portForward"}
_KUBELET_FLAGS = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}


@dataclass(frozen=True, slots=True)
class Connect:
    """Serves the three subresources of Pods."""

    kubelets: Kubelets

    async def serve(self, registry: Registry, call: Call) -> Response:
        if call.info.subresource == "portforward":
            _check_ports(call)
        current = registry.storage.get(call.resource, call.namespace, call.name)
        if current is None:
            raise call.not_found()
        pod = registry.layout(call.resource).decode(current)
        await admit(registry, call)
        container = "" if call.info.subresource == "portforward" else container_of(pod, call.parameter("container"))
        kubelet = self.kubelets.endpoint(host_of(pod))
        if call.request.local or not upgrade_of(call.request.headers):
            raise bad_request("Upgrade request required")
        path = _kubelet_path(call, pod, container)
        silence = _silence(call, pod, container)

        async def upgrade(incoming: web.BaseRequest) -> web.StreamResponse:
            offered = [p.strip() for p in incoming.headers.get("Sec-WebSocket-Protocol", "").split(",")]
            if call.info.subresource != "portforward" and remote_command.PROTOCOL in offered:
                return await self._translate(incoming, call, kubelet, path, silence)
            tunnel = call.info.subresource == "portforward" and port_forward.PROTOCOL in offered
            return await self._carry(incoming, kubelet, path, tunnel=tunnel)

        return Response(upgrade=upgrade)

    async def _translate(
        self, incoming: web.BaseRequest, call: Call, kubelet: Endpoint, path: str, silence: bytes
    ) -> web.StreamResponse:
        """The WebSocket is opened whatever the kubelet says; what went wrong is told through its error channel."""
        socket = web.WebSocketResponse(protocols=(remote_command.PROTOCOL,), max_msg_size=0, compress=False)
        await socket.prepare(incoming)
        opened = remote_command.channels({n: values[0] for n, values in call.request.query.items() if values})
        writer: asyncio.StreamWriter | None = None
        try:
            await remote_command.say_established(socket, opened)
            reader, writer = await self.kubelets.connect(kubelet)
            await _upgrade_kubelet(reader, writer, kubelet.authority, path, remote_command.SPDY_PROTOCOL)
            async with SpdyConnection(reader, writer) as spdy:
                await remote_command.translate(socket, spdy, opened, silence=silence)
        except UpgradeRefused as error:
            await remote_command.report(socket, internal_error(f"unable to upgrade connection: {error.body}"))
        except OSError as error:
            url = f'Post "https://{kubelet.authority}{path}"'
            text = f"error sending request: {url}: {unreachable(kubelet, error)}"
            await remote_command.report(socket, internal_error(text))
        finally:
            if writer is not None:
                writer.close()
        await socket.close()
        return socket

    async def _carry(
        self, incoming: web.BaseRequest, kubelet: Endpoint, path: str, *, tunnel: bool
    ) -> web.StreamResponse:
        """Byte by byte, inside of WebSocket messages if it is a `tunnel`. A refusal is handed on as it is."""
        try:
            reader, writer = await self.kubelets.connect(kubelet)
        except OSError as error:
            status = StatusError(500, "", f"error dialing backend: {unreachable(kubelet, error)}")
            return web.json_response(status.status(), status=status.code)
        authority = kubelet.authority
        try:
            if not tunnel:
                head = await ask(reader, writer, incoming.method, path, upgrade_headers(incoming, authority))
                return await carry(incoming, reader, writer, head)
            await _upgrade_kubelet(reader, writer, authority, path, port_forward.SPDY_PROTOCOL)
            socket = web.WebSocketResponse(protocols=(port_forward.PROTOCOL,), max_msg_size=0, compress=False)
            await socket.prepare(incoming)
            await port_forward.carry_messages(socket, reader, writer)
            await socket.close()
            return socket
        except UpgradeRefused as refused:
            return web.Response(status=refused.status, text=refused.body)
        except ConnectionError as error:
            status = StatusError(500, "", str(error))
            return web.json_response(status.status(), status=status.code)
        finally:
            writer.close()


def _check_ports(call: Call) -> None:
    """Raises StatusError 400 for what is no number of 16 bits, as upstream reads its own option."""
    for text in (port for ports in call.parameters("ports") for port in ports.split(",")):
        number = int(text) if text.isascii() and text.isdigit() else -1
        if not 0 <= number < 1 << 16:
            problem = "invalid syntax" if number < 0 else "value out of range"
            raise bad_request(f'cannot convert to []int32: strconv.ParseUint: parsing "{text}": {problem}')


def _kubelet_path(call: Call, pod: Obj, container: str) -> str:
    """The kubelet's own URL for this request. Raises StatusError for options that make no sense."""
    subresource, meta = call.info.subresource, pod["metadata"]
    base = f"/{_KUBELET_PATHS[subresource]}/{quote(meta['namespace'])}/{quote(meta['name'])}"
    if subresource == "portforward":
        return f"{base}?{_query([('port', p) for p in call.parameters('ports')])}"
    flags = [name for name in _STREAM_NAMES[subresource] if _true(call.parameter(name))]
    if not set(flags) - {"tty"}:
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    values = [(_KUBELET_FLAGS[name], "1") for name in flags if not (name == "stderr" and "tty" in flags)]
    if subresource == "exec":
        commands = call.parameters("command")
        if not commands:
            raise bad_request("you must specify a command")
        values += [("command", command) for command in commands]
    return f"{base}/{quote(container)}?{_query(values)}"


def _silence(call: Call, pod: Obj, name: str) -> bytes:
    """What to answer who attaches to a program made for one visitor (kubectl run -it) and gets nothing of it."""
    if call.info.subresource != "attach":
        return b""
    container: Obj = next((c for c in pod["spec"]["containers"] if c["name"] == name), {})
    if not container.get("stdinOnce"):
        return b""
    status = internal_error("the container ended before its output could be attached to")
    return orjson.dumps(status.status())


def _true(text: str) -> bool:
    return text.lower() in ("1", "true")


def _query(values: Sequence[tuple[str, str]]) -> str:
    return urlencode(values)


async def _upgrade_kubelet(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, path: str, protocol: str
) -> None:
    headers = {
        "Host": authority,
        "Connection": "Upgrade",
        "Upgrade": "SPDY/3.1",
        "X-Stream-Protocol-Version": protocol,
    }
    await ask(reader, writer, "POST", path, headers)
