"""The kubelets of all fake nodes: one watch, work only for Pods that change. pod_stages.py decides."""

from collections.abc import Iterable

from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.informer import Change, Informers, object_key
from minik.client.resources import NODES, PODS
from minik.server.fake_nodes import pod_stages as stages
from minik.server.fake_nodes.addresses import Addresses
from minik.server.fake_nodes.node import address_of, is_fake
from minik.server.fake_nodes.pod_stages import Delays, Place, Stage

LOOK_AGAIN = 1.0  # seconds, for a node that the cache has not seen yet


class FakePods(Controller):
    name = "fake-pods"
    workers = 24  # so that many status writes share a commit, and others have their turn

    def __init__(self, client: Client, informers: Informers, delays: Delays) -> None:
        super().__init__()
        self._client = client
        self._delays = delays
        self._addresses = Addresses()
        self._due: dict[str, tuple[Stage, float]] = {}  # Pods that wait for their time
        self._nodes = self.watch(informers.of(NODES), None)
        self._pods = self.watch(informers.of(PODS), self._keys_of_pod)

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        pod = change.obj
        if not pod["spec"].get("nodeName"):
            return
        uid, key = pod["metadata"]["uid"], object_key(pod)
        if change.new is None or (pod.get("status") or {}).get("phase") in stages.FINISHED:
            self._addresses.release(uid)
        if change.new is None:
            self._due.pop(key, None)
        elif stages.next_stage(pod) is not Stage.NOTHING or change.old is None:
            yield key

    async def reconcile(self, key: str) -> float | None:
        pod = self._pods.get_key(key)
        if pod is None or not pod["spec"].get("nodeName"):  # another one of that name, meanwhile
            return None
        node = self._nodes.get(pod["spec"]["nodeName"])
        if node is None:
            return LOOK_AGAIN
        if not is_fake(node):
            return None
        self._recall(pod, node)
        stage = stages.next_stage(pod)
        if (left := self._left(key, pod, stage)) > 0:
            return left
        await self._do(pod, node, stage)
        return None

    def _recall(self, pod: Obj, node: Obj) -> None:
        """The address of a Pod that an earlier run of this program started."""
        status, cidr = pod.get("status") or {}, node["spec"].get("podCIDR")
        running = status.get("phase") == "Running" and not pod["spec"].get("hostNetwork")
        if cidr and running and status.get("podIP"):
            self._addresses.occupy(pod["metadata"]["uid"], cidr, status["podIP"])

    def _left(self, key: str, pod: Obj, stage: Stage) -> float:
        """Seconds until the stage's time has come."""
        wait, now = stages.delay(pod, stage, self._delays), self.clock.monotonic()
        if wait <= 0:
            self._due.pop(key, None)
            return 0.0
        known, when = self._due.setdefault(key, (stage, now + wait))
        if known is not stage:
            when = now + wait
            self._due[key] = stage, when
        return when - now

    async def _do(self, pod: Obj, node: Obj, stage: Stage) -> None:
        now = self.clock.now()
        if stage in (Stage.START, Stage.REPORT):
            await self._write(pod, stages.running(pod, self._place(pod, node), now))
        elif stage is Stage.EXIT:
            await self._write(pod, stages.exited(pod, now, stages.exit_code(pod)))
        elif stage is Stage.KILL:
            await self._write(pod, stages.exited(pod, now, stages.KILLED))
        elif stage is Stage.REMOVE:
            metadata = pod["metadata"]
            await self._client.delete(
                PODS, metadata["name"], metadata["namespace"], grace_period_seconds=0, uid=metadata["uid"]
            )
        self._due.pop(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}", None)

    async def _write(self, pod: Obj, status: Obj) -> None:
        await self._client.update(PODS, {**pod, "status": status}, pod["metadata"]["namespace"], subresource="status")

    def _place(self, pod: Obj, node: Obj) -> Place:
        own, cidr = address_of(node), node["spec"].get("podCIDR")
        if pod["spec"].get("hostNetwork") or not cidr:
            return Place(own, own)
        return Place(own, self._addresses.take(pod["metadata"]["uid"], cidr) or own)
