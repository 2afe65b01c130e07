"""Starts one container of a running sandbox: image, environment, mounts, create, start, postStart.

Whatever stands in the way becomes a StartError with the waiting reason that users know (ErrImagePull,
CreateContainerConfigError, ...). Restart backoff is the caller's business (pod_worker.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minik.agent.kubelet import env, pod_files, runtime_config, security
from minik.agent.kubelet.env import EnvError, EnvSources
from minik.agent.kubelet.handlers import Target
from minik.agent.kubelet.images import ImageError
from minik.agent.kubelet.lifecycle import HOOK_TIMEOUT, Tell
from minik.agent.kubelet.node_context import NodeContext
from minik.agent.kubelet.object_cache import CacheTimeout
from minik.agent.kubelet.runtime_config import ContainerMount, ContainerPlan
from minik.agent.kubelet.runtime_types import CRIError, Image, Sandbox
from minik.agent.kubelet.sandbox_start import volume_context
from minik.agent.kubelet.volumes.pod_volumes import PodVolumes
from minik.agent.kubelet.volumes.volume import VolumeError
from minik.api.types import Obj
from minik.client.resources import CONFIG_MAPS, SECRETS

CONFIG_RETRY = 10.0  # seconds; a change of the missing object comes first
CREATE_RETRY = 10.0


class StartError(Exception):
    """The container did not start. `retry` is in how many seconds to try again."""

    def __init__(self, reason: str, message: str, retry: float) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry = retry


@dataclass(frozen=True, slots=True)
class PodRun:
    """The Pod as it runs now."""

    pod: Obj
    sandbox: Sandbox
    sandbox_config: Any
    volumes: PodVolumes
    ips: Sequence[str]
    tell: Tell


async def start_container(
    context: NodeContext, run: PodRun, container: Obj, restart_count: int, target_id: str = ""
) -> str:
    """Returns the container's id. Raises StartError; a failed postStart hook stops the container again."""
    name = container["name"]

    def tell(kind: str, reason: str, message: str) -> None:
        run.tell(name, kind, reason, message)

    image_ref, image = await _image(context, run, container)
    try:
        plan = await _plan(context, run, container, restart_count, image_ref, image, target_id)
    except (EnvError, VolumeError, CacheTimeout, security.NonRootError) as error:
        tell("Warning", "Failed", f"Error: {error}")
        raise StartError("CreateContainerConfigError", str(error), CONFIG_RETRY) from error
    config = runtime_config.container_config(run.pod, container, plan, context.host)
    try:
        container_id = await context.runtime.create_container(run.sandbox.id, config, run.sandbox_config)
    except CRIError as error:
        tell("Warning", "Failed", f"Error: {error.message}")
        raise StartError("CreateContainerError", error.message, CREATE_RETRY) from error
    tell("Normal", "Created", "Container created")
    try:
        await context.runtime.start_container(container_id)
    except CRIError as error:
        tell("Warning", "Failed", f"Error: {error.message}")
        raise StartError("RunContainerError", error.message, 0.0) from error
    tell("Normal", "Started", "Container started")
    _link_log(context, run.pod, name, container_id, restart_count)
    await _post_start(context, run, container, container_id)
    return container_id


async def _image(context: NodeContext, run: PodRun, container: Obj) -> tuple[str, Image | None]:
    pod, name = run.pod, container["name"]

    def tell(kind: str, reason: str, message: str) -> None:
        run.tell(name, kind, reason, message)

    try:
        secrets = await volume_context(context, pod, tell).pull_secrets()
        return await context.images.ensure(
            pod, container, pull_secrets=secrets, sandbox_config=run.sandbox_config, tell=tell
        )
    except ImageError as error:
        raise StartError(error.reason, error.message, error.retry) from error
    except CacheTimeout as error:
        raise StartError("ErrImagePull", str(error), CONFIG_RETRY) from error


async def _plan(
    context: NodeContext,
    run: PodRun,
    container: Obj,
    restart_count: int,
    image_ref: str,
    image: Image | None,
    target_id: str,
) -> ContainerPlan:
    pod = run.pod
    security.check_non_root(pod, container, image)
    sources = await _env_sources(context, run, container)
    environment = env.make_environment(pod, container, sources)
    directory = context.pod_directory(pod["metadata"]["uid"])
    mounts = await run.volumes.mounts_of(
        container, directory, environment, recursive_read_only=context.recursive_read_only()
    )
    mounts += _own_mounts(container, directory)
    return ContainerPlan(
        attempt=restart_count,
        restart_count=restart_count,
        environment=environment,
        mounts=mounts,
        devices=(),
        image_ref=image_ref,
        image=image,
        target_id=target_id,
    )


async def _env_sources(context: NodeContext, run: PodRun, container: Obj) -> EnvSources:
    metadata = run.pod["metadata"]
    config_maps, secrets = env.referenced([container])
    found: dict[Any, dict[str, Obj]] = {CONFIG_MAPS: {}, SECRETS: {}}
    for resource, wanted in ((CONFIG_MAPS, config_maps), (SECRETS, secrets)):
        for name in wanted:
            obj = await context.objects.get(metadata["uid"], resource, metadata["namespace"], name)
            if obj is not None:
                found[resource][name] = obj
    return EnvSources(context.node(), run.ips, found[CONFIG_MAPS], found[SECRETS], context.services())


def _own_mounts(container: Obj, directory: Path) -> list[ContainerMount]:
    """/etc/hosts and the termination log, unless the container mounts something there itself."""
    taken = {mount["mountPath"].rstrip("/") for mount in container.get("volumeMounts") or ()}
    mounts = []
    hosts = directory / "etc-hosts"
    if "/etc/hosts" not in taken and hosts.exists():
        mounts.append(ContainerMount("/etc/hosts", str(hosts)))
    message_path = container.get("terminationMessagePath")
    if message_path and message_path not in taken:
        log = pod_files.make_termination_log(directory, container["name"])
        mounts.append(ContainerMount(message_path, str(log)))
    return mounts


def _link_log(context: NodeContext, pod: Obj, name: str, container_id: str, restart_count: int) -> None:
    directory = runtime_config.pod_log_directory(context.settings.pod_logs_dir, pod)
    log = directory / runtime_config.log_path(name, restart_count)
    pod_files.link_container_log(context.settings.container_logs_dir, pod, name, container_id, log)


async def _post_start(context: NodeContext, run: PodRun, container: Obj, container_id: str) -> None:
    hook = (container.get("lifecycle") or {}).get("postStart")
    if hook is None:
        return
    target = Target(context.runtime, container_id, container, run.ips[0] if run.ips else "")
    outcome = await context.handlers.run(hook, target, HOOK_TIMEOUT, agent="kube-lifecycle/1.36")
    if outcome.ok:
        return
    name = container["name"]
    run.tell(name, "Warning", "FailedPostStartHook", f"PostStartHook failed: {outcome.output}".rstrip(": "))
    run.tell(name, "Normal", "Killing", "FailedPostStartHook")
    await context.runtime.stop_container(
        container_id, float(run.pod["spec"].get("terminationGracePeriodSeconds") or 30)
    )
    raise StartError("PostStartHookError", outcome.output, 0.0)
