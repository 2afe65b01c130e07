"""Binds PersistentVolumeClaims to PersistentVolumes, and says what becomes of volumes whose claim is gone.

Keys are "claim:<namespace>/<name>" and "volume:<name>". Claims of a class that waits for its first consumer are
bound or given a node by the scheduler; those without a fitting volume go to their class's provisioner.
https://kubernetes.io/docs/concepts/storage/persistent-volumes/#lifecycle-of-a-volume-and-claim
"""

from collections.abc import Iterable

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change, object_key
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES
from minik.server.controllers import indexes, volume_reclaim
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.pods import is_finished, node_name
from minik.server.volumes import binding, matching

_CLAIM, _VOLUME = "claim:", "volume:"
_PENDING = "pending"  # index: claims that are not bound, by class
_BY_CLASS = "class"  # index: volumes by class
_BY_CLAIM = "claim"  # index: volumes by the claim they are reserved for
_WAITING = "waiting for first consumer to be created before binding"
_NO_CLASS = "no persistent volumes available for this claim and no storage class is set"
_EXTERNAL = (
    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system "
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
    "registered."
)
_LOST_REFERENCE = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
_LOST_VOLUME = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
_MISBOUND = "Two claims are bound to the same volume, this one is bound incorrectly"


class PersistentVolumeBinder(Controller):
    name = "persistent-volume-binder"
    workers = 4

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder("persistentvolume-controller")
        informers = context.informers
        self._claims = self.watch(
            informers.of(PERSISTENT_VOLUME_CLAIMS, indexes={_PENDING: _pending}), self._keys_of_claim
        )
        self._volumes = self.watch(
            informers.of(
                PERSISTENT_VOLUMES,
                indexes={_BY_CLASS: lambda volume: (matching.class_of(volume),), _BY_CLAIM: _reserved_for},
            ),
            self._keys_of_volume,
        )
        self._classes = self.watch(informers.of(STORAGE_CLASSES), self._keys_of_class)
        self._pods = self.watch(informers.of(PODS, indexes=indexes.PODS), _keys_of_pod)

    def _keys_of_claim(self, change: Change) -> Iterable[str]:
        key = object_key(change.obj)
        yield _CLAIM + key
        for claim in (change.old, change.new):
            if claim is not None and claim["spec"].get("volumeName"):
                yield _VOLUME + claim["spec"]["volumeName"]
        if _has_gone(change):
            for volume in self._volumes.by_index(_BY_CLAIM, key):  # it may have gone before it could name its volume
                yield _VOLUME + volume["metadata"]["name"]

    def _keys_of_volume(self, change: Change) -> Iterable[str]:
        yield _VOLUME + change.obj["metadata"]["name"]
        reference = change.obj["spec"].get("claimRef")
        if reference:
            yield f"{_CLAIM}{reference.get('namespace', '')}/{reference.get('name', '')}"
        elif change.new is not None:
            yield from self._pending_of(matching.class_of(change.new))

    def _keys_of_class(self, change: Change) -> Iterable[str]:
        yield from self._pending_of(change.obj["metadata"]["name"])
        yield from self._pending_of("")  # the default class may be another now

    def _pending_of(self, storage_class: str) -> Iterable[str]:
        for claim in self._claims.by_index(_PENDING, storage_class):
            yield _CLAIM + object_key(claim)

    async def reconcile(self, key: str) -> float | None:
        if key.startswith(_VOLUME):
            volume = self._volumes.get(key.removeprefix(_VOLUME))
            if volume is not None:
                await self._sync_volume(volume)
            return None
        claim = self._claims.get_key(key.removeprefix(_CLAIM))
        if claim is None:
            return None
        if matching.BIND_COMPLETED in matching.annotations(claim):
            await self._sync_bound(claim)
        elif not claim["metadata"].get("deletionTimestamp"):
            await self._sync_unbound(claim)
        return None

    # -- claims

    async def _sync_bound(self, claim: Obj) -> None:
        name = claim["spec"].get("volumeName")
        volume = self._volumes.get(name) if name else None
        if not name:
            await self._lose(claim, "ClaimLost", _LOST_REFERENCE)
        elif volume is None and await self._is_gone(name):
            await self._lose(claim, "ClaimLost", _LOST_VOLUME)
        elif volume is None:
            return  # the cache is behind; the volume's event comes
        elif not volume["spec"].get("claimRef") or matching.refers_to(volume, claim):
            await self._bind(claim, volume)
        else:
            await self._lose(claim, "ClaimMisbound", _MISBOUND)

    async def _is_gone(self, volume: str) -> bool:
        try:
            await self._client.get(PERSISTENT_VOLUMES, volume)
        except StatusError as error:
            if error.code == 404:
                return True
            raise
        return False

    async def _sync_unbound(self, claim: Obj) -> None:
        if claim["spec"].get("volumeName"):
            await self._bind_to_named(claim)
            return
        storage_class = self._classes.get(matching.class_of(claim))
        later = matching.is_wanted_later(storage_class) and matching.SELECTED_NODE not in matching.annotations(claim)
        volumes = self._volumes.by_index(_BY_CLASS, matching.class_of(claim))
        reserved = (volume for volume in self._volumes.list() if matching.refers_to(volume, claim))
        volume = matching.find_best(reserved, claim) or matching.find_best(volumes, claim, reserved_only=later)
        if volume is not None:
            await self._bind(claim, volume)
            return
        if matching.leaves_class_open(claim) and (default := matching.default_class(self._classes.list())) is not None:
            changed = {**claim, "spec": {**claim["spec"], "storageClassName": default["metadata"]["name"]}}
            await self._client.update(PERSISTENT_VOLUME_CLAIMS, changed, claim["metadata"]["namespace"])
            return  # the update brings it back
        if later:
            self._tell(claim, NORMAL, *self._waited_for(claim))
        elif matching.class_of(claim):
            claim = await self._provision(claim, storage_class)
        else:
            self._tell(claim, NORMAL, "FailedBinding", _NO_CLASS)
        await self._set_claim_status(claim, "Pending", None)

    def _waited_for(self, claim: Obj) -> tuple[str, str]:
        """(reason, message): for a Pod that uses the claim, or for it to be scheduled."""
        users = [
            pod["metadata"]["name"]
            for pod in self._pods.by_index(indexes.CLAIM, object_key(claim))
            if not node_name(pod) and not is_finished(pod)
        ]
        if not users:
            return "WaitForFirstConsumer", _WAITING
        pods = f"pod {users[0]}" if len(users) == 1 else f"pods {','.join(users)}"
        return "WaitForPodScheduled", f"waiting for {pods} to be scheduled"

    async def _bind_to_named(self, claim: Obj) -> None:
        volume = self._volumes.get(claim["spec"]["volumeName"])
        if volume is not None and matching.refers_to(volume, claim):
            await self._bind(claim, volume)
            return
        if volume is not None and volume["spec"].get("claimRef"):
            text = f'volume "{volume["metadata"]["name"]}" already bound to a different claim.'
            self._tell(claim, WARNING, "FailedBinding", text)
        elif volume is not None:
            problem = matching.why_not(volume, claim)
            if not problem:
                await self._bind(claim, volume)
                return
            name = volume["metadata"]["name"]
            self._tell(claim, WARNING, "VolumeMismatch", f'Cannot bind to requested volume "{name}": {problem}')
        await self._set_claim_status(claim, "Pending", None)

    async def _provision(self, claim: Obj, storage_class: Obj | None) -> Obj:
        """Hand the claim to its class's provisioner."""
        name = matching.class_of(claim)
        if storage_class is None:
            self._tell(claim, WARNING, "ProvisioningFailed", f'storageclass.storage.k8s.io "{name}" not found')
            return claim
        provisioner = matching.provisioner_of(storage_class)
        if provisioner.startswith("kubernetes.io/"):
            text = f"no volume plugin matched name: {provisioner}"
            self._tell(claim, WARNING, "ProvisioningFailed", text)
            return claim
        changed = binding.with_provisioner(claim, provisioner)
        if changed is not None:
            claim = await self._client.update(PERSISTENT_VOLUME_CLAIMS, changed, claim["metadata"]["namespace"])
            self._tell(claim, NORMAL, "ExternalProvisioning", _EXTERNAL.format(provisioner))
        return claim

    async def _bind(self, claim: Obj, volume: Obj) -> None:
        """Volume first: a claim never names a volume that is not reserved for it."""
        changed = binding.with_claim(volume, claim)
        if changed is not None:
            volume = await self._client.update(PERSISTENT_VOLUMES, changed)
        await self._set_volume_phase(volume, "Bound")
        changed = binding.with_volume(claim, volume)
        if changed is not None:
            claim = await self._client.update(PERSISTENT_VOLUME_CLAIMS, changed, claim["metadata"]["namespace"])
        await self._set_claim_status(claim, "Bound", volume)

    async def _lose(self, claim: Obj, reason: str, message: str) -> None:
        if (claim.get("status") or {}).get("phase") != "Lost":
            self._tell(claim, WARNING, reason, message)
            await self._set_claim_status(claim, "Lost", None)

    async def _set_claim_status(self, claim: Obj, phase: str, volume: Obj | None) -> None:
        status = binding.claim_status(claim, phase, volume)
        if status is not None:
            changed = {**claim, "status": status}
            namespace = claim["metadata"]["namespace"]
            await self._client.update(PERSISTENT_VOLUME_CLAIMS, changed, namespace, subresource="status")

    def _tell(self, claim: Obj, kind: str, reason: str, message: str) -> None:
        self._recorder.event(object_reference("v1", "PersistentVolumeClaim", claim), kind, reason, message)

    # -- volumes

    async def _sync_volume(self, volume: Obj) -> None:
        reference = volume["spec"].get("claimRef")
        if not reference or not reference.get("uid"):
            await self._set_volume_phase(volume, "Available")
            return
        claim = await self._claim_of(volume)
        if claim is None:
            await self._release(volume)
        elif not claim["spec"].get("volumeName"):
            if matching.mode_of(claim) != matching.mode_of(volume):
                self._tell_incompatible(claim, volume)
                return
            self.queue.add(_CLAIM + object_key(claim))
        elif claim["spec"]["volumeName"] == volume["metadata"]["name"]:
            await self._set_volume_phase(volume, "Bound")
        elif _policy(volume) == "Delete" and matching.PROVISIONED_BY in matching.annotations(volume):
            await self._release(volume)  # made for this claim, which found another
        else:
            await self._client.update(PERSISTENT_VOLUMES, binding.without_claim(volume))

    def _tell_incompatible(self, claim: Obj, volume: Obj) -> None:
        mine, its = claim["metadata"]["name"], volume["metadata"]["name"]
        text = (
            f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{mine}" due to incompatible volumeMode.'
        )
        self._tell_of_volume(volume, WARNING, "VolumeMismatch", text)
        text = (
            f'Cannot bind PersistentVolume "{its}" to requested PersistentVolumeClaim due to incompatible volumeMode.'
        )
        self._tell(claim, WARNING, "VolumeMismatch", text)

    def _tell_of_volume(self, volume: Obj, kind: str, reason: str, message: str) -> None:
        self._recorder.event(object_reference("v1", "PersistentVolume", volume), kind, reason, message)

    async def _claim_of(self, volume: Obj) -> Obj | None:
        """The claim, asked for at the API before it is believed to be gone."""
        reference = volume["spec"]["claimRef"]
        claim = self._claims.get(reference["name"], reference["namespace"])
        if claim is None or claim["metadata"]["uid"] != reference["uid"]:
            try:
                claim = await self._client.get(PERSISTENT_VOLUME_CLAIMS, reference["name"], reference["namespace"])
            except StatusError as error:
                if error.code != 404:
                    raise
                return None
        return claim if claim["metadata"]["uid"] == reference["uid"] else None

    async def _release(self, volume: Obj) -> None:
        phase = (volume.get("status") or {}).get("phase")
        if phase not in ("Released", "Failed"):
            volume = await self._set_volume_phase(volume, "Released")
            phase = "Released"
        policy = _policy(volume)
        if phase == "Failed" or policy == "Retain" or matching.PROVISIONED_BY in matching.annotations(volume):
            return  # kept, or its provisioner deletes it
        if policy == "Recycle":
            outcome = await volume_reclaim.recycle_data(self._client, volume, self._recycler)
        else:
            outcome = await volume_reclaim.delete_data(volume)
        if outcome.reason:
            self._tell_of_volume(volume, WARNING, outcome.reason, outcome.message)
            await self._set_volume_phase(volume, "Failed", outcome.message)
        elif outcome.done and policy == "Recycle":
            self._tell_of_volume(volume, NORMAL, "VolumeRecycled", "Volume recycled")
            await self._client.update(PERSISTENT_VOLUMES, binding.without_claim(volume))
        elif outcome.done:
            await self._client.delete(
                PERSISTENT_VOLUMES, volume["metadata"]["name"], uid=volume["metadata"].get("uid", "")
            )

    def _recycler(self, name: str) -> Obj | None:
        return self._pods.get(name, volume_reclaim.RECYCLER_NAMESPACE)

    async def _set_volume_phase(self, volume: Obj, phase: str, message: str = "") -> Obj:
        status = volume.get("status") or {}
        if status.get("phase") == phase and status.get("message", "") == message:
            return volume
        kept = {name: value for name, value in status.items() if name not in ("message", "lastPhaseTransitionTime")}
        changed = {**volume, "status": {**kept, "phase": phase, **({"message": message} if message else {})}}
        return await self._client.update(PERSISTENT_VOLUMES, changed, subresource="status")


def _keys_of_pod(change: Change) -> Iterable[str]:
    """The volume of a recycler that ended."""
    volume = volume_reclaim.recycled_by(change.obj)
    if volume and change.new is not None and is_finished(change.new):
        yield _VOLUME + volume


def _pending(claim: Obj) -> Iterable[str]:
    return () if matching.is_fully_bound(claim) else (matching.class_of(claim),)


def _has_gone(change: Change) -> bool:
    """Whether the old object is no more, even if another has taken its name."""
    old, new = change.old, change.new
    return new is None or (old is not None and old["metadata"].get("uid") != new["metadata"].get("uid"))


def _reserved_for(volume: Obj) -> Iterable[str]:
    reference = volume["spec"].get("claimRef")
    return (f"{reference.get('namespace', '')}/{reference.get('name', '')}",) if reference else ()


def _policy(volume: Obj) -> str:
    return str(volume["spec"].get("persistentVolumeReclaimPolicy") or "Retain")
