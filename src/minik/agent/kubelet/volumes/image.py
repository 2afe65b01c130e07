"""image volumes: the files of an OCI image, read-only (KEP-4639).

containerd before 2.1 cannot mount images for CRI, so a read-only view of the unpacked image is made with its snapshot
service (`ctr snapshots view`) and mounted here; that works with every version.
"""

import asyncio
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import orjson

from minik.agent import mounts
from minik.agent.kubelet.images import ImageError
from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import CRIError
from minik.agent.kubelet.volumes.volume import ImageVolumeError, VolumeContext, VolumeError
from minik.api.types import Obj

PLUGIN, NAMESPACE = "image", "k8s.io"


async def set_up(volume: Obj, context: VolumeContext) -> Path:
    source, path = volume["image"], context.path(PLUGIN, volume["name"])
    if await asyncio.to_thread(mounts.is_mount_point, path):
        return path
    wanted = {"image": source.get("reference", ""), "imagePullPolicy": source.get("pullPolicy")}
    try:
        reference, _ = await context.images.ensure(
            context.pod, wanted, pull_secrets=await context.pull_secrets(), sandbox_config=None, tell=context.tell
        )
        runtime = context.images.runtime
        info = await runtime.image_info(reference)
        snapshotter = Path((await runtime.image_filesystem())[0]).name.rpartition(".")[2]
    except ImageError as error:
        raise ImageVolumeError(error.reason, error.message) from error
    except CRIError as error:
        raise VolumeError(str(error)) from error
    chain = orjson.loads(info.get("info", "{}")).get("chainID", "")
    key = _key(context.uid, volume["name"])
    await _ctr(runtime, "snapshots", "--snapshotter", snapshotter, "rm", key, check=False)
    command = await _ctr(runtime, "snapshots", "--snapshotter", snapshotter, "view", "-t", str(path), key, chain)
    await asyncio.to_thread(_mount, path, command)
    return path


def _key(uid: str, volume_name: str) -> str:
    return f"minik-{uid}-{volume_name}"


def _mount(path: Path, command: str) -> None:
    """Carry out what ctr printed: `mount -t overlay overlay /target -o lowerdir=...`."""
    path.mkdir(parents=True, exist_ok=True)
    words = shlex.split(command)
    kind, source = words[words.index("-t") + 1], words[words.index("-t") + 2]
    options = words[words.index("-o") + 1].split(",") if "-o" in words else []
    flags = mounts.MS_RDONLY
    if {"bind", "rbind"} & {*options}:
        mounts.mount(source, str(path), flags=mounts.MS_BIND | mounts.MS_REC)
        mounts.mount("", str(path), flags=mounts.MS_BIND | mounts.MS_REMOUNT | mounts.MS_RDONLY)
        return
    data = ",".join(option for option in options if option not in ("ro", "rw"))
    mounts.mount(source, str(path), kind, flags, data)


async def tear_down(runtime: Runtime, uid: str, directory: Path) -> None:
    """Unmount a Pod's image volumes and forget their views. Never raises for what is gone already."""
    for name in await asyncio.to_thread(_names, directory / "volumes" / f"kubernetes.io~{PLUGIN}"):
        path = directory / "volumes" / f"kubernetes.io~{PLUGIN}" / name
        await asyncio.to_thread(mounts.unmount_below, path)
        for snapshotter in ("overlayfs", "native"):
            await _ctr(runtime, "snapshots", "--snapshotter", snapshotter, "rm", _key(uid, name), check=False)


def _names(directory: Path) -> list[str]:
    return os.listdir(directory) if directory.is_dir() else []


async def _ctr(runtime: Runtime, *arguments: str, check: bool = True) -> str:
    binary = shutil.which("ctr")
    if binary is None:
        raise VolumeError("ctr is not installed: image volumes need containerd")
    address = runtime.endpoint.removeprefix("unix://")
    process = await asyncio.create_subprocess_exec(
        binary, "-a", address, "-n", NAMESPACE, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    if check and process.returncode != 0:
        raise VolumeError(f"ctr {arguments[0]} {arguments[3]}: {err.decode(errors='replace').strip()}")
    return out.decode()
