"""Runs the actions that probes and lifecycle hooks have in common: exec, httpGet, tcpSocket, grpc, sleep.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-probes
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import grpc
from yarl import URL

from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import CRIError
from minik.api.types import Obj
from minik.client.tls import unverified

MAX_OUTPUT = 10 * 1024  # bytes of an answer that are kept
_SERVING = 1
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REQUESTS = 10  # of one probe, with redirects


@dataclass(frozen=True, slots=True)
class Outcome:
    """`errored`: the action itself could not be carried out. `warns`: it went well, but not as one may think."""

    ok: bool
    output: str = ""
    errored: bool = False
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The container an action is for."""

    runtime: Runtime
    container_id: str
    container: Obj
    pod_ip: str


class Handlers:
    """Carries one HTTP session. `close` it."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def run(self, handler: Obj, target: Target, limit: float, *, agent: str = "kube-probe/1.36") -> Outcome:
        """One action with a time limit in seconds. Never raises but for cancellation."""
        if handler.get("exec") is not None:
            return await _exec(handler["exec"].get("command") or [], target, limit)
        if handler.get("httpGet") is not None:
            return await self._http(handler["httpGet"], target, limit, agent)
        if handler.get("tcpSocket") is not None:
            return await _tcp(handler["tcpSocket"], target, limit)
        if handler.get("grpc") is not None:
            return await _grpc(handler["grpc"], target, limit)
        if handler.get("sleep") is not None:
            await asyncio.sleep(handler["sleep"].get("seconds", 0))
            return Outcome(True)
        return Outcome(False, "missing probe handler", errored=True)

    async def _http(self, action: Obj, target: Target, limit: float, agent: str) -> Outcome:
        try:
            port = resolve_port(action["port"], target.container)
        except ValueError as error:
            return Outcome(False, str(error), errored=True)
        scheme = (action.get("scheme") or "HTTP").lower()
        host = action.get("host") or target.pod_ip
        path = action.get("path") or "/"
        url = f"{scheme}://{bracket(host)}:{port}{path if path.startswith('/') else '/' + path}"
        try:
            async with asyncio.timeout(limit):
                return await self._get(url, action.get("httpHeaders") or (), agent)
        except TimeoutError:
            text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return Outcome(False, f'Get "{url}": {text}')
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(False, f'Get "{url}": {_connection_text(error, host, port)}')

    async def _get(self, url: str, headers: Sequence[Obj], agent: str) -> Outcome:
        """Redirects are followed on the same host only; one that leads elsewhere has answered."""
        sent = {"User-Agent": agent, "Accept": "*/*", "Connection": "close"}
        sent.update((header["name"], header.get("value", "")) for header in headers)
        session, at = self._get_session(), URL(url)
        tls = unverified() if at.scheme == "https" else True
        for _ in range(_MOST_REQUESTS):
            async with session.get(at, headers=sent, ssl=tls, allow_redirects=False) as answer:
                body = (await answer.content.read(MAX_OUTPUT)).decode(errors="replace")
                elsewhere = answer.headers.get("Location") if answer.status in _REDIRECTS else None
            if elsewhere is not None and (following := at.join(URL(elsewhere))).host == at.host:
                at = following
                continue
            if 200 <= answer.status < 300:
                return Outcome(True, body)
            if answer.status < 400:
                return Outcome(True, f"Probe terminated redirects, Response body: {body}", warns=True)
            return Outcome(False, f"HTTP probe failed with statuscode: {answer.status}")
        return Outcome(False, f'Get "{at.raw_path_qs}": stopped after {_MOST_REQUESTS} redirects')

    def _get_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(force_close=True, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        return self._session


async def _exec(command: list[str], target: Target, limit: float) -> Outcome:
    try:
        result = await target.runtime.exec_sync(target.container_id, command, limit)
    except CRIError as error:
        if error.code == "DEADLINE_EXCEEDED":
            return Outcome(False, f'command timed out: "{" ".join(command)}" timed out after {limit:g}s')
        return Outcome(False, str(error), errored=True)
    output = (result.stdout + result.stderr)[:MAX_OUTPUT].decode(errors="replace")
    return Outcome(result.exit_code == 0, output)


async def _tcp(action: Obj, target: Target, limit: float) -> Outcome:
    try:
        port = resolve_port(action["port"], target.container)
    except ValueError as error:
        return Outcome(False, str(error), errored=True)
    host = action.get("host") or target.pod_ip
    try:
        async with asyncio.timeout(limit):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Outcome(False, f"dial tcp {bracket(host)}:{port}: i/o timeout")
    except OSError as error:
        return Outcome(False, _connection_text(error, host, port))
    writer.close()
    return Outcome(True)


async def _grpc(action: Obj, target: Target, limit: float) -> Outcome:
    """grpc.health.v1.Health/Check; the two small messages are read and written by hand."""
    service = (action.get("service") or "").encode()
    request = b"\x0a" + bytes([len(service)]) + service if service else b""
    address = f"{bracket(target.pod_ip)}:{action['port']}"
    async with grpc.aio.insecure_channel(address) as channel:
        check: Any = channel.unary_unary(
            "/grpc.health.v1.Health/Check", request_serializer=lambda b: b, response_deserializer=lambda b: b
        )
        try:
            answer: bytes = await check(request, timeout=limit, wait_for_ready=False)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return Outcome(
                    False, f"error: this server does not implement the grpc health protocol: {error.details()}"
                )
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                text = f"timeout: health rpc did not complete within {limit:g}s"
                return Outcome(False, text)
            text = f"error: health rpc probe failed: rpc error: code = {error.code().name} desc = {error.details()}"
            return Outcome(False, text)
    status = answer[1] if len(answer) >= 2 and answer[0] == 0x08 else 0
    if status == _SERVING:
        return Outcome(True, "service healthy")
    names = {0: "UNKNOWN", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
    return Outcome(False, f'service unhealthy (responded with "{names.get(status, status)}")')


def resolve_port(port: int | str, container: Obj) -> int:
    """A number or a named port of the container. Raises ValueError."""
    if isinstance(port, int):
        return port
    for declared in container.get("ports") or ():
        if declared.get("name") == port:
            return int(declared["containerPort"])
    if port.isdigit():
        return int(port)
    raise ValueError(f"couldn't find port: {port}")


def bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _connection_text(error: Exception, host: str, port: int) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, ConnectionRefusedError) or "Connect call failed" in str(cause):
        return f"dial tcp {bracket(host)}:{port}: connect: connection refused"
    if isinstance(cause, (ConnectionResetError, aiohttp.ServerDisconnectedError)):
        return "EOF"
    return str(cause) or type(cause).__name__
