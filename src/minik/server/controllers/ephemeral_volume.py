"""Makes the claims of generic ephemeral volumes, owned by their Pods.

https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes
"""

from collections.abc import Iterable

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.events import WARNING, object_reference
from minik.client.informer import Change, object_key
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS, PODS
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import is_deleting, own_copy, owner_reference
from minik.server.volumes.pod_claims import claim_name, is_made_for


class EphemeralVolumeController(Controller):
    name = "ephemeral-volume-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder("ephemeral_volume")
        self._claims = self.watch(context.informers.of(PERSISTENT_VOLUME_CLAIMS), self._keys_of_claim)
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), _keys_of_pod)

    def _keys_of_claim(self, change: Change) -> Iterable[str]:
        """A claim that went may be wanted again."""
        if change.new is None:
            for owner in change.obj["metadata"].get("ownerReferences") or ():
                if owner["kind"] == "Pod" and owner.get("controller"):
                    yield f"{change.obj['metadata']['namespace']}/{owner['name']}"

    async def reconcile(self, key: str) -> float | None:
        pod = self._pods.get_key(key)
        if pod is None or is_deleting(pod):
            return None
        for volume in pod["spec"].get("volumes") or ():
            if "ephemeral" in volume:
                await self._ensure(pod, volume)
        return None

    async def _ensure(self, pod: Obj, volume: Obj) -> None:
        namespace, name = pod["metadata"]["namespace"], claim_name(pod, volume)
        claim = self._claims.get(name, namespace)
        if claim is not None and is_made_for(claim, pod):
            return
        try:
            if claim is not None:
                user = f"{namespace}/{pod['metadata']['name']}"
                raise RuntimeError(f"PVC {namespace}/{name} was not created for pod {user} (pod is not owner)")
            await self._create(pod, volume, name)
        except (RuntimeError, StatusError) as error:
            about = object_reference("v1", "Pod", pod)
            self._recorder.event(about, WARNING, "FailedBinding", f"ephemeral volume {volume['name']}: {error}")
            raise

    async def _create(self, pod: Obj, volume: Obj, name: str) -> None:
        template = own_copy(volume["ephemeral"]["volumeClaimTemplate"])
        metadata, namespace = template.get("metadata") or {}, pod["metadata"]["namespace"]
        wanted = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "ownerReferences": [owner_reference(pod, "v1", "Pod")],
                **{part: metadata[part] for part in ("labels", "annotations") if metadata.get(part)},
            },
            "spec": template["spec"],
        }
        try:
            await self._client.create(PERSISTENT_VOLUME_CLAIMS, wanted, namespace)
        except StatusError as error:
            raise RuntimeError(f"create PVC {name}: {error.message}") from error


def _keys_of_pod(change: Change) -> Iterable[str]:
    """The volumes of a Pod never change, so only its coming matters."""
    pod = change.new if change.old is None else None
    if pod is not None and any("ephemeral" in volume for volume in pod["spec"].get("volumes") or ()):
        yield object_key(pod)
