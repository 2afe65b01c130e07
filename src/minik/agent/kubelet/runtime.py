"""The container runtime, spoken to in CRI over gRPC. The only module that sees protobuf.

A thin, typed face: one coroutine per CRI call that the kubelet uses, plain data out (runtime_types.py), CRIError for
what the runtime refuses. CRI: https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import grpc
from cri_api.v1 import api_pb2 as cri
from cri_api.v1.api_pb2_grpc import ImageServiceStub, RuntimeServiceStub

from minik.agent.kubelet import runtime_types as types
from minik.agent.kubelet.runtime_types import Container, ContainerState, CRIError, Image, PodState, Sandbox

DEFAULT_TIMEOUT = 120.0  # --runtime-request-timeout
SANDBOX_TIMEOUT = 240.0
MAX_MESSAGE = 16 << 20


class Runtime:
    """One connection to a runtime. Use it with `async with`, or `open` and `close`."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.channel: Any = None

    def open(self) -> None:
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 3000),
            ("grpc.default_authority", "localhost"),
        ]
        self.channel = grpc.aio.insecure_channel(self.endpoint, options=options)
        self._runtime: Any = RuntimeServiceStub(self.channel)  # type: ignore[no-untyped-call]  # generated
        self._images: Any = ImageServiceStub(self.channel)  # type: ignore[no-untyped-call]  # generated

    async def close(self) -> None:
        if self.channel is not None:
            await self.channel.close()
            self.channel = None

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # -- the runtime itself

    async def version(self) -> types.RuntimeVersion:
        answer = await _call(self._runtime.Version, cri.VersionRequest(version="v1"))
        return types.RuntimeVersion(answer.runtime_name, answer.runtime_version)

    async def conditions(self) -> list[types.RuntimeCondition]:
        """RuntimeReady and NetworkReady."""
        answer = await _call(self._runtime.Status, cri.StatusRequest(), within=10)
        return [types.RuntimeCondition(c.type, c.status, c.reason, c.message) for c in answer.status.conditions]

    async def runtime_handlers(self) -> list[types.RuntimeHandler]:
        """What the runtime tells of its handlers; older runtimes tell nothing."""
        answer = await _call(self._runtime.Status, cri.StatusRequest(), within=10)
        return [
            types.RuntimeHandler(
                handler.name, handler.features.recursive_read_only_mounts, handler.features.user_namespaces
            )
            for handler in answer.runtime_handlers
        ]

    # -- sandboxes

    async def run_sandbox(self, config: Any, handler: str = "") -> str:
        """`config` is a PodSandboxConfig (sandbox_config.py). Returns the sandbox's id."""
        request = cri.RunPodSandboxRequest(config=config, runtime_handler=handler)
        answer = await _call(self._runtime.RunPodSandbox, request, within=SANDBOX_TIMEOUT)
        return str(answer.pod_sandbox_id)

    async def stop_sandbox(self, sandbox_id: str) -> None:
        await _call(self._runtime.StopPodSandbox, cri.StopPodSandboxRequest(pod_sandbox_id=sandbox_id))

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await _call(self._runtime.RemovePodSandbox, cri.RemovePodSandboxRequest(pod_sandbox_id=sandbox_id))

    async def sandboxes(self, pod_uid: str = "") -> list[Sandbox]:
        """Newest first; without addresses."""
        request = cri.ListPodSandboxRequest()
        if pod_uid:
            request.filter.label_selector[types.POD_UID_LABEL] = pod_uid
        answer = await _call(self._runtime.ListPodSandbox, request)
        return sorted((_sandbox(item) for item in answer.items), key=lambda s: s.created_at, reverse=True)

    async def sandbox(self, sandbox_id: str) -> Sandbox:
        """One sandbox with its addresses."""
        request = cri.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id)
        status = (await _call(self._runtime.PodSandboxStatus, request)).status
        ips = [status.network.ip, *(extra.ip for extra in status.network.additional_ips)] if status.network.ip else []
        host_network = status.linux.namespaces.options.network == cri.NODE
        return _sandbox(status, ips=tuple(ips), host_network=host_network)

    async def remove_all_sandboxes(self) -> None:
        """Stop and remove every Pod at once, whoever made it."""

        async def remove(sandbox: Sandbox) -> None:
            await self.stop_sandbox(sandbox.id)
            await self.remove_sandbox(sandbox.id)

        await asyncio.gather(*(remove(sandbox) for sandbox in await self.sandboxes()), return_exceptions=True)

    # -- containers

    async def create_container(self, sandbox_id: str, config: Any, sandbox_config: Any) -> str:
        request = cri.CreateContainerRequest(pod_sandbox_id=sandbox_id, config=config, sandbox_config=sandbox_config)
        return str((await _call(self._runtime.CreateContainer, request)).container_id)

    async def start_container(self, container_id: str) -> None:
        await _call(self._runtime.StartContainer, cri.StartContainerRequest(container_id=container_id))

    async def stop_container(self, container_id: str, grace: float) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds; returns once it has exited."""
        request = cri.StopContainerRequest(container_id=container_id, timeout=int(grace))
        await _call(self._runtime.StopContainer, request, within=grace + DEFAULT_TIMEOUT)

    async def remove_container(self, container_id: str) -> None:
        await _call(self._runtime.RemoveContainer, cri.RemoveContainerRequest(container_id=container_id))

    async def containers(self, pod_uid: str = "") -> list[Container]:
        """Newest first; without what only `container` tells (times, exit code, mounts)."""
        request = cri.ListContainersRequest()
        if pod_uid:
            request.filter.label_selector[types.POD_UID_LABEL] = pod_uid
        answer = await _call(self._runtime.ListContainers, request)
        return sorted((_listed(item) for item in answer.containers), key=_age, reverse=True)

    async def container(self, container_id: str, sandbox_id: str = "") -> Container:
        """One container in full. CRI's status does not tell the sandbox: hand it in to keep it."""
        request = cri.ContainerStatusRequest(container_id=container_id)
        return _container((await _call(self._runtime.ContainerStatus, request)).status, sandbox_id)

    async def update_container(self, container_id: str, resources: Any) -> None:
        """`resources` is a LinuxContainerResources."""
        request = cri.UpdateContainerResourcesRequest(container_id=container_id, linux=resources)
        await _call(self._runtime.UpdateContainerResources, request)

    async def reopen_log(self, container_id: str) -> None:
        await _call(self._runtime.ReopenContainerLog, cri.ReopenContainerLogRequest(container_id=container_id))

    async def pod_state(self, pod_uid: str, known: PodState | None = None) -> PodState:
        """Everything about one Pod. What `known` already holds in its final state is not asked for again."""
        sandboxes, listed = await asyncio.gather(self.sandboxes(pod_uid), self.containers(pod_uid))
        old_sandboxes = {sandbox.id: sandbox for sandbox in known.sandboxes} if known else {}
        old = {container.id: container for container in known.containers} if known else {}
        containers = await asyncio.gather(*(self._refresh(item, old.get(item.id)) for item in listed))
        if sandboxes and sandboxes[0].ready:
            before = old_sandboxes.get(sandboxes[0].id)
            if before is not None and before.ready and (before.ips or before.host_network):
                sandboxes[0] = before
            else:
                sandboxes[0] = await self.sandbox(sandboxes[0].id)
        return PodState(tuple(sandboxes), tuple(container for container in containers if container is not None))

    async def _refresh(self, listed: Container, known: Container | None) -> Container | None:
        if known is not None and known.state is ContainerState.EXITED:
            return known
        if known is not None and known.running and listed.running:
            return known
        try:
            return await self.container(listed.id, listed.sandbox_id)
        except CRIError as error:
            if error.code == "NOT_FOUND":
                return None
            raise

    # -- commands and streams

    async def exec_sync(self, container_id: str, command: list[str], limit: float) -> types.ExecResult:
        """Raises CRIError DEADLINE_EXCEEDED when the command takes longer than `limit` seconds (0: no limit)."""
        request = cri.ExecSyncRequest(container_id=container_id, cmd=command, timeout=int(limit))
        answer = await _call(self._runtime.ExecSync, request, within=limit + 10 if limit else None)
        return types.ExecResult(answer.exit_code, answer.stdout, answer.stderr)

    async def exec_url(
        self, container_id: str, command: list[str], *, stdin: bool, stdout: bool, stderr: bool, tty: bool
    ) -> str:
        """Where to stream the command's standard streams (SPDY or WebSocket), on the runtime's streaming server."""
        request = cri.ExecRequest(
            container_id=container_id, cmd=command, stdin=stdin, stdout=stdout, stderr=stderr, tty=tty
        )
        return str((await _call(self._runtime.Exec, request)).url)

    async def attach_url(self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool, tty: bool) -> str:
        request = cri.AttachRequest(container_id=container_id, stdin=stdin, stdout=stdout, stderr=stderr, tty=tty)
        return str((await _call(self._runtime.Attach, request)).url)

    async def port_forward_url(self, sandbox_id: str, ports: list[int]) -> str:
        request = cri.PortForwardRequest(pod_sandbox_id=sandbox_id, port=ports)
        return str((await _call(self._runtime.PortForward, request)).url)

    # -- images

    async def images(self) -> list[Image]:
        return [_image(item) for item in (await _call(self._images.ListImages, cri.ListImagesRequest())).images]

    async def image(self, name: str) -> Image | None:
        """None: not on this node."""
        answer = await _call(self._images.ImageStatus, cri.ImageStatusRequest(image=cri.ImageSpec(image=name)))
        return _image(answer.image) if answer.HasField("image") else None

    async def image_info(self, name: str) -> dict[str, str]:
        """What the runtime adds in verbose mode; containerd: "info" is JSON with the image's chainID."""
        request = cri.ImageStatusRequest(image=cri.ImageSpec(image=name), verbose=True)
        return dict((await _call(self._images.ImageStatus, request)).info)

    async def pull_image(self, name: str, auth: dict[str, str] | None, sandbox_config: Any) -> str:
        """`auth` has AuthConfig's fields. Returns the image's reference."""
        request = cri.PullImageRequest(image=cri.ImageSpec(image=name, user_specified_image=name))
        if auth:
            request.auth.CopyFrom(cri.AuthConfig(**auth))
        if sandbox_config is not None:
            request.sandbox_config.CopyFrom(sandbox_config)
        return str((await _call(self._images.PullImage, request, within=None)).image_ref)

    async def remove_image(self, name: str) -> None:
        await _call(self._images.RemoveImage, cri.RemoveImageRequest(image=cri.ImageSpec(image=name)))

    async def image_filesystem(self) -> tuple[str, int, int]:
        """(mount point, used bytes, used inodes) of the image store."""
        answer = await _call(self._images.ImageFsInfo, cri.ImageFsInfoRequest())
        for usage in answer.image_filesystems:
            return usage.fs_id.mountpoint, usage.used_bytes.value, usage.inodes_used.value
        return "", 0, 0

    # -- statistics

    async def stats(self, pod_uid: str = "") -> list[types.ContainerStats]:
        request = cri.ListContainerStatsRequest()
        if pod_uid:
            request.filter.label_selector[types.POD_UID_LABEL] = pod_uid
        return [_stats(item) for item in (await _call(self._runtime.ListContainerStats, request)).stats]


async def _call(method: Callable[..., Awaitable[Any]], request: Any, *, within: float | None = DEFAULT_TIMEOUT) -> Any:
    try:
        return await method(request, timeout=within)
    except grpc.aio.AioRpcError as error:
        raise CRIError(error.code().name, error.details() or "") from error


def _age(container: Container) -> tuple[int, int]:
    return container.created_at, container.attempt


def _sandbox(item: Any, *, ips: tuple[str, ...] = (), host_network: bool = False) -> Sandbox:
    metadata = item.metadata
    return Sandbox(
        id=item.id,
        uid=metadata.uid,
        namespace=metadata.namespace,
        pod_name=metadata.name,
        attempt=metadata.attempt,
        ready=item.state == cri.SANDBOX_READY,
        created_at=item.created_at,
        ips=ips,
        host_network=host_network,
        labels=dict(item.labels),
    )


def _listed(item: Any) -> Container:
    return Container(
        id=item.id,
        sandbox_id=item.pod_sandbox_id,
        pod_uid=item.labels.get(types.POD_UID_LABEL, ""),
        namespace=item.labels.get(types.POD_NAMESPACE_LABEL, ""),
        pod_name=item.labels.get(types.POD_NAME_LABEL, ""),
        name=item.metadata.name,
        attempt=item.metadata.attempt,
        state=ContainerState(item.state),
        created_at=item.created_at,
        image=item.image.image,
        image_ref=item.image_ref,
        annotations=dict(item.annotations),
    )


def _container(status: Any, sandbox_id: str) -> Container:
    user = None
    if status.HasField("user") and status.user.HasField("linux"):
        linux = status.user.linux
        user = types.ContainerUser(linux.uid, linux.gid, tuple(linux.supplemental_groups))
    return Container(
        id=status.id,
        sandbox_id=sandbox_id,
        pod_uid=status.labels.get(types.POD_UID_LABEL, ""),
        namespace=status.labels.get(types.POD_NAMESPACE_LABEL, ""),
        pod_name=status.labels.get(types.POD_NAME_LABEL, ""),
        name=status.metadata.name,
        attempt=status.metadata.attempt,
        state=ContainerState(status.state),
        created_at=status.created_at,
        started_at=status.started_at,
        finished_at=status.finished_at,
        exit_code=status.exit_code,
        reason=status.reason,
        message=status.message,
        image=status.image.image,
        image_ref=status.image_ref,
        image_id=status.image_id,
        log_path=status.log_path,
        annotations=dict(status.annotations),
        mounts={mount.container_path: mount.host_path for mount in status.mounts},
        user=user,
    )


def _image(item: Any) -> Image:
    return Image(
        id=item.id,
        tags=tuple(item.repo_tags),
        digests=tuple(item.repo_digests),
        size=item.size,
        uid=item.uid.value if item.HasField("uid") else None,
        username=item.username,
        pinned=item.pinned,
    )


def _stats(item: Any) -> types.ContainerStats:
    labels = item.attributes.labels
    return types.ContainerStats(
        id=item.attributes.id,
        name=item.attributes.metadata.name,
        pod_uid=labels.get(types.POD_UID_LABEL, ""),
        namespace=labels.get(types.POD_NAMESPACE_LABEL, ""),
        pod_name=labels.get(types.POD_NAME_LABEL, ""),
        timestamp=item.cpu.timestamp or item.memory.timestamp,
        cpu_ns=item.cpu.usage_core_nano_seconds.value,
        memory_working_set=item.memory.working_set_bytes.value,
        memory_rss=item.memory.rss_bytes.value,
        memory_usage=item.memory.usage_bytes.value,
        rootfs_used=item.writable_layer.used_bytes.value,
        rootfs_inodes=item.writable_layer.inodes_used.value,
    )
