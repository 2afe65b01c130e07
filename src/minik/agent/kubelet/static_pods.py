"""Static Pods: manifests in a directory of this node, run without the API and shown in it as mirror Pods.

    file appears -> Pod with a uid made of its content -> a worker like any other
    API reachable -> mirror Pod (same spec, annotated) that carries the status; deleting it only makes it come back

https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/
"""

import asyncio
import copy
import hashlib
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from minik.agent.kubelet.pod_worker import PodWorker
from minik.api.groups.core.pod_defaults import default_pod
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.resources import PODS
from minik.inotify import DIRECTORY_EVENTS, FileWatch

log = logging.getLogger("minik.kubelet")

MIRROR, HASH, SOURCE, SEEN = (f"kubernetes.io/config.{word}" for word in ("mirror", "hash", "source", "seen"))
CHECK_PERIOD = 20.0  # seconds; inotify comes first
RETRY = 5.0  # seconds between attempts to write a mirror Pod


class StaticPods:
    """`start` begins a worker for a Pod; `node` is the Node object, the mirrors' owner."""

    def __init__(
        self,
        directory: Path,
        node_name: str,
        client: Client,
        start: Callable[[Obj], PodWorker],
        node: Callable[[], Obj],
    ) -> None:
        self._directory = directory
        self._node_name = node_name
        self._client = client
        self._start = start
        self._node = node
        self._workers: dict[str, PodWorker] = {}
        self._mirrors: dict[str, Obj] = {}  # static uid -> mirror
        self._look = asyncio.Event()

    def owner_of(self, mirror_uid: str) -> str:
        """The static uid of a mirror Pod; "" when it is none."""
        return next((uid for uid, m in self._mirrors.items() if m["metadata"]["uid"] == mirror_uid), "")

    def mirror(self, pod: Obj) -> Obj | None:
        """Where the status of a Pod is written: its mirror, or itself when it is not static."""
        uid = pod["metadata"]["uid"]
        return self._mirrors.get(uid) if uid in self._workers else pod

    def mirror_changed(self, mirror: Obj, *, deleted: bool) -> None:
        """The API shows a mirror Pod of this node, or shows it no more."""
        uid = mirror["metadata"]["annotations"][MIRROR]
        if deleted:
            self._mirrors.pop(uid, None)
            self._look.set()
            return
        self._mirrors[uid] = mirror
        if uid not in self._workers or mirror["metadata"].get("deletionTimestamp"):
            self._look.set()

    async def load(self) -> None:
        """Start what is there and not running yet; stop what is gone."""
        wanted = await asyncio.to_thread(read_manifests, self._directory, self._node_name)
        for uid, pod in wanted.items():
            if uid not in self._workers:
                self._workers[uid] = self._start(pod)
        for uid in self._workers.keys() - wanted.keys():
            self._workers.pop(uid).removed()

    async def run(self) -> None:
        """Follow the directory and keep the mirrors."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with FileWatch(self._directory, DIRECTORY_EVENTS) as watch:
            while True:
                await self.load()
                period = CHECK_PERIOD if await self._write_mirrors() else RETRY
                waits = [asyncio.create_task(watch.wait(period)), asyncio.create_task(self._look.wait())]
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
                self._look.clear()

    async def _write_mirrors(self) -> bool:
        """Make, replace and remove mirrors; False when something has to be tried again."""
        try:
            for uid, mirror in [*self._mirrors.items()]:
                if uid not in self._workers or mirror["metadata"].get("deletionTimestamp"):
                    await self._delete(mirror)
            for uid, worker in self._workers.items():
                if uid not in self._mirrors:
                    created = mirror_of(worker.pod, self._node())
                    self._mirrors[uid] = await self._client.create(PODS, created, created["metadata"]["namespace"])
                    worker.report_again()
        except (StatusError, OSError) as error:
            log.warning("mirror Pods: %s", error)
            return False
        return True

    async def _delete(self, mirror: Obj) -> None:
        metadata = mirror["metadata"]
        try:
            await self._client.delete(
                PODS, metadata["name"], metadata["namespace"], grace_period_seconds=0, uid=metadata["uid"]
            )
        except StatusError as error:
            if error.code not in (404, 409):
                raise
        self._mirrors.pop(metadata["annotations"][MIRROR], None)


def read_manifests(directory: Path, node_name: str) -> Mapping[str, Obj]:
    """uid -> Pod, of every manifest that can be read; the others are logged. Blocks."""
    import yaml  # only nodes with static Pods need it

    pods: dict[str, Obj] = {}
    for path in sorted(directory.glob("*")):
        if path.name.startswith(".") or not path.is_file():
            continue
        try:
            manifest = yaml.safe_load(path.read_text())
            pod = static_pod(manifest, node_name)
        except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            log.warning("cannot use %s: %s", path, error)
            continue
        pods[pod["metadata"]["uid"]] = pod
    return pods


def static_pod(manifest: Any, node_name: str) -> Obj:
    """The Pod a manifest makes on this node (pure). Raises ValueError, KeyError."""
    if not isinstance(manifest, dict) or manifest.get("kind") != "Pod":
        raise ValueError("not a Pod")
    pod = copy.deepcopy(manifest)
    content = orjson.dumps([node_name, manifest], option=orjson.OPT_SORT_KEYS)
    uid = hashlib.md5(content, usedforsecurity=False).hexdigest()
    metadata, spec = pod["metadata"], pod["spec"]
    metadata["name"] = f"{metadata['name']}-{node_name.lower()}"
    metadata.setdefault("namespace", "default")
    metadata["uid"] = uid
    annotations = {SOURCE: "file", HASH: uid, SEEN: datetime.now(UTC).isoformat().replace("+00:00", "Z")}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    spec["nodeName"] = node_name
    spec["tolerations"] = [*(spec.get("tolerations") or ()), {"operator": "Exists", "effect": "NoExecute"}]
    default_pod(pod)
    spec["enableServiceLinks"] = True
    pod["status"] = {"phase": "Pending"}
    return pod


def mirror_of(pod: Obj, node: Obj) -> Obj:
    """The mirror Pod to create (pure)."""
    metadata = pod["metadata"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": node["metadata"]["name"], "uid": node["metadata"]["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": metadata.get("labels") or {},
            "annotations": {**metadata["annotations"], MIRROR: metadata["uid"]},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": copy.deepcopy(pod["spec"]),
    }
