"""Tells who asks for a larger volume that its driver's resizer is to enlarge it.

No storage that is built in grows by itself; CSI drivers bring an external-resizer, which keeps the conditions and
status.allocatedResources of the claim. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims
"""

from collections.abc import Iterable

from minik.api.quantity import parse
from minik.api.types import Obj
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change, object_key
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from minik.server.controllers.context import ControllerContext
from minik.server.volumes.matching import capacity, refers_to, requested

_WAITING = "waiting for an external controller to expand this PVC"


class VolumeExpansionController(Controller):
    name = "persistentvolume-expander-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._recorder = context.events.recorder("volume_expand")
        self._volumes = self.watch(context.informers.of(PERSISTENT_VOLUMES), None)
        self._claims = self.watch(context.informers.of(PERSISTENT_VOLUME_CLAIMS), _grown)

    async def reconcile(self, key: str) -> float | None:
        claim = self._claims.get_key(key)
        volume = self._volumes.get(claim["spec"].get("volumeName", "")) if claim is not None else None
        if claim is None or volume is None or not refers_to(volume, claim) or requested(claim) <= capacity(volume):
            return None
        about = object_reference("v1", "PersistentVolumeClaim", claim)
        kind = NORMAL if "csi" in volume["spec"] else WARNING
        self._recorder.event(about, kind, "ExternalExpanding", _WAITING)
        return None


def wants_more(claim: Obj) -> bool:
    """Whether a bound claim asks for more than it has."""
    status = claim.get("status") or {}
    has = (status.get("capacity") or {}).get("storage")
    return status.get("phase") == "Bound" and has is not None and requested(claim) > parse(has).nanos


def _grown(change: Change) -> Iterable[str]:
    if change.new is None or not wants_more(change.new):
        return
    if change.old is None or requested(change.old) != requested(change.new):
        yield object_key(change.new)
