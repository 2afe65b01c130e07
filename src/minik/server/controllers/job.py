"""Runs Pods of each Job until enough succeeded, and removes Jobs whose time after the end is over.

Decisions are in job_plan.py. https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""

import time
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
from minik.server.controllers.job_backoff import Backoff
from minik.server.controllers.job_metrics import JobMetrics
from minik.server.controllers.job_plan import Plan, expires_in, is_finished, plan
from minik.server.controllers.objects import controller_of, is_deleting, labels_of
from minik.server.controllers.pod_control import PodControl, namespace_is_terminating, slow_start
from minik.server.controllers.pods import phase

_MANAGER = "kubernetes.io/job-controller"
_ORPHAN = "pod:"  # keys of Pods rather than Jobs; no object's name has a colon


class JobController(Controller):
    name = "job-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._control = PodControl(self._client, self._recorder)
        self._expectations = Expectations(context.clock)
        self._backoffs: dict[str, tuple[str, Backoff]] = {}  # by key: the Job's uid, and its failures
        self._metrics = JobMetrics()
        self.measures = self._metrics.measures
        self._jobs = self.watch(context.informers.of(JOBS, indexes=indexes.BY_NAMESPACE), self._keys_of_job)
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)

    def _keys_of_job(self, change: Change) -> Iterable[str]:
        yield object_key(change.obj)
        if change.old is None and not _is_managed(change.obj):
            self._metrics.of_others(change.obj["spec"]["managedBy"])
        if change.new is None:
            for pod in self._pods.by_index(indexes.CONTROLLER, change.obj["metadata"]["uid"]):
                yield from _orphan_key(pod)

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        pod = change.obj
        reference, namespace = controller_of(pod), pod["metadata"]["namespace"]
        self._metrics.pod_changed(change.old, change.new)
        if reference is not None:
            if reference["kind"] != "Job":
                return
            key = f"{namespace}/{reference['name']}"
            if change.new is None or is_deleting(pod):
                self._expectations.deletion_observed(key, pod["metadata"]["uid"])
            elif change.old is None:
                self._expectations.creation_observed(key)
            if change.new is not None and self._owner(pod) is None:
                yield from _orphan_key(pod)
            yield key
        elif change.new is not None:
            yield from _orphan_key(pod)
            for job in self._jobs.by_index(indexes.NAMESPACE, namespace):
                if of_object(job["spec"].get("selector")).matches(labels_of(pod)):
                    yield object_key(job)

    def _owner(self, pod: Obj) -> Obj | None:
        """The Job that controls the Pod, if it is there."""
        reference = controller_of(pod)
        if reference is None or reference["kind"] != "Job" or reference["apiVersion"] != JOBS.api_version:
            return None
        job = self._jobs.get(reference["name"], pod["metadata"]["namespace"])
        return job if job is not None and job["metadata"]["uid"] == reference["uid"] else None

    async def reconcile(self, key: str) -> float | None:
        namespace, name = split_key(key)
        if name.startswith(_ORPHAN):
            await self._release_orphan(namespace, name.removeprefix(_ORPHAN))
            return None
        job = self._jobs.get_key(key)
        if job is None or is_finished(job):
            self._forget(key)
        if job is None:
            return None
        if is_finished(job):
            if _is_managed(job):
                await self._release(self._pods.by_index(indexes.CONTROLLER, job["metadata"]["uid"]))
            return await self._expire(job)
        return await self._run_job(key, job) if _is_managed(job) else None

    def _forget(self, key: str) -> None:
        self._expectations.forget(key)
        self._backoffs.pop(key, None)

    async def _run_job(self, key: str, job: Obj) -> float | None:
        may_act = self._expectations.satisfied(key)
        owner, selector = Owner(JOBS, "Job", job), of_object(job["spec"].get("selector"))
        candidates = [
            *self._pods.by_index(indexes.CONTROLLER, job["metadata"]["uid"]),
            *self._pods.by_index(indexes.ORPHANS, job["metadata"]["namespace"]),
        ]
        pods = await claim(
            self._client,
            owner,
            PODS,
            candidates,
            lambda pod: selector.matches(labels_of(pod)),
            finalizer=facts.FINALIZER,
        )
        started = time.perf_counter()
        todo = plan(job, pods, self.clock.now(), self._backoff(key, job, pods), may_act=may_act)
        try:
            await self._carry_out(key, owner, todo)
        except StatusError:
            self._metrics.synced(job, None, time.perf_counter() - started, may_act=may_act)
            raise
        self._metrics.synced(job, todo, time.perf_counter() - started, may_act=may_act)
        return todo.again

    def _backoff(self, key: str, job: Obj, pods: Sequence[Obj]) -> Backoff:
        """What is known of earlier failures; of a Job seen first, by the Pods that were counted before."""
        uid, known = self._backoffs.get(key, ("", Backoff()))
        if uid == job["metadata"]["uid"]:
            return known
        counted = [pod for pod in pods if not facts.is_tracked(pod)]
        succeeded = [pod for pod in counted if phase(pod) == "Succeeded"]
        return Backoff().after(succeeded, [pod for pod in counted if facts.has_failed(job, pod)])

    async def _carry_out(self, key: str, owner: Owner, todo: Plan) -> None:
        """Pods first, then the status, and only then the finalizers of what the status now knows."""
        job = owner.obj
        error = await self._change_pods(key, owner, todo)
        if todo.status != job.get("status"):
            changed = {**job, "status": todo.status}
            await self._client.update(JOBS, changed, job["metadata"]["namespace"], subresource="status")
            self._metrics.written(job, todo)
        self._backoffs[key] = job["metadata"]["uid"], todo.backoff
        about = object_reference("batch/v1", "Job", job)
        for type, reason, message in todo.events:
            self._recorder.event(about, type, reason, message)
        await self._release(todo.release)
        if error is not None and not namespace_is_terminating(error):
            raise error

    async def _change_pods(self, key: str, owner: Owner, todo: Plan) -> StatusError | None:
        """The error of creating. Raises that of deleting: the status would not be true."""

        async def create(index: int | None) -> None:
            failures = None
            if index is not None and policies.limit_per_index(owner.obj) is not None:
                failures = policies.failures_after(owner.obj, todo.replaces.get(index))
            await self._control.create(owner, facts.build_pod(owner, index, failures))

        async def delete(pod: Obj) -> None:
            if not await self._control.delete(owner, pod):
                self._expectations.deletion_observed(key, pod["metadata"]["uid"])

        async def remove(pod: Obj) -> None:
            if facts.is_tracked(pod):
                await self._remove_finalizer(pod)
            await delete(pod)

        if todo.create or todo.remove:
            going = [pod["metadata"]["uid"] for pod in todo.remove]
            self._expectations.expect(key, creations=len(todo.create), deletions=going)
        for pods, stop in ((todo.remove, remove), (todo.delete, delete)):
            stopped = await slow_start(pods, stop)
            if stopped.error is not None:
                self._expectations.forget(key)
                raise stopped.error
        created = await slow_start(todo.create, create)
        self._metrics.created(owner.obj, todo, created.done)
        if failed := len(todo.create) - created.done:
            todo.status["active"] -= failed
            if not todo.status["active"]:
                del todo.status["active"]
            for _ in range(failed):
                self._expectations.creation_observed(key)
        return created.error

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
        self._metrics.expired.add(-left)
        return None

    async def _release(self, pods: Sequence[Obj]) -> None:
        released = await slow_start([pod for pod in pods if facts.is_tracked(pod)], self._remove_finalizer)
        if released.error is not None:
            raise released.error

    async def _release_orphan(self, namespace: str, name: str) -> None:
        """A Pod is not kept by the finalizer once it is no Job's, or its Job is over or gone."""
        pod = self._pods.get(name, namespace)
        if pod is None or not facts.is_tracked(pod):
            return
        reference = controller_of(pod)
        if reference is not None and (reference["kind"], reference["apiVersion"]) != ("Job", JOBS.api_version):
            return
        if reference is None or await self._is_gone(self._owner(pod), reference, namespace):
            await self._remove_finalizer(pod)

    async def _is_gone(self, job: Obj | None, reference: Obj, namespace: str) -> bool:
        """Whether nobody will count the Pods of a Job any more. Asks the API before saying that it does not exist."""
        if job is None:
            try:
                job = await self._client.get(JOBS, reference["name"], namespace)
            except StatusError as error:
                if error.code == 404:
                    return True
                raise
        return job["metadata"]["uid"] != reference["uid"] or (is_finished(job) and _is_managed(job))

    async def _remove_finalizer(self, pod: Obj) -> None:
        metadata = pod["metadata"]
        gone = {"metadata": {"uid": metadata["uid"], "$deleteFromPrimitiveList/finalizers": [facts.FINALIZER]}}
        await _unless_gone(
            lambda: self._client.patch(
                PODS, metadata["name"], gone, metadata["namespace"], patch_type=STRATEGIC_MERGE_PATCH
            )
        )


def _is_managed(job: Obj) -> bool:
    """Whether no other controller is named for the Job."""
    return bool(job["spec"].get("managedBy", _MANAGER) == _MANAGER)


def _orphan_key(pod: Obj) -> Iterable[str]:
    if facts.is_tracked(pod):
        yield f"{pod['metadata']['namespace']}/{_ORPHAN}{pod['metadata']['name']}"


async def _unless_gone(write: Callable[[], Awaitable[Obj]]) -> None:
    try:
        await write()
    except StatusError as error:
        if error.code != 404:
            raise
