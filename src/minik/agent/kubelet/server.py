"""The kubelet's HTTPS server: logs, exec, attach, port-forward, the Pods it runs, health.

    API server --TLS, client certificate--> here --HTTP on loopback--> the runtime's streaming server

Paths are upstream's, so that any API server can use this kubelet.
https://kubernetes.io/docs/concepts/cluster-administration/system-logs/ and kubelet's pkg/kubelet/server.
"""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import orjson
from aiohttp import web

from minik.agent.kubelet.container_log import LogOptions, read_log
from minik.agent.kubelet.kubelet import Kubelet
from minik.agent.kubelet.node_logs import node_log
from minik.agent.kubelet.resource_metrics import resource_metrics
from minik.agent.kubelet.runtime_types import CRIError
from minik.agent.kubelet.server_auth import KubeletAuth
from minik.api.types import Obj
from minik.upgrade import HEAD_LIMIT, UpgradeRefused, UpgradingServer, ask, carry, upgrade_headers, upgrade_of

log = logging.getLogger("minik.kubelet.server")

CONNECT_TIMEOUT = 10.0  # seconds to reach the runtime's streaming server
ATTACH_CHECK = 1.0  # seconds between looks at a container someone is attached to
SHUTDOWN = 2.0  # seconds running requests may take to end
_TRUE = ("1", "true")
_WAITING = {"ImagePullBackOff": "trying and failing to pull image", "ErrImagePull": "image can't be pulled"}


class _Refusal(Exception):
    """Answered as plain text, as upstream's kubelet does."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class _Target:
    """A Pod, and a container of it, that a path names."""

    pod: Obj
    container: str

    @property
    def uid(self) -> str:
        return str(self.pod["metadata"]["uid"])


class KubeletServer:
    """Component "kubelet-server"."""

    name = "kubelet-server"

    def __init__(self, kubelet: Kubelet, auth: KubeletAuth, certificate: Path, key: Path, client_ca: Path) -> None:
        self._kubelet = kubelet
        self._auth = auth
        self._certificate, self._key, self._client_ca = certificate, key, client_ca

    async def run(self, ready: asyncio.Event) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate, self._key)
        context.load_verify_locations(self._client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
        handler = UpgradingServer(self._serve, access_log=None, handler_cancellation=True, logger=log)
        settings = self._kubelet.settings
        server = await asyncio.get_running_loop().create_server(
            handler, settings.address, settings.port, ssl=context, reuse_address=True
        )
        try:
            ready.set()
            await asyncio.Event().wait()
        finally:
            server.close()
            handler.pre_shutdown()
            await handler.shutdown(SHUTDOWN)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = urlsplit(request.raw_path).path
        try:
            await self._check(request, path)
            return await self._route(request, path)
        except _Refusal as refusal:
            return web.Response(status=refusal.status, text=refusal.text)
        except CRIError as error:
            return web.Response(status=500, text=error.message)

    async def _check(self, request: web.BaseRequest, path: str) -> None:
        tls = request.transport.get_extra_info("ssl_object") if request.transport else None
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        user = await self._auth.user(certificate, request.headers)
        if user is None:
            raise _Refusal(401, "Unauthorized")
        if not await self._auth.allowed(user, request.method, path):
            raise _Refusal(403, f"Forbidden (user={user.name}, verb={request.method.lower()}, resource=nodes)")

    async def _route(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        first, *rest = [unquote(part) for part in path.strip("/").split("/")]
        if first == "healthz":
            return web.Response(text="ok")
        if first in ("pods", "runningpods"):
            return _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": list(self._kubelet.pods())})
        if first == "metrics" and rest == ["resource"]:
            text = await resource_metrics(self._kubelet.runtime)
            return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
        if first == "stats" and rest == ["summary"]:
            return _json(await self._summary(request))
        if first == "logs":
            return await asyncio.to_thread(node_log, rest, slash=path.endswith("/"))
        if first == "containerLogs" and len(rest) == 3:
            return await self._logs(request, self._find(*rest))
        if first in ("exec", "attach") and len(rest) in (3, 4):
            target = self._find_with_uid(rest)
            return await self._stream(
                request, await self._command_url(request, first, target), attached=target if first == "attach" else None
            )
        if first == "portForward" and len(rest) in (2, 3):
            target = self._find_with_uid([*rest, ""])
            return await self._stream(request, await self._forward_url(request, target))
        raise _Refusal(404, "404 page not found\n")

    async def _summary(self, request: web.BaseRequest) -> Obj:
        from minik.agent.kubelet.stats_summary import stats_summary

        kubelet, brief = self._kubelet, _first_values(request).get("only_cpu_and_memory") in _TRUE
        return await stats_summary(kubelet.runtime, kubelet.node_name, kubelet.settings.root_dir, brief=brief)

    def _find_with_uid(self, parts: Sequence[str]) -> _Target:
        """namespace/pod[/uid]/container"""
        namespace, name, *uid, container = parts
        return self._find(namespace, name, container, uid=uid[0] if uid else "")

    def _find(self, namespace: str, name: str, container: str, *, uid: str = "") -> _Target:
        pod = self._kubelet.pod(namespace, name, uid)
        if pod is None:
            raise _Refusal(404, "pod does not exist")
        return _Target(pod, container)

    # -- logs

    async def _logs(self, request: web.BaseRequest, target: _Target) -> web.StreamResponse:
        query = _first_values(request)
        options, previous = _log_options(query), query.get("previous") in _TRUE
        uid, name = target.uid, target.container
        path = self._kubelet.log_path(uid, name, previous=previous)
        if path is None:
            raise _Refusal(400, self._no_log(target, previous=previous))
        found = self._kubelet.container(uid, name, previous=previous)
        identifier = found.id if found is not None else ""

        def running() -> bool:
            newest = self._kubelet.container(uid, name)
            return newest is not None and newest.id == identifier and newest.running

        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        try:
            pieces = read_log(path, options, running)
            first = await anext(pieces, b"")
        except OSError as error:
            raise _Refusal(500, f"failed to open log file {str(path)!r}: {error.strerror}") from None
        await response.prepare(request)
        if first:
            await response.write(first)
            async for piece in pieces:
                await response.write(piece)
        await response.write_eof()
        return response

    def _no_log(self, target: _Target, *, previous: bool) -> str:
        name, pod = target.container, target.pod["metadata"]["name"]
        if previous:
            return f'previous terminated container "{name}" in pod "{pod}" not found'
        status = target.pod.get("status") or {}
        kinds = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
        for found in (s for kind in kinds for s in status.get(kind) or () if s["name"] == name):
            waiting = (found.get("state") or {}).get("waiting") or {}
            reason = waiting.get("reason", "")
            why = _WAITING.get(reason, reason or "ContainerCreating")
            return f'container "{name}" in pod "{pod}" is waiting to start: {why}'
        return f'container "{name}" in pod "{pod}" is not available'

    # -- streams

    async def _command_url(self, request: web.BaseRequest, kind: str, target: _Target) -> str:
        values = parse_qs(urlsplit(request.raw_path).query, keep_blank_values=True)
        flags = {name: values.get(name, [""])[0] in _TRUE for name in ("input", "output", "error", "tty")}
        container = self._kubelet.container(target.uid, target.container)
        if container is None or not container.running:
            raise _Refusal(500, f'container not found ("{target.container}")')
        streams = {
            "stdin": flags["input"],
            "stdout": flags["output"],
            "stderr": flags["error"] and not flags["tty"],
            "tty": flags["tty"],
        }
        if kind == "exec":
            return await self._kubelet.runtime.exec_url(container.id, values.get("command", []), **streams)
        return await self._kubelet.runtime.attach_url(container.id, **streams)

    async def _forward_url(self, request: web.BaseRequest, target: _Target) -> str:
        sandbox = self._kubelet.sandbox_id(target.uid)
        if not sandbox:
            metadata = target.pod["metadata"]
            raise _Refusal(500, f'pod not found ("{metadata["name"]}_{metadata["namespace"]}")')
        values = parse_qs(urlsplit(request.raw_path).query)
        ports = [int(port) for text in values.get("port", []) for port in text.split(",") if port.isdigit()]
        return await self._kubelet.runtime.port_forward_url(sandbox, ports)

    async def _close_when_stopped(self, target: _Target, writer: asyncio.StreamWriter) -> None:
        """containerd can miss the end of a container that stops while someone attaches to it."""
        while True:
            await asyncio.sleep(ATTACH_CHECK)
            container = self._kubelet.container(target.uid, target.container)
            if container is None or not container.running:
                await asyncio.sleep(ATTACH_CHECK)  # what was written last may still be on its way
                writer.close()
                return

    async def _stream(
        self, request: web.BaseRequest, url: str, *, attached: _Target | None = None
    ) -> web.StreamResponse:
        """Carry the connection to the runtime. `attached`: end it soon after that container has stopped."""
        if not upgrade_of(request.headers):
            raise _Refusal(400, "Upgrade request required")
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=HEAD_LIMIT)
        except (OSError, TimeoutError) as error:
            raise _Refusal(500, f"cannot reach the container runtime: {error}") from None
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            head = await ask(reader, writer, request.method, path, upgrade_headers(request, parts.netloc))
            if attached is None:
                return await carry(request, reader, writer, head)
            watcher = asyncio.create_task(self._close_when_stopped(attached, writer), name="attach watcher")
            try:
                return await carry(request, reader, writer, head)
            finally:
                watcher.cancel()
        except UpgradeRefused as refused:
            raise _Refusal(refused.status, refused.body) from None
        except ConnectionError as error:
            raise _Refusal(500, str(error)) from None
        finally:
            writer.close()


def _first_values(request: web.BaseRequest) -> dict[str, str]:
    values = parse_qs(urlsplit(request.raw_path).query, keep_blank_values=True)
    return {name: found[0] for name, found in values.items()}


def _log_options(query: dict[str, str]) -> LogOptions:
    """Raises _Refusal 400 for what cannot be read."""
    try:
        since = None
        if query.get("sinceSeconds"):
            since = datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"]))
        elif query.get("sinceTime"):
            since = datetime.fromisoformat(query["sinceTime"])
        return LogOptions(
            follow=query.get("follow", "").lower() in _TRUE,
            timestamps=query.get("timestamps", "").lower() in _TRUE,
            tail=int(query.get("tailLines") or -1),
            limit=int(query.get("limitBytes") or -1),
            since=since,
            stream=query.get("stream") or "All",
        )
    except ValueError as error:
        raise _Refusal(400, str(error)) from None


def _json(obj: Obj) -> web.Response:
    return web.Response(body=orjson.dumps(obj), content_type="application/json")
