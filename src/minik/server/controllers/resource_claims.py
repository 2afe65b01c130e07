"""Makes the ResourceClaims that Pods ask for by template, and frees claims whose Pods ended.

Keys are "pod:<namespace>/<name>" and "claim:<namespace>/<name>". Allocation and reservation are the scheduler's.
https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Iterable, Sequence

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import APPLY_PATCH, Client
from minik.client.controller import Controller
from minik.client.events import WARNING, object_reference
from minik.client.informer import Change, object_key
from minik.client.resources import PODS, RESOURCE_CLAIM_TEMPLATES, RESOURCE_CLAIMS
from minik.server.controllers import indexes
from minik.server.controllers import resource_claims_plan as plan
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.device_taint_eviction import DeviceTaintEvictionController
from minik.server.controllers.objects import annotations_of, is_deleting
from minik.server.controllers.pods import node_name
from minik.server.controllers.volume_protection import without_finalizer

MANAGER = "ResourceClaimController"
_POD, _CLAIM = "pod:", "claim:"
_USED, _OWNER = "resourceclaim", "pod-owner"


def controllers(context: ControllerContext) -> Sequence[Controller]:
    """For on_demand.py."""
    return [ResourceClaimController(context), DeviceTaintEvictionController(context)]


class ResourceClaimController(Controller):
    name = "resource-claim-controller"
    workers = 4

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for("resource-claim-controller")
        self._recorder = context.events.recorder("resource_claim")
        self._made: dict[tuple[str, str], str] = {}  # (uid of the Pod, entry) -> claims that the cache lacks yet
        informers = context.informers
        self._claims = self.watch(
            informers.of(RESOURCE_CLAIMS, indexes={_OWNER: lambda claim: (plan.owner_of(claim)[1],)}),
            self._keys_of_claim,
        )
        self._pods = self.watch(informers.of(PODS, indexes={**indexes.PODS, _USED: plan.claim_keys}), self._keys_of_pod)

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        pod = change.obj
        if not plan.uses_claims(pod):
            return
        if change.new is None or plan.is_done(pod):
            yield from (_CLAIM + key for key in plan.claim_keys(pod))
            for claim in self._claims.by_index(_OWNER, pod["metadata"]["uid"]):
                yield _CLAIM + object_key(claim)
        elif not is_deleting(pod):
            yield _POD + object_key(pod)

    def _keys_of_claim(self, change: Change) -> Iterable[str]:
        key = object_key(change.obj)
        self._made.pop((plan.owner_of(change.obj)[1], annotations_of(change.obj).get(plan.POD_CLAIM, "")), None)
        if change.new is not None:
            yield _CLAIM + key
        for pod in self._pods.by_index(_USED, key):
            if not plan.is_done(pod) and not is_deleting(pod):
                yield _POD + object_key(pod)

    async def reconcile(self, key: str) -> float | None:
        if key.startswith(_POD):
            pod = self._pods.get_key(key.removeprefix(_POD))
            if pod is not None and not is_deleting(pod) and not plan.is_done(pod):
                await self._sync_pod(pod)
        else:
            claim = self._claims.get_key(key.removeprefix(_CLAIM))
            if claim is not None:
                await self._sync_claim(claim)
        return None

    # -- Pods

    async def _sync_pod(self, pod: Obj) -> None:
        made = {}
        for reference in plan.references(pod):
            try:
                name = await self._ensure(pod, reference)
            except StatusError as error:
                text = f"PodResourceClaim {reference.entry}: {error.message}"
                about = object_reference("v1", "Pod", pod)
                self._recorder.event(about, WARNING, "FailedResourceClaimCreation", text)
                raise
            if name:
                made[reference.entry] = name
        if made:
            await self._tell_pod(pod, made)
        if node_name(pod):
            for key in plan.claim_keys(pod):
                claim = self._claims.get_key(key)
                if claim is not None and plan.wants_reservation(pod, claim):
                    namespace = claim["metadata"]["namespace"]
                    reserved = plan.reserved(claim, pod)
                    await self._client.update(RESOURCE_CLAIMS, reserved, namespace, subresource="status")

    async def _ensure(self, pod: Obj, reference: plan.Reference) -> str:
        """The name of a claim that the Pod's status lacks; "" if it lacks none."""
        namespace = pod["metadata"]["namespace"]
        if not reference.template or reference.name == "":
            return ""
        if reference.name:
            claim = self._claims.get(reference.name, namespace)
            if claim is not None and plan.is_for(pod, claim):
                return ""
        uid = pod["metadata"]["uid"]
        claim = plan.made_for(pod, reference.entry, self._claims.by_index(_OWNER, uid))
        if claim is not None:
            return str(claim["metadata"]["name"])
        if (uid, reference.entry) not in self._made:
            template = await self._template(reference.template, namespace)
            wanted = plan.new_claim(pod, reference.entry, template)
            try:
                claim = await self._client.create(RESOURCE_CLAIMS, wanted, namespace)
            except StatusError as error:
                raise _in(error, f"create ResourceClaim : {error.message}") from error
            self._made[uid, reference.entry] = claim["metadata"]["name"]
        return self._made[uid, reference.entry]

    async def _template(self, name: str, namespace: str) -> Obj:
        try:
            return await self._client.get(RESOURCE_CLAIM_TEMPLATES, name, namespace)
        except StatusError as error:
            raise _in(error, f'resource claim template "{name}": {error.message}') from error

    async def _tell_pod(self, pod: Obj, made: dict[str, str]) -> None:
        metadata = pod["metadata"]
        known = {each.entry: each.name for each in plan.references(pod) if each.template and each.name} | made
        statuses = [{"name": entry, "resourceClaimName": name} for entry, name in known.items()]
        applied = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
            "status": {"resourceClaimStatuses": statuses},
        }
        await self._client.patch(
            PODS,
            metadata["name"],
            applied,
            metadata["namespace"],
            patch_type=APPLY_PATCH,
            subresource="status",
            field_manager=MANAGER,
            force=True,
        )

    # -- claims

    async def _sync_claim(self, claim: Obj) -> None:
        namespace, name = claim["metadata"]["namespace"], claim["metadata"]["name"]
        valid = [consumer for consumer in plan.consumers(claim) if await self._is_there(consumer, namespace)]
        cleanup = plan.clean_up(claim, valid)
        if cleanup.status is not None:
            claim = await self._client.update(RESOURCE_CLAIMS, cleanup.status, namespace, subresource="status")
        if cleanup.free:
            claim = await self._client.update(RESOURCE_CLAIMS, without_finalizer(claim, plan.FINALIZER), namespace)
        owner, uid = plan.owner_of(claim)
        if valid or not owner or is_deleting(claim):
            return
        pod = self._pods.get(owner, namespace)
        if pod is not None and (pod["metadata"]["uid"] != uid or plan.is_done(pod)):
            await self._client.delete(RESOURCE_CLAIMS, name, namespace)

    async def _is_there(self, consumer: Obj, namespace: str) -> bool:
        """Asked for at the API before it is believed to be gone: the cache may not have the Pod yet."""
        if consumer.get("apiGroup") or consumer["resource"] != "pods":
            raise ValueError(f"unsupported ReservedFor entry: {consumer}")
        pod = self._pods.get(consumer["name"], namespace)
        if pod is None:
            try:
                pod = await self._client.get(PODS, consumer["name"], namespace)
            except StatusError as error:
                if error.code != 404:
                    raise
                return False
        return bool(pod["metadata"]["uid"] == consumer["uid"]) and not plan.is_done(pod)


def _in(error: StatusError, message: str) -> StatusError:
    """The error, told of what was tried; named, so that the log takes it for what it is."""
    return StatusError(error.code, error.reason, message, name=(error.details or {}).get("name", ""))
