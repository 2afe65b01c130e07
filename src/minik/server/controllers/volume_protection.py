"""Keeps what is in use: claims by Pods, volumes by claims, attributes classes by both.

Takes their protection finalizers off when nobody uses them any more. Admission puts the finalizers on; one that
somebody took off is put back. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection
"""

from collections.abc import Callable, Iterable, Sequence

from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.informer import Change, object_key, split_key
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, VOLUME_ATTRIBUTES_CLASSES
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import is_deleting, own_copy
from minik.server.controllers.pods import is_finished, node_name
from minik.server.volumes.pod_claims import claims_of

CLAIM_FINALIZER, VOLUME_FINALIZER = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"
CLASS_FINALIZER = "kubernetes.io/vac-protection"


class ClaimProtectionController(Controller):
    name = "pvc-protection-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._claims = self.watch(context.informers.of(PERSISTENT_VOLUME_CLAIMS), _guarded_by(CLAIM_FINALIZER))
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        """Claims that wait for the Pod to end or go."""
        if change.new is not None and not is_finished(change.new):
            return
        for key in claims_of(change.obj):
            claim = self._claims.get_key(key)
            if claim is not None and is_deleting(claim):
                yield key

    async def reconcile(self, key: str) -> float | None:
        claim = self._claims.get_key(key)
        namespace, _ = split_key(key)
        if claim is None or is_deleting(claim) != (CLAIM_FINALIZER in _finalizers(claim)):
            return None
        if not is_deleting(claim):
            await self._client.update(PERSISTENT_VOLUME_CLAIMS, with_finalizer(claim, CLAIM_FINALIZER), namespace)
            return None
        if _is_used(key, self._pods.by_index(indexes.NAMESPACE, namespace)):
            return None  # the Pod's end wakes it
        live = (await self._client.list(PODS, namespace)).items  # one may have come since
        if not _is_used(key, live):
            await self._client.update(PERSISTENT_VOLUME_CLAIMS, without_finalizer(claim, CLAIM_FINALIZER), namespace)
        return None


class VolumeProtectionController(Controller):
    name = "pv-protection-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._volumes = self.watch(context.informers.of(PERSISTENT_VOLUMES), _guarded_by(VOLUME_FINALIZER))

    async def reconcile(self, key: str) -> float | None:
        volume = self._volumes.get(key)
        if volume is None or is_deleting(volume) != (VOLUME_FINALIZER in _finalizers(volume)):
            return None
        if not is_deleting(volume):
            await self._client.update(PERSISTENT_VOLUMES, with_finalizer(volume, VOLUME_FINALIZER))
        elif (volume.get("status") or {}).get("phase") != "Bound":
            await self._client.update(PERSISTENT_VOLUMES, without_finalizer(volume, VOLUME_FINALIZER))
        return None


class AttributesClassProtectionController(Controller):
    name = "volumeattributesclass-protection-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._classes = self.watch(context.informers.of(VOLUME_ATTRIBUTES_CLASSES), _guarded_by(CLASS_FINALIZER))
        self._claims = self.watch(context.informers.of(PERSISTENT_VOLUME_CLAIMS), _classes_let_go)
        self._volumes = self.watch(context.informers.of(PERSISTENT_VOLUMES), _classes_let_go)

    async def reconcile(self, key: str) -> float | None:
        attributes = self._classes.get(key)
        if attributes is None or is_deleting(attributes) != (CLASS_FINALIZER in _finalizers(attributes)):
            return None
        if not is_deleting(attributes):
            await self._client.update(VOLUME_ATTRIBUTES_CLASSES, with_finalizer(attributes, CLASS_FINALIZER))
            return None
        users = (*self._claims.list(), *self._volumes.list())
        in_use = any(key in _attributes_classes(user) for user in users)
        if not in_use:
            await self._client.update(VOLUME_ATTRIBUTES_CLASSES, without_finalizer(attributes, CLASS_FINALIZER))
        return None


def without_finalizer(obj: Obj, finalizer: str) -> Obj:
    changed = own_copy(obj)
    changed["metadata"]["finalizers"] = [name for name in changed["metadata"]["finalizers"] if name != finalizer]
    return changed


def with_finalizer(obj: Obj, finalizer: str) -> Obj:
    changed = own_copy(obj)
    changed["metadata"]["finalizers"] = [*_finalizers(obj), finalizer]
    return changed


def _finalizers(obj: Obj) -> Sequence[str]:
    return obj["metadata"].get("finalizers") or ()


def _is_used(key: str, pods: Iterable[Obj]) -> bool:
    """By a Pod that is on a node and has not ended. One that is not scheduled holds nothing."""
    return any(node_name(pod) and not is_finished(pod) and key in claims_of(pod) for pod in pods)


def _attributes_classes(user: Obj) -> set[str]:
    """The classes a claim or volume has, or is on its way to."""
    status = user.get("status") or {}
    modifying = (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName")
    names = (user["spec"].get("volumeAttributesClassName"), status.get("currentVolumeAttributesClassName"), modifying)
    return {name for name in names if name}


def _classes_let_go(change: Change) -> Iterable[str]:
    if change.old is not None:
        yield from _attributes_classes(change.old) - (_attributes_classes(change.new) if change.new else set())


def _guarded_by(finalizer: str) -> Callable[[Change], Iterable[str]]:
    """What is deleted and has the finalizer, or is not and lacks it."""

    def keys(change: Change) -> Iterable[str]:
        if change.new is not None and is_deleting(change.new) == (finalizer in _finalizers(change.new)):
            yield object_key(change.new)

    return keys
