"""The built-in storage: PersistentVolumes that are directories on this machine, so that a claim just works.

Provisions for classes whose provisioner is `minik.io/local-path`, and makes such a class, the default one, at the
start. The kubelet makes the directory <data-dir>/storage/<volume> when a Pod first uses it; deleting the volume
deletes it, here, because server and node share the machine.
"""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change, object_key
from minik.client.resources import NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import is_deleting
from minik.server.controllers.volume_protection import without_finalizer
from minik.server.volumes import matching
from minik.server.volumes.binding import claim_reference

PROVISIONER = "minik.io/local-path"
CLASS_NAME = "local-path"
FINALIZER = "minik.io/local-path"  # the directory goes before the object
_HOSTNAME = "kubernetes.io/hostname"
_CLAIM, _VOLUME = "claim:", "volume:"


class LocalPathProvisioner(Controller):
    """Nothing is served, and no class made, where the server has no node (`settings.storage_dir` is None)."""

    name = "local-path-provisioner"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(PROVISIONER)
        self._directory = context.settings.storage_dir
        self._node_name = context.settings.node_name
        informers = context.informers
        self._classes = self.watch(informers.of(STORAGE_CLASSES), None)
        self._nodes = self.watch(informers.of(NODES), None)
        self._claims = self.watch(informers.of(PERSISTENT_VOLUME_CLAIMS), _keys_of_claim)
        self._volumes = self.watch(informers.of(PERSISTENT_VOLUMES), _keys_of_volume)

    async def run(self, ready: asyncio.Event) -> None:
        await self._classes.wait_synced()
        if self._directory is not None and self._classes.get(CLASS_NAME) is None:
            await self._make_class()
        await super().run(ready)

    async def _make_class(self) -> None:
        try:
            await self._client.create(STORAGE_CLASSES, storage_class())
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise

    async def reconcile(self, key: str) -> float | None:
        if self._directory is None:
            return None
        if key.startswith(_CLAIM):
            claim = self._claims.get_key(key.removeprefix(_CLAIM))
            if claim is not None and not is_deleting(claim) and not claim["spec"].get("volumeName"):
                await self._provision(claim, self._directory)
            return None
        volume = self._volumes.get(key.removeprefix(_VOLUME))
        if volume is not None and _is_over(volume):
            await self._delete(volume, self._directory)
        return None

    async def _provision(self, claim: Obj, directory: Path) -> None:
        name = f"pvc-{claim['metadata']['uid']}"
        found, node_name = self._classes.get(matching.class_of(claim)), self._node_of(claim)
        if found is None or self._volumes.get(name) is not None:
            return
        about = object_reference("v1", "PersistentVolumeClaim", claim)
        problem = unsupported(claim)
        if problem or node_name != self._node_name:
            text = problem or f'no local storage on node "{node_name}"'
            self._recorder.event(about, WARNING, "ProvisioningFailed", f"failed to provision volume: {text}")
            return
        text = f'External provisioner is provisioning volume for claim "{object_key(claim)}"'
        self._recorder.event(about, NORMAL, "Provisioning", text)
        hostname = self._hostname(node_name)
        try:
            await self._client.create(PERSISTENT_VOLUMES, new_volume(claim, found, directory / name, hostname))
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
        self._recorder.event(about, NORMAL, "ProvisioningSucceeded", f"Successfully provisioned volume {name}")

    def _node_of(self, claim: Obj) -> str:
        """Chosen by the scheduler; a class that binds at once gets this node."""
        return matching.annotations(claim).get(matching.SELECTED_NODE) or self._node_name

    def _hostname(self, node_name: str) -> str:
        node = self._nodes.get(node_name)
        labels = (node["metadata"].get("labels") or {}) if node is not None else {}
        return str(labels.get(_HOSTNAME, node_name))

    async def _delete(self, volume: Obj, directory: Path) -> None:
        name, spec = volume["metadata"]["name"], volume["spec"]
        path = Path((spec.get("hostPath") or {}).get("path", ""))
        if path.parent == directory and spec.get("persistentVolumeReclaimPolicy") == "Delete":
            try:
                await asyncio.to_thread(_remove, path)
            except OSError as error:
                text = f"failed to delete {path}: {error.strerror}"
                about = object_reference("v1", "PersistentVolume", volume)
                self._recorder.event(about, WARNING, "VolumeFailedDelete", text)
                raise
        if not is_deleting(volume):
            await self._client.delete(PERSISTENT_VOLUMES, name, uid=volume["metadata"]["uid"])
        if FINALIZER in (volume["metadata"].get("finalizers") or ()):
            live = await self._client.get(PERSISTENT_VOLUMES, name)
            await self._client.update(PERSISTENT_VOLUMES, without_finalizer(live, FINALIZER))


def storage_class() -> Obj:
    return {
        "apiVersion": STORAGE_CLASSES.api_version,
        "kind": "StorageClass",
        "metadata": {"name": CLASS_NAME, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def unsupported(claim: Obj) -> str:
    """Why a directory cannot be what the claim wants; "" if it can."""
    if claim["spec"].get("selector"):
        return "claim.Spec.Selector is not supported"
    if matching.mode_of(claim) != "Filesystem":
        return "block volumes are not supported"
    if "ReadOnlyMany" in (claim["spec"].get("accessModes") or ()):
        return "only ReadWriteOnce, ReadWriteOncePod and ReadWriteMany are supported"
    return ""


def new_volume(claim: Obj, storage_class: Obj, path: Path, hostname: str) -> Obj:
    expression = {"key": _HOSTNAME, "operator": "In", "values": [hostname]}
    spec = {
        "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
        "accessModes": claim["spec"]["accessModes"],
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
        "storageClassName": storage_class["metadata"]["name"],
        "volumeMode": "Filesystem",
        "hostPath": {"path": str(path), "type": "DirectoryOrCreate"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
        "claimRef": claim_reference(claim),
    }
    if storage_class.get("mountOptions"):
        spec["mountOptions"] = storage_class["mountOptions"]
    metadata = {
        "name": path.name,
        "annotations": {matching.PROVISIONED_BY: PROVISIONER},
        "finalizers": [FINALIZER],
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


def _keys_of_claim(change: Change) -> Iterable[str]:
    claim = change.new
    if claim is None or claim["spec"].get("volumeName"):
        return
    if matching.annotations(claim).get(matching.PROVISIONER) == PROVISIONER:
        yield _CLAIM + object_key(claim)


def _keys_of_volume(change: Change) -> Iterable[str]:
    if change.new is not None and _is_over(change.new):
        yield _VOLUME + change.new["metadata"]["name"]


def _is_over(volume: Obj) -> bool:
    """Whether it is a volume of this provisioner that is not needed any more."""
    if matching.annotations(volume).get(matching.PROVISIONED_BY) != PROVISIONER:
        return False
    phase, policy = (volume.get("status") or {}).get("phase"), volume["spec"].get("persistentVolumeReclaimPolicy")
    return (phase in ("Released", "Failed") and policy == "Delete") or (is_deleting(volume) and phase != "Bound")
