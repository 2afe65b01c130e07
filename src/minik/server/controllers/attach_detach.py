"""Attaches CSI volumes to the nodes whose Pods use them, through VolumeAttachments, and detaches them afterwards.

Keys are names of PersistentVolumes. Drivers do the work (their external-attacher); nodes report what they have mounted
(status.volumesInUse) and read what they may mount (status.volumesAttached). Decisions are in attach_detach_plan.py.
"""

from collections.abc import Iterable, Mapping, Sequence

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change
from minik.client.resources import (
    CSI_DRIVERS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    VOLUME_ATTACHMENTS,
)
from minik.server.controllers import attach_detach_plan as plan
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import annotations_of, is_deleting
from minik.server.controllers.pods import node_name
from minik.server.volumes.csi_translation import as_csi
from minik.server.volumes.pod_claims import claims_of

_NODE, _VOLUME, _DRIVER = "attach-node", "attach-volume", "attach-driver"


def controllers(context: ControllerContext) -> Sequence[Controller]:
    """For on_demand.py."""
    return [AttachDetachController(context)]


class AttachDetachController(Controller):
    name = "attachdetach-controller"
    workers = 1  # reports about a node are one after the other

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for("attachdetach-controller")
        self._recorder = context.events.recorder(self.name)
        self._asked: dict[tuple[str, str], float] = {}  # (volume, node) -> since when it is to let go, monotonic
        self._reported: dict[str, list[Obj]] = {}  # node -> its volumesAttached as written last
        self._torn: set[str] = set()  # uids of VolumeAttachments that nodes were told to forget
        self._refused: set[tuple[str, str]] = set()  # (volume, node) whose Pods know that they wait
        informers = context.informers
        self._pods = self.watch(informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)
        self._claims = self.watch(informers.of(PERSISTENT_VOLUME_CLAIMS), _volume_of_claim)
        self._volumes = self.watch(
            informers.of(PERSISTENT_VOLUMES, indexes={_DRIVER: _driver_of}), lambda change: _driven(change.obj)
        )
        self._drivers = self.watch(informers.of(CSI_DRIVERS), self._keys_of_driver)
        self._attachments = self.watch(
            informers.of(VOLUME_ATTACHMENTS, indexes={_VOLUME: _volume_of, _NODE: lambda a: (a["spec"]["nodeName"],)}),
            self._keys_of_attachment,
        )
        self._nodes = self.watch(informers.of(NODES), self._keys_of_node)

    # -- what wakes it

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        old, new = change.old, change.new
        before = old is not None and plan.needs_volumes(old)
        if before != (new is not None and plan.needs_volumes(new)):
            yield from self._volumes_of_pod(change.obj)

    def _volumes_of_pod(self, pod: Obj) -> Iterable[str]:
        for key in claims_of(pod):
            claim = self._claims.get_key(key)
            if claim is not None and claim["spec"].get("volumeName"):
                yield claim["spec"]["volumeName"]

    def _keys_of_node(self, change: Change) -> Iterable[str]:
        name = change.obj["metadata"]["name"]
        if change.old is None or change.new is None:
            self._reported.pop(name, None)
        elif _facts(change.old) == _facts(change.new):
            return
        for attachment in self._attachments.by_index(_NODE, name):
            yield from _volume_of(attachment)
        for pod in self._pods.by_index(indexes.NODE, name):
            yield from self._volumes_of_pod(pod)

    def _keys_of_driver(self, change: Change) -> Iterable[str]:
        for volume in self._volumes.by_index(_DRIVER, change.obj["metadata"]["name"]):
            yield volume["metadata"]["name"]

    def _keys_of_attachment(self, change: Change) -> Iterable[str]:
        yield from _volume_of(change.obj)
        if change.new is None:
            self._torn.discard(change.obj["metadata"]["uid"])
        elif change.old is not None:
            self._tell_outcome(change.old, change.new)

    def _tell_outcome(self, old: Obj, new: Obj) -> None:
        """Events for the Pods that wait for the volume."""
        volume = self._volume(next(iter(_volume_of(new)), ""))
        if volume is None:
            return
        name, node = volume["metadata"]["name"], new["spec"]["nodeName"]
        if plan.is_attached(new) and not plan.is_attached(old):
            text = f'AttachVolume.Attach succeeded for volume "{name}" '
            self._tell(self._users(volume).get(node, ()), NORMAL, "SuccessfulAttachVolume", text)
        elif plan.attach_error(new) and plan.attach_error(new) != plan.attach_error(old):
            self._tell_failure(volume, node, plan.attach_error(new))

    # -- what it does

    async def reconcile(self, key: str) -> float | None:
        volume = self._volume(key)
        if volume is None or "csi" not in volume["spec"]:
            return None
        attachments = {each["spec"]["nodeName"]: each for each in self._attachments.by_index(_VOLUME, key)}
        driver = self._drivers.get(volume["spec"]["csi"]["driver"])
        users = self._users(volume) if plan.needs_attaching(volume, driver) else {}
        hosts = {node: plan.host_of(self._nodes.get(node), volume) for node in {*users, *attachments}}
        now = self.clock.monotonic()
        asked = {node: now - self._asked.get((key, node), now) for node in attachments}
        decided = plan.plan(volume, users, attachments, hosts, asked)
        self._remember(key, decided, now)
        for node in decided.detach:
            await self._detach(attachments[node])
        for node in decided.attach:
            await self._attach(volume, node)
        for node, why in decided.refused.items():
            if (key, node) not in self._refused:
                self._refused.add((key, node))
                self._tell(users[node], WARNING, "FailedAttachVolume", f'Multi-Attach error for volume "{key}" {why}')
        for node in {*users, *attachments}:
            await self._report_node(node)
        return decided.wait

    def _volume(self, name: str) -> Obj | None:
        """As a CSI volume if it is one now."""
        volume = self._volumes.get(name)
        return None if volume is None else as_csi(volume)

    def _remember(self, volume: str, decided: plan.Plan, now: float) -> None:
        for known in [known for known in self._asked if known[0] == volume and known[1] not in decided.wanted_away]:
            del self._asked[known]
        for node in decided.wanted_away:
            self._asked.setdefault((volume, node), now)
        self._refused -= {each for each in self._refused if each[0] == volume and each[1] not in decided.refused}

    def _users(self, volume: Obj) -> Mapping[str, Sequence[Obj]]:
        """node -> Pods there that use the volume."""
        reference = volume["spec"].get("claimRef") or {}
        key = f"{reference.get('namespace', '')}/{reference.get('name', '')}"
        claim = self._claims.get_key(key)
        if claim is None or claim["spec"].get("volumeName") != volume["metadata"]["name"]:
            return {}
        found: dict[str, list[Obj]] = {}
        for pod in self._pods.by_index(indexes.CLAIM, key):
            node = self._nodes.get(node_name(pod))
            keep = node is not None and annotations_of(node).get(plan.KEEP_TERMINATED) == "true"
            if plan.needs_volumes(pod, keep_terminated=keep):
                found.setdefault(node_name(pod), []).append(pod)
        return found

    async def _attach(self, volume: Obj, node: str) -> None:
        try:
            await self._client.create(VOLUME_ATTACHMENTS, plan.attachment(volume, node))
        except StatusError as error:
            if error.reason != "AlreadyExists":
                self._tell_failure(volume, node, error.message)
                raise

    async def _detach(self, attachment: Obj) -> None:
        """First the node is told not to mount it any more."""
        metadata = attachment["metadata"]
        self._torn.add(metadata["uid"])
        await self._report_node(attachment["spec"]["nodeName"])
        try:
            await self._client.delete(VOLUME_ATTACHMENTS, metadata["name"], uid=metadata["uid"])
        except StatusError as error:
            if error.code != 404:
                raise

    async def _report_node(self, name: str) -> None:
        """Write node.status.volumesAttached, as far as it changed."""
        node = self._nodes.get(name)
        if node is None:
            return
        attached = []
        for attachment in self._attachments.by_index(_NODE, name):
            volume = self._volume(next(iter(_volume_of(attachment)), ""))
            leaving = is_deleting(attachment) or attachment["metadata"]["uid"] in self._torn
            if volume is not None and "csi" in volume["spec"] and plan.is_attached(attachment) and not leaving:
                attached.append(volume)
        wanted = plan.volumes_attached(attached)
        present = self._reported.get(name, (node.get("status") or {}).get("volumesAttached") or [])
        if wanted == present:
            return
        patch = {"status": {"volumesAttached": wanted or None}}
        await self._client.patch(NODES, name, patch, patch_type=STRATEGIC_MERGE_PATCH, subresource="status")
        self._reported[name] = wanted

    def _tell_failure(self, volume: Obj, node: str, message: str) -> None:
        text = f'AttachVolume.Attach failed for volume "{volume["metadata"]["name"]}" : {message}'
        self._tell(self._users(volume).get(node, ()), WARNING, "FailedAttachVolume", text)

    def _tell(self, pods: Iterable[Obj], kind: str, reason: str, message: str) -> None:
        for pod in pods:
            self._recorder.event(object_reference("v1", "Pod", pod), kind, reason, message)


def _facts(node: Obj) -> tuple[object, ...]:
    """What of a node matters to its volumes."""
    status = node.get("status") or {}
    ready = next((c["status"] for c in status.get("conditions") or () if c["type"] == "Ready"), "")
    notes = annotations_of(node)
    taints = tuple(taint["key"] for taint in node["spec"].get("taints") or ())
    return ready, tuple(status.get("volumesInUse") or ()), notes.get(plan.MANAGED), taints


def _volume_of_claim(change: Change) -> Iterable[str]:
    name = change.obj["spec"].get("volumeName")
    if name and (change.old is None or change.old["spec"].get("volumeName") != name):
        yield name


def _volume_of(attachment: Obj) -> Iterable[str]:
    name = attachment["spec"]["source"].get("persistentVolumeName")
    return (name,) if name else ()


def _driver_of(volume: Obj) -> Iterable[str]:
    spec = as_csi(volume)["spec"]
    return (spec["csi"]["driver"],) if "csi" in spec else ()


def _driven(volume: Obj) -> Iterable[str]:
    return (volume["metadata"]["name"],) if "csi" in as_csi(volume)["spec"] else ()
