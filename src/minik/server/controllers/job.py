"""Runs Pods of each Job until enough succeeded, and removes Jobs whose time after the end is over.

Decisions are in job_plan.py. https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from minik.api.selectors import of_object
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.controller import Controller
from minik.client.events import object_reference
from minik.client.expectations import Expectations
from minik.client.informer import Change, object_key, split_key
from minik.client.resources import JOBS, PODS
from minik.server.controllers import indexes
from minik.server.controllers import job_pods as facts
from minik.server.controllers import job_policies as policies
from minik.server.controllers.claims import Owner, claim
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.job_plan import Plan, expires_in, is_finished, plan
from minik.server.controllers.objects import controller_of, is_deleting, labels_of
from minik.server.controllers.pod_control import PodControl, namespace_is_terminating, slow_start


class JobController(Controller):
    name = "job-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._control = PodControl(self._client, self._recorder)
        self._expectations = Expectations(context.clock)
        self._jobs = self.watch(context.informers.of(JOBS, indexes=indexes.BY_NAMESPACE))
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        pod = change.obj
        reference, namespace = controller_of(pod), pod["metadata"]["namespace"]
        if reference is not None:
            if reference["kind"] != "Job":
                return
            key = f"{namespace}/{reference['name']}"
            if change.new is None or is_deleting(pod):
                self._expectations.deletion_observed(key, pod["metadata"]["uid"])
            elif change.old is None:
                self._expectations.creation_observed(key)
            yield key
        elif change.new is not None:
            if facts.is_tracked(pod):
                yield f"{namespace}/{_ORPHAN}{pod['metadata']['name']}"
            for job in self._jobs.by_index(indexes.NAMESPACE, namespace):
                if of_object(job["spec"].get("selector")).matches(labels_of(pod)):
                    yield object_key(job)

    async def reconcile(self, key: str) -> float | None:
        namespace, name = split_key(key)
        if name.startswith(_ORPHAN):
            await self._release_orphan(namespace, name.removeprefix(_ORPHAN))
            return None
        job = self._jobs.get_key(key)
        if job is None or job["spec"].get("managedBy", _MANAGER) != _MANAGER:
            self._expectations.forget(key)
            return None
        pods = self._pods.by_index(indexes.CONTROLLER, job["metadata"]["uid"])
        if is_finished(job):
            self._expectations.forget(key)
            await self._release(pods)
            return await self._expire(job)
        if is_deleting(job):
            await self._release([pod for pod in pods if is_deleting(pod) or facts.has_failed(job, pod)])
            return None
        may_act = self._expectations.satisfied(key)
        owner = Owner(JOBS, "Job", job)
        selector = of_object(job["spec"].get("selector"))
        candidates = [*pods, *self._pods.by_index(indexes.ORPHANS, namespace)]
        pods = await claim(
            self._client,
            owner,
            PODS,
            candidates,
            lambda pod: selector.matches(labels_of(pod)),
            finalizer=facts.FINALIZER,
        )
        todo = plan(job, pods, self.clock.now(), may_act=may_act)
        await self._carry_out(key, owner, pods, todo)
        return todo.again

    async def _carry_out(self, key: str, owner: Owner, pods: Sequence[Obj], todo: Plan) -> None:
        """Pods first, then the status, and only then the finalizers of what the status now knows."""
        job = owner.obj
        error = await self._change_pods(key, owner, pods, todo)
        if todo.status != job.get("status"):
            changed = {**job, "status": todo.status}
            await self._client.update(JOBS, changed, job["metadata"]["namespace"], subresource="status")
        about = object_reference("batch/v1", "Job", job)
        for type, reason, message in todo.events:
            self._recorder.event(about, type, reason, message)
        await self._release(todo.release)
        if error is not None and not namespace_is_terminating(error):
            raise error

    async def _change_pods(self, key: str, owner: Owner, pods: Sequence[Obj], todo: Plan) -> StatusError | None:
        if not (todo.create or todo.delete):
            return None
        deletions = [pod["metadata"]["uid"] for pod in todo.delete]
        self._expectations.expect(key, creations=len(todo.create), deletions=deletions)

        async def create(index: int | None) -> None:
            failures = policies.failures_of_index(owner.obj, pods, index) if index is not None else None
            await self._control.create(owner, facts.build_pod(owner, index, failures))

        async def delete(pod: Obj) -> None:
            if not await self._control.delete(owner, pod):
                self._expectations.deletion_observed(key, pod["metadata"]["uid"])

        created = await slow_start(todo.create, create)
        deleted = await slow_start(todo.delete, delete)
        error = created.error or deleted.error
        if error is not None:
            self._expectations.forget(key)
        return error

    async def _expire(self, job: Obj) -> float | None:
        left = expires_in(job, self.clock.now())
        if left is None or is_deleting(job):
            return None
        if left > 0:
            return left + 0.01
        metadata = job["metadata"]
        await _unless_gone(
            lambda: self._client.delete(
                JOBS, metadata["name"], metadata["namespace"], uid=metadata["uid"], propagation_policy="Foreground"
            )
        )
        return None

    async def _release(self, pods: Sequence[Obj]) -> None:
        for pod in pods:
            if facts.is_tracked(pod):
                await self._remove_finalizer(pod)

    async def _release_orphan(self, namespace: str, name: str) -> None:
        """A Pod that no Job owns any more is not kept by the Job's finalizer."""
        pod = self._pods.get(name, namespace)
        if pod is not None and controller_of(pod) is None and facts.is_tracked(pod):
            await self._remove_finalizer(pod)

    async def _remove_finalizer(self, pod: Obj) -> None:
        metadata = pod["metadata"]
        gone = {"metadata": {"uid": metadata["uid"], "$deleteFromPrimitiveList/finalizers": [facts.FINALIZER]}}
        await _unless_gone(
            lambda: self._client.patch(
                PODS, metadata["name"], gone, metadata["namespace"], patch_type=STRATEGIC_MERGE_PATCH
            )
        )


_MANAGER = "kubernetes.io/job-controller"
_ORPHAN = "pod:"  # keys of Pods rather than Jobs; no object's name has a colon


async def _unless_gone(write: Callable[[], Awaitable[Obj]]) -> None:
    try:
        await write()
    except StatusError as error:
        if error.code != 404:
            raise
