"""All volumes of one Pod: set up before its containers, kept current while they run, torn down after them.

`set_up` may be called again at any time: what is there already stays, what failed is tried again, and content from
ConfigMaps, Secrets, the Pod itself and tokens is brought up to date.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import ModuleType

from minik.agent import mounts
from minik.agent.kubelet.env import expand
from minik.agent.kubelet.object_cache import CacheTimeout
from minik.agent.kubelet.quantities import all_containers
from minik.agent.kubelet.runtime_config import ContainerMount
from minik.agent.kubelet.volumes import (
    atomic_writer,
    config_map,
    downward_api,
    empty_dir,
    host_path,
    image,
    ownership,
    persistent_volume,
    projected,
    secret,
    subpath,
)
from minik.agent.kubelet.volumes.volume import ImageVolumeError, Payload, VolumeContext, VolumeError
from minik.api.status import StatusError
from minik.api.types import Obj

log = logging.getLogger("minik.kubelet")

_PAYLOAD_KINDS: Mapping[str, ModuleType] = {
    "configMap": config_map,
    "secret": secret,
    "downwardAPI": downward_api,
    "projected": projected,
}
_PATH_KINDS: Mapping[str, Callable[[Obj, VolumeContext], Awaitable[Path]]] = {
    "emptyDir": empty_dir.set_up,
    "hostPath": host_path.set_up,
    "persistentVolumeClaim": persistent_volume.set_up,
    "ephemeral": persistent_volume.set_up,
    "nfs": persistent_volume.set_up_inline,
    "image": image.set_up,
}
_ALWAYS_READ_ONLY = (*_PAYLOAD_KINDS, "image")


class SetUpFailed(Exception):
    """Some volumes are not there yet: name -> why. Of `images`, whose image is not there, also a reason."""

    def __init__(self, errors: Mapping[str, str], images: Mapping[str, tuple[str, str]]) -> None:
        super().__init__("; ".join([*errors.values(), *(message for _, message in images.values())]))
        self.errors = errors
        self.images = images

    def waiting(self, pod: Obj) -> dict[str, tuple[str, str]]:
        """Container -> reason and message, of those that wait for an image to mount."""
        return {
            container["name"]: self.images[mount["name"]]
            for container in all_containers(pod)
            for mount in container.get("volumeMounts") or ()
            if mount["name"] in self.images
        }


class PodVolumes:
    """The volumes of one Pod. `renew_at` is when `set_up` must run again (seconds since the epoch; 0: never)."""

    def __init__(self) -> None:
        self.paths: dict[str, Path] = {}
        self._read_only: set[str] = set()
        self._images: dict[str, tuple[str, str]] = {}  # those whose image is not there: reason, message
        self.renew_at = 0.0

    async def set_up(self, context: VolumeContext) -> None:
        """Raises SetUpFailed."""
        self.renew_at = 0.0
        self._images.clear()
        wanted = context.pod["spec"].get("volumes") or ()
        results = await asyncio.gather(*(self._one(volume, context) for volume in wanted))
        errors = {name: error for name, error in results if error}
        if errors or self._images:
            raise SetUpFailed(errors, dict(self._images))

    async def _one(self, volume: Obj, context: VolumeContext) -> tuple[str, str]:
        name = volume["name"]
        try:
            kind = next((key for key in volume if key in _PAYLOAD_KINDS or key in _PATH_KINDS), None)
            if kind is None and len(volume) == 1:
                kind, volume = "emptyDir", {**volume, "emptyDir": {}}
            if kind is None:
                raise VolumeError(f"no volume plugin matched: {', '.join(k for k in volume if k != 'name')}")
            if kind in _PAYLOAD_KINDS:
                self.paths[name] = await self._write_payload(kind, volume, context)
            elif name not in self.paths:
                path = await _PATH_KINDS[kind](volume, context)
                if kind == "emptyDir":
                    await ownership.give_to_pod(path, context.pod)
                self.paths[name] = path
            if kind in _ALWAYS_READ_ONLY or (volume[kind] or {}).get("readOnly"):
                self._read_only.add(name)
        except ImageVolumeError as error:
            self._images[name] = (error.reason, str(error))
        except (VolumeError, CacheTimeout) as error:
            return name, str(error)
        except StatusError as error:
            return name, error.message
        except OSError as error:
            return name, f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")
        return name, ""

    async def _write_payload(self, kind: str, volume: Obj, context: VolumeContext) -> Path:
        module, source = _PAYLOAD_KINDS[kind], volume[kind]
        default_mode = source.get("defaultMode")
        payload: Payload = await module.payload(source, context, 0o644 if default_mode is None else default_mode)
        if payload.renew_at:
            self.renew_at = min(self.renew_at or payload.renew_at, payload.renew_at)
        path = context.path(module.PLUGIN, volume["name"])
        group = (context.pod["spec"].get("securityContext") or {}).get("fsGroup")
        await asyncio.to_thread(_write, path, payload, group, module.MEMORY)
        return path

    async def mounts_of(
        self, container: Obj, directory: Path, environment: Mapping[str, str], *, recursive_read_only: bool
    ) -> list[ContainerMount]:
        """The bind mounts of one container; subPaths are mounted aside first. Raises VolumeError."""
        result = []
        for index, mount in enumerate(container.get("volumeMounts") or ()):
            name = mount["name"]
            if name not in self.paths:
                raise VolumeError(f'cannot find volume "{name}" to mount into container "{container["name"]}"')
            source = self.paths[name]
            sub_path = mount.get("subPath") or ""
            if mount.get("subPathExpr"):
                sub_path = _expand_strictly(mount["subPathExpr"], environment)
            if sub_path:
                target = directory / "volume-subpaths" / name / container["name"] / str(index)
                await asyncio.to_thread(subpath.bind, source, sub_path, target)
                source = target
            read_only = name in self._read_only or bool(mount.get("readOnly"))
            result.append(_container_mount(mount, source, read_only, recursive_read_only))
        return result


def _container_mount(mount: Obj, source: Path, read_only: bool, supported: bool) -> ContainerMount:
    path = mount["mountPath"]
    recursive = mount.get("recursiveReadOnly") or "Disabled"
    if recursive == "Enabled" and not supported:
        raise VolumeError('failed to resolve recursive read-only mode: runtime handler "" does not support it')
    return ContainerMount(
        container_path=path if path.startswith("/") else f"/{path}",
        host_path=str(source),
        read_only=read_only,
        recursive_read_only=read_only and supported and recursive in ("Enabled", "IfPossible"),
        propagation=mount.get("mountPropagation") or "None",
    )


def _expand_strictly(expression: str, environment: Mapping[str, str]) -> str:
    expanded = expand(expression, environment)
    if "$(" in expanded and "$$(" not in expression:
        raise VolumeError(f'failed to expand subPath for volumeMount: missing value for "{expression}"')
    return expanded


def _write(path: Path, payload: Payload, group: int | None, memory: bool) -> None:
    path.mkdir(parents=True, exist_ok=True)
    if memory and not (path / atomic_writer.DATA).is_symlink() and not mounts.is_mount_point(path):
        mounts.mount("tmpfs", str(path), "tmpfs", mounts.MS_NOSUID | mounts.MS_NODEV, "size=16m")
    atomic_writer.write(path, payload, group)


def remove_pod_directory(directory: Path) -> None:
    """Unmount what is below a Pod's directory, then delete it. Refuses to delete what is still mounted. Blocks."""
    if not directory.exists():
        return
    stuck = mounts.unmount_below(directory)
    if stuck:
        log.warning("volumes are still in use, leaving %s: %s", directory, ", ".join(stuck))
        return
    device = os.lstat(directory).st_dev
    for parent, directories, _ in os.walk(directory):
        if os.lstat(parent).st_dev != device:
            log.warning("%s is another file system, leaving it alone", parent)
            directories.clear()
            return
    shutil.rmtree(directory, ignore_errors=True)
