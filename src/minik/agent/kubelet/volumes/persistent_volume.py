"""Volumes from PersistentVolumeClaims: finds the bound PersistentVolume and mounts what it is.

hostPath and local are used in place (only local is given to the Pod's fsGroup); NFS is mounted with the host's
mount.nfs.
https://kubernetes.io/docs/concepts/storage/persistent-volumes/
"""

import asyncio
import subprocess
from pathlib import Path

from minik.agent import mounts
from minik.agent.kubelet.volumes import host_path, ownership
from minik.agent.kubelet.volumes.volume import VolumeContext, VolumeError
from minik.api.types import Obj
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES

MOUNT_TIMEOUT = 120.0  # seconds

_PROVISIONED_BY, _LOCAL_PATH = "pv.kubernetes.io/provisioned-by", "minik.io/local-path"


async def set_up(volume: Obj, context: VolumeContext) -> Path:
    """A persistentVolumeClaim or ephemeral volume. Raises VolumeError, StatusError."""
    claim = await _claim(volume, context)
    name = claim["metadata"]["name"]
    if (claim.get("status") or {}).get("phase") != "Bound" or not claim["spec"].get("volumeName"):
        raise VolumeError(f'persistentvolumeclaim "{name}" is not bound')
    persistent = await context.client.get(PERSISTENT_VOLUMES, claim["spec"]["volumeName"])
    spec = persistent["spec"]
    if spec.get("claimRef", {}).get("uid") not in ("", None, claim["metadata"]["uid"]):
        raise VolumeError(f'persistentvolumeclaim "{name}" is bound to a volume of another claim')
    if "hostPath" in spec:
        if (persistent["metadata"].get("annotations") or {}).get(_PROVISIONED_BY) == _LOCAL_PATH:
            await asyncio.to_thread(_make_shared, Path(spec["hostPath"]["path"]))
        return await host_path.path_of(spec["hostPath"])
    if "local" in spec:
        return await _local(spec["local"], context.pod)
    if "nfs" in spec:
        return await _nfs(spec["nfs"], context, volume["name"], spec.get("mountOptions") or ())
    kinds = sorted(key for key, value in spec.items() if isinstance(value, dict) and key not in _NOT_A_SOURCE)
    raise VolumeError(f"this kubelet has no plugin for volumes of kind {', '.join(kinds)}")


_NOT_A_SOURCE = ("capacity", "claimRef", "nodeAffinity")


async def set_up_inline(volume: Obj, context: VolumeContext) -> Path:
    """An nfs volume of the Pod itself."""
    return await _nfs(volume["nfs"], context, volume["name"], ())


async def _claim(volume: Obj, context: VolumeContext) -> Obj:
    if "ephemeral" in volume:
        name = f"{context.pod['metadata']['name']}-{volume['name']}"
        claim = await context.client.get(PERSISTENT_VOLUME_CLAIMS, name, context.namespace)
        owners = claim["metadata"].get("ownerReferences") or ()
        if not any(owner.get("uid") == context.uid for owner in owners):
            raise VolumeError(f'PVC "{context.namespace}/{name}" was not created for pod (pod is not owner)')
        return claim
    name = volume["persistentVolumeClaim"]["claimName"]
    claim = await context.client.get(PERSISTENT_VOLUME_CLAIMS, name, context.namespace)
    if claim["metadata"].get("deletionTimestamp"):
        raise VolumeError(f'persistentvolumeclaim "{name}" is being deleted')
    return claim


def _make_shared(path: Path) -> None:
    """A new directory that containers of any user may write to, behind a parent that only root may enter."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(exist_ok=True)
        path.chmod(0o777)


async def _local(source: Obj, pod: Obj) -> Path:
    path = Path(source["path"])
    if not await asyncio.to_thread(path.exists):
        raise VolumeError(f'local volume path "{path}" does not exist')
    await ownership.give_to_pod(path, pod)
    return path


async def _nfs(source: Obj, context: VolumeContext, volume_name: str, options: tuple[str, ...] | list[str]) -> Path:
    path = context.path("nfs", volume_name)
    await asyncio.to_thread(path.mkdir, parents=True, exist_ok=True)
    if await asyncio.to_thread(mounts.is_mount_point, path):
        return path
    flags = [*options, *(["ro"] if source.get("readOnly") else [])]
    remote = f"{source['server']}:{source['path']}"
    arguments = ["mount", "-t", "nfs", *(["-o", ",".join(flags)] if flags else []), remote, str(path)]
    process = await asyncio.create_subprocess_exec(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        async with asyncio.timeout(MOUNT_TIMEOUT):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise VolumeError(f"mounting {remote} took longer than {MOUNT_TIMEOUT:.0f} s") from None
    if process.returncode != 0:
        raise VolumeError(f"mount failed: {output.decode(errors='replace').strip()}")
    return path
