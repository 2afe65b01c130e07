"""Moves each Deployment's Pods from old ReplicaSets to the one with its present template.

Decisions are in deployment_revision.py (history), deployment_rollout.py (sizes) and deployment_status.py.
Behaviour: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from minik.api.selectors import of_object
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change, split_key
from minik.client.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from minik.server.controllers import deployment_revision as revisions
from minik.server.controllers import deployment_rollback as rollback
from minik.server.controllers import deployment_rollout as rollout
from minik.server.controllers import deployment_status as progress
from minik.server.controllers import indexes
from minik.server.controllers.claims import Owner, claim
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.deployment_rollout import Scaling, Sets
from minik.server.controllers.objects import (
    annotations_of,
    condition_of,
    controller_of,
    controller_uid,
    is_deleting,
    labels_of,
    own_copy,
)
from minik.server.controllers.pod_control import namespace_is_terminating
from minik.server.controllers.rolling import is_rolling, limits


class _HashCollisionError(Exception):
    """Another ReplicaSet has the name; the next run uses another hash."""


class DeploymentController(Controller):
    name = "deployment-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._deployments = self.watch(context.informers.of(DEPLOYMENTS, indexes=indexes.BY_NAMESPACE))
        self._sets = self.watch(context.informers.of(REPLICA_SETS, indexes=indexes.OWNED), self._keys_of_set)
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)

    def _keys_of_set(self, change: Change) -> Iterable[str]:
        replica_set = change.obj
        namespace = replica_set["metadata"]["namespace"]
        if change.old is not None and controller_uid(change.old) != controller_uid(replica_set):
            yield from self._key_of_owner(change.old)
        if controller_of(replica_set) is not None:
            yield from self._key_of_owner(replica_set)
        elif change.new is not None:
            for deployment in self._deployments.by_index(indexes.NAMESPACE, namespace):
                if of_object(deployment["spec"].get("selector")).matches(labels_of(replica_set)):
                    yield f"{namespace}/{deployment['metadata']['name']}"

    def _key_of_owner(self, replica_set: Obj) -> Iterable[str]:
        reference = controller_of(replica_set)
        if reference is not None and reference["kind"] == "Deployment":
            yield f"{replica_set['metadata']['namespace']}/{reference['name']}"

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        """Only Recreate waits for Pods to be gone; the rest is told by the ReplicaSets' status."""
        if change.new is not None:
            return
        for replica_set in self._sets_by_uid(change.obj):
            for key in self._key_of_owner(replica_set):
                deployment = self._deployments.get_key(key)
                if deployment is not None and not is_rolling(deployment):
                    yield key

    def _sets_by_uid(self, pod: Obj) -> Iterable[Obj]:
        reference = controller_of(pod)
        if reference is not None and reference["kind"] == "ReplicaSet":
            replica_set = self._sets.get(reference["name"], pod["metadata"]["namespace"])
            if replica_set is not None:
                yield replica_set

    async def reconcile(self, key: str) -> float | None:
        stored = self._deployments.get_key(key)
        if stored is None:
            return None
        selector = of_object(stored["spec"].get("selector"))
        if selector.everything:
            text = "This deployment is selecting all pods. A non-empty selector is required."
            self._recorder.event(object_reference("apps/v1", "Deployment", stored), WARNING, "SelectingAll", text)
            return None
        deployment = own_copy(stored)
        namespace, _ = split_key(key)
        owned = await claim(
            self._client,
            Owner(DEPLOYMENTS, "Deployment", stored),
            REPLICA_SETS,
            [
                *self._sets.by_index(indexes.CONTROLLER, stored["metadata"]["uid"]),
                *self._sets.by_index(indexes.ORPHANS, namespace),
            ],
            lambda replica_set: selector.matches(labels_of(replica_set)),
        )
        sets = _sort(deployment, owned)
        if is_deleting(stored):
            return await self._write_status(stored, sets, progress.base_status(sets, _conditions(stored), self.now))
        conditions = progress.with_pause_conditions(deployment, _conditions(deployment), self.now)
        deployment.setdefault("status", {})["conditions"] = conditions
        if rollback.is_wanted(deployment) and not deployment["spec"].get("paused"):
            await self._roll_back(stored, sets)
            return None  # the write comes back as an event
        try:
            return await self._roll(stored, sets)
        except _HashCollisionError:
            return 0.0

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def _roll_back(self, stored: Obj, sets: Sets) -> None:
        done = rollback.roll_back(stored, sets.all)
        about = object_reference("apps/v1", "Deployment", stored)
        if done.type == WARNING:
            self._recorder.event(about, done.type, done.reason, done.message)
        await self._client.update(DEPLOYMENTS, done.deployment, stored["metadata"]["namespace"])
        if done.type == NORMAL:
            self._recorder.event(about, done.type, done.reason, done.message)

    async def _roll(self, stored: Obj, sets: Sets) -> float | None:
        deployment = sets.deployment
        if deployment["spec"].get("paused") or rollout.was_resized(sets):
            sets = await self._adopt_revision(sets, create=False)
            sets = await self._scale(sets, rollout.resize(sets))
            if deployment["spec"].get("paused"):
                await self._forget_history(sets)
            return await self._write_status(stored, sets, progress.base_status(sets, _conditions(deployment), self.now))
        try:
            sets = await (self._roll_gradually(sets) if is_rolling(deployment) else self._recreate(sets))
        except StatusError as error:
            await self._write_failure(stored, sets, error)
            raise
        status = progress.rollout_status(sets, _conditions(deployment), self.now)
        return await self._write_status(stored, sets, status)

    async def _roll_gradually(self, sets: Sets) -> Sets:
        sets = await self._adopt_revision(sets, create=True)
        if todo := rollout.scale_new(sets) or rollout.scale_down_old(sets):
            return await self._scale(sets, todo)
        return await self._finish(sets)

    async def _recreate(self, sets: Sets) -> Sets:
        sets = await self._adopt_revision(sets, create=False)
        if todo := rollout.stop_old(sets):
            return await self._scale(sets, todo)
        pods = [pod for rs in sets.all for pod in self._pods.by_index(indexes.CONTROLLER, rs["metadata"]["uid"])]
        if rollout.old_pods_remain(sets, pods):
            return sets
        if sets.new is None:
            sets = await self._adopt_revision(sets, create=True)
        assert sets.new is not None
        if rollout.wanted(sets.new) != sets.desired:
            sets = await self._scale(sets, [Scaling(sets.new, sets.desired)])
        return await self._finish(sets)

    async def _finish(self, sets: Sets) -> Sets:
        status = sets.deployment.get("status") or {}
        if progress.is_complete(sets.deployment, status):
            await self._forget_history(sets)
        return sets

    async def _adopt_revision(self, sets: Sets, *, create: bool) -> Sets:
        """Find or create the new ReplicaSet and keep its annotations, and the Deployment's revision, right."""
        deployment = sets.deployment
        number = revisions.next_revision(sets.old)
        if sets.new is None:
            return await self._create_set(sets, number) if create else sets
        current = dict(annotations_of(sets.new))
        annotations = revisions.set_annotations(deployment, current, number)
        min_ready = deployment["spec"].get("minReadySeconds", 0)
        if annotations != current or min_ready != sets.new["spec"].get("minReadySeconds", 0):
            changed = own_copy(sets.new)
            changed["metadata"]["annotations"] = annotations
            changed["spec"]["minReadySeconds"] = min_ready
            updated = await self._client.update(REPLICA_SETS, changed, deployment["metadata"]["namespace"])
            sets = sets.with_written(updated)
        _set_revision(deployment, annotations.get(revisions.REVISION, str(number)))
        if progress.deadline(deployment) is not None and condition_of(deployment, progress.PROGRESSING) is None:
            text = f'Found new replica set "{sets.new["metadata"]["name"]}"' if sets.new else ""
            _note(deployment, progress.condition(progress.PROGRESSING, "True", progress.FOUND_NEW, text, self.now))
        return sets

    async def _create_set(self, sets: Sets, number: int) -> Sets:
        deployment = sets.deployment
        namespace = deployment["metadata"]["namespace"]
        surge, _ = limits(deployment)
        wanted = revisions.build_replica_set(deployment, number, sets.desired + surge)
        size = wanted["spec"]["replicas"] = rollout.new_set_size(sets, 0)
        name = wanted["metadata"]["name"]
        created_now = True
        try:
            created = await self._client.create(REPLICA_SETS, wanted, namespace)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            created = await self._same_or_collision(deployment, name)
            created_now = False
        if created_now and size > 0:
            self._say_scaled(deployment, created, 0, size)
        _set_revision(deployment, annotations_of(created).get(revisions.REVISION, str(number)))
        if created_now and progress.deadline(deployment) is not None:
            text = f'Created new replica set "{name}"'
            _note(deployment, progress.condition(progress.PROGRESSING, "True", progress.CREATED_NEW, text, self.now))
        return replace(sets, new=created)

    async def _same_or_collision(self, deployment: Obj, name: str) -> Obj:
        """The ReplicaSet of that name when it is the one wanted (the cache was behind); else note the collision."""
        metadata = deployment["metadata"]
        found = await self._client.get(REPLICA_SETS, name, metadata["namespace"])
        same = revisions.same_template(found["spec"]["template"], deployment["spec"]["template"])
        if controller_uid(found) == metadata["uid"] and same:
            return found
        status = deployment.setdefault("status", {})
        status["collisionCount"] = status.get("collisionCount", 0) + 1
        await self._client.update(DEPLOYMENTS, deployment, metadata["namespace"], subresource="status")
        raise _HashCollisionError

    async def _scale(self, sets: Sets, todo: Sequence[Scaling]) -> Sets:
        deployment = sets.deployment
        surge, _ = limits(deployment)
        numbers = revisions.replicas_annotations(sets.desired, sets.desired + surge)
        for scaling in todo:
            before, annotations = rollout.wanted(scaling.replica_set), annotations_of(scaling.replica_set)
            if before == scaling.replicas and numbers.items() <= annotations.items():
                continue
            changed = own_copy(scaling.replica_set)
            changed["spec"]["replicas"] = scaling.replicas
            changed["metadata"]["annotations"] = {**annotations, **numbers}
            updated = await self._client.update(REPLICA_SETS, changed, deployment["metadata"]["namespace"])
            if before != scaling.replicas:
                self._say_scaled(deployment, updated, before, scaling.replicas)
            sets = sets.with_written(updated)
        return sets

    def _say_scaled(self, deployment: Obj, replica_set: Obj, before: int, after: int) -> None:
        direction = "up" if after > before else "down"
        text = f"Scaled {direction} replica set {replica_set['metadata']['name']} from {before} to {after}"
        about = object_reference("apps/v1", "Deployment", deployment)
        self._recorder.event(about, NORMAL, "ScalingReplicaSet", text)

    async def _forget_history(self, sets: Sets) -> None:
        for replica_set in revisions.superfluous(sets.deployment, sets.old):
            metadata = replica_set["metadata"]
            try:
                await self._client.delete(REPLICA_SETS, metadata["name"], metadata["namespace"], uid=metadata["uid"])
            except StatusError as error:
                if error.code != 404:
                    raise

    async def _write_failure(self, stored: Obj, sets: Sets, error: StatusError) -> None:
        """A ReplicaSet that cannot be created is told in the status and an Event."""
        if sets.new is not None or error.code == 409 or namespace_is_terminating(error):
            return
        number = revisions.next_revision(sets.old)
        name = revisions.build_replica_set(sets.deployment, number, 0)["metadata"]["name"]
        text = f'Failed to create new replica set "{name}": {error.message}'
        _note(sets.deployment, progress.condition(progress.PROGRESSING, "False", progress.CREATE_ERROR, text, self.now))
        about = object_reference("apps/v1", "Deployment", stored)
        self._recorder.event(about, WARNING, progress.CREATE_ERROR, text)
        await self._write_status(stored, sets, progress.base_status(sets, _conditions(sets.deployment), self.now))

    async def _write_status(self, stored: Obj, sets: Sets, status: Obj) -> float | None:
        """One write for status and revision annotation (the status endpoint takes annotations, as upstream)."""
        annotations = annotations_of(sets.deployment)
        if status != stored.get("status") or annotations != annotations_of(stored):
            changed = {**sets.deployment, "status": status}
            await self._client.update(DEPLOYMENTS, changed, stored["metadata"]["namespace"], subresource="status")
        return progress.look_again_in(sets.deployment, status, self.now)


def _sort(deployment: Obj, owned: Sequence[Obj]) -> Sets:
    new = revisions.find_new(deployment, owned)
    return Sets(deployment, new, [rs for rs in owned if rs is not new])


def _conditions(deployment: Obj) -> list[Obj]:
    return list((deployment.get("status") or {}).get("conditions") or ())


def _note(deployment: Obj, condition: Obj) -> None:
    status = deployment.setdefault("status", {})
    status["conditions"] = progress.put_condition(status.get("conditions") or (), condition)


def _set_revision(deployment: Obj, revision: str) -> None:
    deployment["metadata"].setdefault("annotations", {})[revisions.REVISION] = revision
