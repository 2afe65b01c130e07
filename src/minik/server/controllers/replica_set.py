"""Keeps the wanted number of Pods for each ReplicaSet, and for each ReplicationController, which is the same thing.

Decisions are in replica_set_plan.py. Expectations keep a run from acting on a cache that has not seen the previous
run's writes yet.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from minik.api.selectors import LabelSelector, of_labels, of_object
from minik.api.status import StatusError
from minik.api.types import GVR, Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.expectations import Expectations
from minik.client.informer import Change, Informer, split_key
from minik.client.resources import PODS, REPLICA_SETS, REPLICATION_CONTROLLERS
from minik.server.controllers import indexes
from minik.server.controllers.claims import Owner, claim
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import controller_of, controller_uid, is_deleting, labels_of
from minik.server.controllers.pod_control import PodControl, namespace_is_terminating, pod_from_template, slow_start
from minik.server.controllers.replica_set_plan import Failure, Plan, new_status, next_look, plan


@dataclass(frozen=True, slots=True)
class Flavour:
    """What differs between the two kinds."""

    resource: GVR
    kind: str
    name: str  # of the controller
    selector: Callable[[Obj], LabelSelector]
    counts_terminating: bool


def _set_selector(replica_set: Obj) -> LabelSelector:
    return of_object(replica_set["spec"].get("selector"))


def _rc_selector(controller: Obj) -> LabelSelector:
    return of_labels(controller["spec"].get("selector"))


REPLICA_SET = Flavour(REPLICA_SETS, "ReplicaSet", "replicaset-controller", _set_selector, True)
REPLICATION_CONTROLLER = Flavour(
    REPLICATION_CONTROLLERS, "ReplicationController", "replication-controller", _rc_selector, False
)


class ReplicaSetController(Controller):
    workers = 5
    flavour = REPLICA_SET

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self.name = self.flavour.name
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._control = PodControl(self._client, self._recorder)
        self._expectations = Expectations(context.clock)
        self._sets = self.watch(context.informers.of(self.flavour.resource, indexes=indexes.OWNED))
        self._pods: Informer = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        pod = change.obj
        if change.old is not None and change.new is not None:
            before, after = controller_uid(change.old), controller_uid(change.new)
            if before and before != after:
                yield from self._keys_of_owner(change.old)
        reference = controller_of(pod)
        if reference is not None:
            for key in self._keys_of_owner(pod):
                if change.new is None or is_deleting(pod):
                    self._expectations.deletion_observed(key, pod["metadata"]["uid"])
                elif change.old is None:
                    self._expectations.creation_observed(key)
                yield key
        elif change.new is not None:
            for replica_set in self._sets.by_index(indexes.NAMESPACE, pod["metadata"]["namespace"]):
                if self.flavour.selector(replica_set).matches(labels_of(pod)):
                    yield f"{pod['metadata']['namespace']}/{replica_set['metadata']['name']}"

    def _keys_of_owner(self, pod: Obj) -> Iterable[str]:
        reference = controller_of(pod)
        if reference is None or reference["kind"] != self.flavour.kind:
            return
        key = f"{pod['metadata']['namespace']}/{reference['name']}"
        owner = self._sets.get_key(key)
        if owner is not None and owner["metadata"]["uid"] == reference["uid"]:
            yield key

    async def reconcile(self, key: str) -> float | None:
        replica_set = self._sets.get_key(key)
        if replica_set is None:
            self._expectations.forget(key)
            return None
        may_act = self._expectations.satisfied(key)  # asked before the caches are read
        owner = Owner(self.flavour.resource, self.flavour.kind, replica_set)
        namespace, _ = split_key(key)
        pods = await claim(self._client, owner, PODS, self._candidates(namespace, replica_set), self._belongs(owner))
        failure = None
        error = None
        if may_act and not is_deleting(replica_set):
            wanted = replica_set["spec"].get("replicas", 1)
            todo = plan(wanted, pods, self._related(replica_set, pods), self.clock.now())
            error = await self._carry_out(key, owner, todo)
            if error is not None:
                failure = Failure("FailedCreate" if todo.create else "FailedDelete", error.message)
        elif (replica_set.get("status") or {}).get("conditions"):
            failure = _standing_failure(replica_set)
        await self._write_status(replica_set, pods, failure)
        if error is not None:
            raise error
        return next_look(replica_set, pods, self.clock.now())

    def _candidates(self, namespace: str, replica_set: Obj) -> Iterable[Obj]:
        """Pods that are the set's, or nobody's."""
        yield from self._pods.by_index(indexes.CONTROLLER, replica_set["metadata"]["uid"])
        yield from self._pods.by_index(indexes.ORPHANS, namespace)

    def _belongs(self, owner: Owner) -> Callable[[Obj], bool]:
        selector = self.flavour.selector(owner.obj)
        return lambda pod: selector.matches(labels_of(pod))

    def _related(self, replica_set: Obj, pods: list[Obj]) -> list[Obj]:
        """Pods of every set with the same owner: a Deployment's."""
        uid = controller_uid(replica_set)
        if not uid:
            return pods
        siblings = self._sets.by_index(indexes.CONTROLLER, uid)
        return [
            pod for sibling in siblings for pod in self._pods.by_index(indexes.CONTROLLER, sibling["metadata"]["uid"])
        ]

    async def _carry_out(self, key: str, owner: Owner, todo: Plan) -> StatusError | None:
        """The first error, unless the namespace is going away anyway."""
        if todo.create:
            return await self._create(key, owner, todo.create)
        if todo.delete:
            return await self._delete(key, owner, todo.delete)
        return None

    async def _create(self, key: str, owner: Owner, count: int) -> StatusError | None:
        self._expectations.expect(key, creations=count)

        pod = pod_from_template(owner.obj["spec"]["template"], owner)  # all alike; the API names them

        async def create(_: int) -> None:
            await self._control.create(owner, pod)

        done = 0
        try:
            result = await slow_start(range(count), create)
            done = result.done
        finally:
            for _ in range(count - done):  # no event will come for these
                self._expectations.creation_observed(key)
        if result.error is not None and namespace_is_terminating(result.error):
            return None
        return result.error

    async def _delete(self, key: str, owner: Owner, pods: Iterable[Obj]) -> StatusError | None:
        pods = [*pods]
        self._expectations.expect(key, deletions=[pod["metadata"]["uid"] for pod in pods])

        async def delete(pod: Obj) -> None:
            deleted = False
            try:
                deleted = await self._control.delete(owner, pod)
            finally:
                if not deleted:
                    self._expectations.deletion_observed(key, pod["metadata"]["uid"])

        result = await slow_start(pods, delete)
        for pod in pods[result.done :] if result.error else ():
            self._expectations.deletion_observed(key, pod["metadata"]["uid"])
        return result.error

    async def _write_status(self, replica_set: Obj, pods: list[Obj], failure: Failure | None) -> None:
        counts_terminating = self.flavour.counts_terminating
        status = new_status(replica_set, pods, failure, self.clock.now(), counts_terminating=counts_terminating)
        if status == replica_set.get("status"):
            return
        changed = {**replica_set, "status": status}
        await self._client.update(
            self.flavour.resource, changed, replica_set["metadata"]["namespace"], subresource="status"
        )


class ReplicationControllerController(ReplicaSetController):
    flavour = REPLICATION_CONTROLLER


def _standing_failure(replica_set: Obj) -> Failure | None:
    """While waiting for expectations a failure stays as it is."""
    for condition in replica_set["status"]["conditions"]:
        if condition["type"] == "ReplicaFailure":
            return Failure(condition.get("reason", ""), condition.get("message", ""))
    return None
