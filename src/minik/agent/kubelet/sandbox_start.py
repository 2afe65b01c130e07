"""Makes a Pod's sandbox: volumes, cgroup, log directory, RunPodSandbox, /etc/hosts."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from minik.agent.kubelet import cgroups, etc_files, pod_files, runtime_config
from minik.agent.kubelet.node_context import NodeContext
from minik.agent.kubelet.runtime_types import CRIError, PodState, Sandbox
from minik.agent.kubelet.volumes.pod_volumes import PodVolumes
from minik.agent.kubelet.volumes.volume import VolumeContext
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.resources import RUNTIME_CLASSES

Tell = Callable[[str, str, str], None]  # event type, reason, message


def sandbox_config(context: NodeContext, pod: Obj, attempt: int) -> Any:
    """The PodSandboxConfig; the same Pod gives the same one, so it can be made again after a restart."""
    dns = etc_files.pod_dns(
        pod, cluster_dns=context.cluster_dns, cluster_domain=context.cluster_domain, host=context.host_dns
    )
    return runtime_config.sandbox_config(
        pod,
        attempt=attempt,
        hostname=etc_files.sandbox_hostname(pod, context.cluster_domain),
        dns=dns,
        log_directory=runtime_config.pod_log_directory(context.settings.pod_logs_dir, pod),
        cgroup_parent=context.cgroups.pod_parent(pod),
        host=context.host,
    )


def volume_context(context: NodeContext, pod: Obj, tell: Tell, pod_ips: Sequence[str] = ()) -> VolumeContext:
    uid = pod["metadata"]["uid"]
    return VolumeContext(
        pod=pod,
        directory=context.pod_directory(uid),
        node=context.node(),
        objects=context.objects,
        tokens=context.tokens,
        client=context.client,
        images=context.images,
        tell=tell,
        pod_ips=tuple(pod_ips),
    )


async def make_sandbox(
    context: NodeContext, pod: Obj, state: PodState, attempt: int, volumes: PodVolumes, tell: Tell
) -> Sandbox:
    """Raises SetUpFailed (volumes), CRIError. Sandboxes that are left from before are stopped first."""
    if pod["spec"].get("hostUsers") is False:
        raise CRIError("FAILED_PRECONDITION", "this kubelet does not support user namespaces (hostUsers: false)")
    for old in state.sandboxes:
        await _stop_quietly(context, old)
    await volumes.set_up(volume_context(context, pod, tell))
    await asyncio.to_thread(_prepare_host, context, pod)
    config = sandbox_config(context, pod, attempt)
    handler = await _runtime_handler(context, pod)
    sandbox_id = await context.runtime.run_sandbox(config, handler)
    sandbox = await context.runtime.sandbox(sandbox_id)
    await write_hosts(context, pod, sandbox)
    return sandbox


async def write_hosts(context: NodeContext, pod: Obj, sandbox: Sandbox) -> None:
    host_network = bool(pod["spec"].get("hostNetwork"))
    content = etc_files.host_hosts() if host_network else ""
    text = etc_files.hosts_file(pod, sandbox.ips, context.cluster_domain, content)
    directory = context.pod_directory(pod["metadata"]["uid"])
    await asyncio.to_thread(pod_files.write_etc_hosts, directory, text)


async def _stop_quietly(context: NodeContext, sandbox: Sandbox) -> None:
    try:
        await context.runtime.stop_sandbox(sandbox.id)
    except CRIError as error:
        if error.code != "NOT_FOUND":
            raise


def _prepare_host(context: NodeContext, pod: Obj) -> None:
    settings = context.settings
    limits = cgroups.pod_limits(pod, cpu_cfs_quota=settings.cpu_cfs_quota, pids=settings.pod_pids_limit)
    context.cgroups.apply(context.cgroups.pod_parent(pod), limits)
    logs = runtime_config.pod_log_directory(settings.pod_logs_dir, pod)
    logs.mkdir(parents=True, exist_ok=True)


async def _runtime_handler(context: NodeContext, pod: Obj) -> str:
    name = pod["spec"].get("runtimeClassName")
    if not name:
        return ""
    try:
        runtime_class = await context.client.get(RUNTIME_CLASSES, name)
    except StatusError as error:
        raise CRIError("NOT_FOUND", f"failed to get sandbox runtime: {error.message}") from error
    return str(runtime_class["handler"])
