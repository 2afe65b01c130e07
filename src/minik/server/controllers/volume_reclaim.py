"""What becomes of the data of a released volume that nobody provisioned: deleted, scrubbed, or left alone.

Rules and texts: the in-tree plugins of kubernetes/pkg/volume. Deleting is for hostPath below /tmp, recycling for
hostPath and NFS, done by a Pod. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming
"""

import asyncio
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.resources import PODS

RECYCLER_NAMESPACE, RECYCLER_PREFIX = "default", "recycler-for-"
RECYCLER_IMAGE = "registry.k8s.io/build-image/debian-base:bookworm-v1.0.2"
_SCRUB = 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1'
_LEAST_TIME = 60  # seconds a recycler gets


@dataclass(frozen=True, slots=True)
class Outcome:
    """`done`: the data is gone. With a `reason` it failed; with neither it is under way."""

    done: bool = False
    reason: str = ""
    message: str = ""


async def delete_data(volume: Obj) -> Outcome:
    """policy Delete."""
    name, path = volume["metadata"]["name"], (volume["spec"].get("hostPath") or {}).get("path")
    if path is None:
        text = f'error getting deleter volume plugin for volume "{name}": no deletable volume plugin matched'
        return Outcome(reason="VolumeFailedDelete", message=text)
    if not re.match("/tmp/.+", path) or ".." in Path(path).parts:  # stricter than upstream, which looks anywhere
        text = f"host_path deleter only supports /tmp/.+ but received provided {path}"
        return Outcome(reason="VolumeFailedDelete", message=text)
    try:
        await asyncio.to_thread(_remove, Path(path))
    except OSError as error:
        return Outcome(reason="VolumeFailedDelete", message=f"{error.strerror}: {path}")
    return Outcome(done=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


async def recycle_data(client: Client, volume: Obj, find_pod: Callable[[str], Obj | None]) -> Outcome:
    """policy Recycle: once the recycler Pod succeeded. `find_pod` looks by name in the recyclers' namespace."""
    if not {"hostPath", "nfs"} & volume["spec"].keys():
        return Outcome(reason="VolumeFailedRecycle", message="No recycler plugin found for the volume!")
    wanted = recycler(volume)
    name = wanted["metadata"]["name"]
    pod = find_pod(name)
    if pod is None:
        try:
            await client.create(PODS, wanted, RECYCLER_NAMESPACE)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                text = f"Recycle failed: unexpected error creating recycler pod:  {error.message}"
                return Outcome(reason="VolumeFailedRecycle", message=text)
        return Outcome()
    status = pod.get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        return Outcome()
    try:
        await client.delete(PODS, name, RECYCLER_NAMESPACE, uid=pod["metadata"]["uid"])
    except StatusError as error:
        if error.code != 404:
            raise
    if status["phase"] == "Succeeded":
        return Outcome(done=True)
    why = status.get("message") or "pod failed, pod.Status.Message unknown"
    return Outcome(reason="VolumeFailedRecycle", message=f"Recycle failed: {why}")


def recycler(volume: Obj) -> Obj:
    """The Pod that empties the volume. Larger network volumes get more time."""
    source = {kind: volume["spec"][kind] for kind in ("hostPath", "nfs") if kind in volume["spec"]}
    container = {
        "name": "pv-recycler",
        "image": RECYCLER_IMAGE,
        "command": ["/bin/sh"],
        "args": ["-c", _SCRUB],
        "volumeMounts": [{"name": "vol", "mountPath": "/scrub"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": RECYCLER_PREFIX + volume["metadata"]["name"], "namespace": RECYCLER_NAMESPACE},
        "spec": {
            "activeDeadlineSeconds": _LEAST_TIME if "hostPath" in source else 5 * _LEAST_TIME,
            "restartPolicy": "Never",
            "volumes": [{"name": "vol", **source}],
            "containers": [container],
        },
    }


def recycled_by(pod: Obj) -> str:
    """The volume that the Pod empties; "" if it is no recycler."""
    metadata = pod["metadata"]
    if metadata.get("namespace") != RECYCLER_NAMESPACE or not metadata["name"].startswith(RECYCLER_PREFIX):
        return ""
    return str(metadata["name"].removeprefix(RECYCLER_PREFIX))
