"""Runs one Pod of each DaemonSet on every node that it fits; decisions are in daemon_set_plan.py."""

from collections.abc import Iterable, Sequence

from minik.api.selectors import of_object
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.expectations import Expectations
from minik.client.informer import Change, object_key, split_key
from minik.client.resources import DAEMON_SETS, NODES, PODS
from minik.server.controllers import controller_history as history
from minik.server.controllers import daemon_set_plan as decide
from minik.server.controllers import indexes
from minik.server.controllers.claims import Owner, claim
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import controller_of, is_deleting, labels_of
from minik.server.controllers.pod_control import PodControl, namespace_is_terminating, slow_start
from minik.server.controllers.pods import available_in

FAILED_POD_PAUSE, LONGEST_PAUSE = 1.0, 900.0  # seconds from a failed Pod's replacement to that of the next; doubles
LONGEST_PAUSE = 900.0  # also how long a failure is remembered after it


class DaemonSetController(Controller):
    name = "daemon-set-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder("daemonset-controller")
        self._control = PodControl(self._client, self._recorder)
        self._expectations = Expectations(context.clock)
        self._failures: dict[str, dict[str, tuple[int, float]]] = {}  # key -> node -> how often, when next, monotonic
        self._sets = self.watch(context.informers.of(DAEMON_SETS, indexes=indexes.BY_NAMESPACE))
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)
        self._nodes = self.watch(context.informers.of(NODES), self._keys_of_node)
        self._revisions = self.watch(context.informers.of(history.CONTROLLER_REVISIONS, indexes=indexes.OWNED), None)

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        pod = change.obj
        reference = controller_of(pod)
        namespace = pod["metadata"]["namespace"]
        if reference is not None:
            key = f"{namespace}/{reference['name']}"
            owner = self._sets.get_key(key) if reference["kind"] == "DaemonSet" else None
            if owner is None or owner["metadata"]["uid"] != reference["uid"]:
                return
            if change.new is None or is_deleting(pod):
                self._expectations.deletion_observed(key, pod["metadata"]["uid"])
            elif change.old is None:
                self._expectations.creation_observed(key)
            yield key
        elif change.new is not None:
            for daemon_set in self._sets.by_index(indexes.NAMESPACE, namespace):
                if of_object(daemon_set["spec"].get("selector")).matches(labels_of(pod)):
                    yield object_key(daemon_set)

    def _keys_of_node(self, change: Change) -> Iterable[str]:
        if change.old is not None and change.new is not None and _shown(change.old) == _shown(change.new):
            return
        for daemon_set in self._sets.list():
            yield object_key(daemon_set)

    async def reconcile(self, key: str) -> float | None:
        daemon_set = self._sets.get_key(key)
        if daemon_set is None:
            self._expectations.forget(key)
            self._failures.pop(key, None)
            return None
        about = object_reference("apps/v1", "DaemonSet", daemon_set)
        selector = of_object(daemon_set["spec"].get("selector"))
        if selector.everything:
            text = "This daemon set is selecting all pods. A non-empty selector is required."
            self._recorder.event(about, WARNING, "SelectingAll", text)
            return None
        if is_deleting(daemon_set):
            return None
        may_act = self._expectations.satisfied(key)
        owner = Owner(DAEMON_SETS, "DaemonSet", daemon_set)
        namespace, _ = split_key(key)
        candidates = [
            *self._pods.by_index(indexes.CONTROLLER, daemon_set["metadata"]["uid"]),
            *self._pods.by_index(indexes.ORPHANS, namespace),
        ]
        pods = await claim(self._client, owner, PODS, candidates, lambda pod: selector.matches(labels_of(pod)))
        known = await history.claimed(self._client, owner, self._revisions, selector)
        latest = await history.latest(self._client, owner, known, daemon_set["spec"]["template"])
        if await self._merge_history(known, latest, pods):
            return None
        digest = history.hash_of(latest)
        again, error = None, None
        if may_act:
            try:
                again = await self._act(key, owner, pods, digest)
            except StatusError as raised:  # which does not keep the status from being true
                error = raised
        await self._write_status(owner, pods, digest)
        if error is not None:
            raise error
        await self._forget_history(daemon_set, known, pods, latest)
        return _soonest(again, self._next_available(daemon_set, pods))

    async def _merge_history(self, known: Sequence[Obj], latest: Obj, pods: Sequence[Obj]) -> bool:
        """Of several revisions with one template the newest stays; Pods of the others become its own first.

        Whether Pods were changed: then nothing may be decided before the cache has seen that.
        """
        others, digest = history.duplicates(known, latest), history.hash_of(latest)
        hashes = {history.hash_of(other) for other in others} - {digest}
        theirs = [pod for pod in pods if labels_of(pod).get(history.HASH_LABEL) in hashes]
        for pod in theirs:
            metadata, patch = pod["metadata"], {"metadata": {"labels": {history.HASH_LABEL: digest}}}
            await self._client.patch(
                PODS, metadata["name"], patch, metadata["namespace"], patch_type=STRATEGIC_MERGE_PATCH
            )
        if not theirs:
            await history.forget(self._client, others)
        return bool(theirs)

    async def _act(self, key: str, owner: Owner, pods: Sequence[Obj], digest: str) -> float | None:
        daemon_set, nodes, now = owner.obj, self._nodes.list(), self.clock.now()
        grouped = decide.by_node(pods)
        todo = decide.plan(daemon_set, nodes, grouped, digest, now)
        again = self._tell_of_ended(key, daemon_set, todo)
        if not (todo.create or todo.delete):
            todo = decide.plan_update(daemon_set, nodes, grouped, digest, now)
        self._expectations.expect(
            key, creations=len(todo.create), deletions=[pod["metadata"]["uid"] for pod in todo.delete]
        )
        try:
            await self._create(key, owner, todo.create, digest)
            await self._delete(key, owner, todo.delete)
        except StatusError as error:
            self._expectations.forget(key)
            if not namespace_is_terminating(error):
                raise
        return again

    def _tell_of_ended(self, key: str, daemon_set: Obj, todo: decide.Plan) -> float | None:
        """Pods that fail are replaced, but not in a hot loop. Seconds until the first one held back."""
        waits = []
        for pod in todo.ended:
            node, failed = decide.target_node(pod), pod["status"]["phase"] == "Failed"
            if failed and (wait := self._pause(key, node)) > 0:
                waits.append(wait)
                todo.delete.remove(pod)
                continue
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            about = object_reference("apps/v1", "DaemonSet", daemon_set)
            if failed:
                text = f"Found failed daemon pod {name} on node {node}, will try to kill it"
                self._recorder.event(about, WARNING, "FailedDaemonPod", text)
            else:
                text = f"Found succeeded daemon pod {name} on node {node}, will try to delete it"
                self._recorder.event(about, NORMAL, "SucceededDaemonPod", text)
        return min(waits) if waits else None

    def _pause(self, key: str, node: str) -> float:
        """Seconds that a failed Pod's replacement has to wait yet; at 0 the next pause begins."""
        failures, now = self._failures.setdefault(key, {}), self.clock.monotonic()
        times, not_before = failures.get(node, (0, 0.0))
        if now < not_before:
            return not_before - now
        if now - not_before > 2 * LONGEST_PAUSE:
            times = 0
        failures[node] = (times + 1, now + min(FAILED_POD_PAUSE * 2.0 ** min(times, 20), LONGEST_PAUSE))
        return 0.0

    async def _create(self, key: str, owner: Owner, nodes: Sequence[str], digest: str) -> None:
        async def create(node: str) -> None:
            await self._control.create(owner, decide.build_pod(owner, node, digest))

        result = await slow_start(nodes, create)
        if result.error is not None:
            raise result.error

    async def _delete(self, key: str, owner: Owner, pods: Sequence[Obj]) -> None:
        async def delete(pod: Obj) -> None:
            if not await self._control.delete(owner, pod):
                self._expectations.deletion_observed(key, pod["metadata"]["uid"])

        result = await slow_start(pods, delete)
        if result.error is not None:
            raise result.error

    async def _write_status(self, owner: Owner, pods: Sequence[Obj], digest: str) -> None:
        daemon_set = owner.obj
        status = decide.new_status(daemon_set, self._nodes.list(), decide.by_node(pods), digest, self.clock.now())
        if status != daemon_set.get("status"):
            changed = {**daemon_set, "status": status}
            await self._client.update(DAEMON_SETS, changed, daemon_set["metadata"]["namespace"], subresource="status")

    async def _forget_history(
        self, daemon_set: Obj, revisions: Sequence[Obj], pods: Sequence[Obj], latest: Obj
    ) -> None:
        in_use = {labels_of(pod).get(history.HASH_LABEL) for pod in pods} | {latest["metadata"]["name"]}
        limit = daemon_set["spec"].get("revisionHistoryLimit", 10)
        await history.forget(self._client, history.superfluous(revisions, in_use, limit))

    def _next_available(self, daemon_set: Obj, pods: Sequence[Obj]) -> float | None:
        min_ready, now = daemon_set["spec"].get("minReadySeconds", 0), self.clock.now()
        waits = [wait for pod in pods if (wait := available_in(pod, min_ready, now))]
        return min(waits) + 0.001 if waits else None


def _soonest(*waits: float | None) -> float | None:
    known = [wait for wait in waits if wait is not None]
    return min(known) if known else None


def _shown(node: Obj) -> tuple[object, object, object]:
    """What of a node decides whether daemons run there."""
    return node["metadata"].get("labels"), node["spec"].get("taints"), node["spec"].get("unschedulable")
