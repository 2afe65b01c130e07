"""Runs the Pods of each StatefulSet with stable names and storage; decisions are in stateful_set_plan.py."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from minik.api.selectors import of_object
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change, object_key, split_key
from minik.client.resources import PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS
from minik.server.controllers import controller_history as history
from minik.server.controllers import indexes
from minik.server.controllers import stateful_set_pods as identity
from minik.server.controllers.claims import Owner, claim
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import controller_of, is_deleting, labels_of, own_copy
from minik.server.controllers.pod_control import namespace_is_terminating, slow_start
from minik.server.controllers.pods import available_in, phase
from minik.server.controllers.stateful_set_claims import ClaimControl, is_claim_of
from minik.server.controllers.stateful_set_plan import Revisions, Start, new_status, plan

T = TypeVar("T")


class StatefulSetController(Controller):
    """Needs no expectations: names are fixed, so that work done twice is refused by the API."""

    name = "statefulset-controller"
    workers = 5

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder(self.name)
        self._sets = self.watch(context.informers.of(STATEFUL_SETS, indexes=indexes.BY_NAMESPACE))
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)
        claims = self.watch(context.informers.of(PERSISTENT_VOLUME_CLAIMS), self._keys_of_claim)
        self._claims = ClaimControl(self._client, claims, self._event)
        self._revisions = self.watch(context.informers.of(history.CONTROLLER_REVISIONS, indexes=indexes.OWNED), None)

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        pod = change.obj
        reference, namespace = controller_of(pod), pod["metadata"]["namespace"]
        if reference is not None:
            if reference["kind"] == "StatefulSet":
                yield f"{namespace}/{reference['name']}"
        elif change.new is not None:
            for stateful_set in self._sets.by_index(indexes.NAMESPACE, namespace):
                if of_object(stateful_set["spec"].get("selector")).matches(labels_of(pod)):
                    yield object_key(stateful_set)

    def _keys_of_claim(self, change: Change) -> Iterable[str]:
        """A claim that has gone may be what a Pod waits for."""
        if change.new is None:
            for stateful_set in self._sets.by_index(indexes.NAMESPACE, change.obj["metadata"]["namespace"]):
                if is_claim_of(stateful_set, change.obj):
                    yield object_key(stateful_set)

    async def reconcile(self, key: str) -> float | None:
        stateful_set = self._sets.get_key(key)
        if stateful_set is None:
            return None
        selector = of_object(stateful_set["spec"].get("selector"))
        owner = Owner(STATEFUL_SETS, "StatefulSet", stateful_set)
        namespace, _ = split_key(key)
        candidates = [
            *self._pods.by_index(indexes.CONTROLLER, stateful_set["metadata"]["uid"]),
            *self._pods.by_index(indexes.ORPHANS, namespace),
        ]
        pods = await claim(
            self._client,
            owner,
            PODS,
            candidates,
            lambda pod: selector.matches(labels_of(pod)) and identity.is_member(stateful_set, pod),
        )
        known = await history.claimed(self._client, owner, self._revisions, selector)
        latest = await history.latest(self._client, owner, known, stateful_set["spec"]["template"])
        current = self._current(stateful_set, known, latest)
        revisions = Revisions(current["metadata"]["name"], latest["metadata"]["name"])
        error = None
        if not is_deleting(stateful_set):
            try:
                await self._act(owner, pods, revisions, {r["metadata"]["name"]: r for r in (current, latest)})
            except StatusError as raised:  # which does not keep the status from being true
                error = raised
        await self._write_status(stateful_set, pods, revisions)
        if error is not None and not namespace_is_terminating(error):
            raise error
        in_use = {labels_of(pod).get(history.HASH_LABEL) for pod in pods} | {revisions.current, revisions.update}
        limit = stateful_set["spec"].get("revisionHistoryLimit", 10)
        await history.forget(self._client, history.superfluous(known, in_use, limit))
        return self._next_available(stateful_set, pods)

    def _current(self, stateful_set: Obj, known: Sequence[Obj], latest: Obj) -> Obj:
        name = (stateful_set.get("status") or {}).get("currentRevision")
        return next((revision for revision in known if revision["metadata"]["name"] == name), latest)

    async def _act(self, owner: Owner, pods: Sequence[Obj], revisions: Revisions, templates: Mapping[str, Obj]) -> None:
        """One step of the plan. Raises StatusError."""
        stateful_set = owner.obj

        async def start(one: Start) -> None:
            await self._start(owner, one, history.template_of(templates[one.revision]))

        async def correct(pod: Obj) -> None:
            await self._correct(owner, pod)

        async def delete(pod: Obj) -> None:
            await self._delete(owner, pod)

        todo = plan(stateful_set, pods, revisions, self.clock.now())
        await self._claims.settle(stateful_set, pods)
        for pod in pods:
            ordinal = identity.ordinal_of(pod)
            if phase(pod) == "Pending" and not is_deleting(pod) and identity.is_wanted(stateful_set, ordinal):
                await self._claims.create(stateful_set, ordinal)  # those that were lost meanwhile
        await _each(todo.start, start)
        await _each(todo.correct, correct)
        await _each(todo.delete, delete)

    async def _start(self, owner: Owner, start: Start, template: Obj) -> None:
        pod = identity.build_pod(owner, template, start.revision, start.ordinal)
        obstacle = self._claims.obstacle(owner.obj, start.ordinal)
        if obstacle is not None:
            if obstacle:
                name, set_name = pod["metadata"]["name"], owner.obj["metadata"]["name"]
                text = f"create Pod {name} in StatefulSet {set_name} failed error: {obstacle}"
                self._event(owner.obj, WARNING, "FailedCreate", text)
            return
        await self._claims.create(owner.obj, start.ordinal)
        await self._say(owner.obj, "create", pod, self._client.create(PODS, pod, owner.obj["metadata"]["namespace"]))

    async def _correct(self, owner: Owner, pod: Obj) -> None:
        """Give an adopted Pod its labels; volumes cannot be changed any more."""
        changed = own_copy(pod)
        name = pod["metadata"]["name"]
        labels = changed["metadata"].setdefault("labels", {})
        wanted = {identity.POD_NAME_LABEL: name, identity.INDEX_LABEL: str(identity.ordinal_of(pod))}
        if wanted.items() <= labels.items():
            return
        labels |= wanted
        await self._say(owner.obj, "update", pod, self._client.update(PODS, changed, pod["metadata"]["namespace"]))

    async def _delete(self, owner: Owner, pod: Obj) -> None:
        metadata = pod["metadata"]
        if phase(pod) in ("Failed", "Succeeded"):
            failed = phase(pod) == "Failed"
            set_name = f"{metadata['namespace']}/{owner.obj['metadata']['name']}"
            text = f"StatefulSet {set_name} is recreating {'failed' if failed else 'terminated'} Pod {metadata['name']}"
            reason = "RecreatingFailedPod" if failed else "RecreatingTerminatedPod"
            self._event(owner.obj, WARNING if failed else NORMAL, reason, text)
        deletion = self._client.delete(PODS, metadata["name"], metadata["namespace"], uid=metadata["uid"])
        try:
            await self._say(owner.obj, "delete", pod, deletion)
        except StatusError as error:
            if error.code not in (404, 409):
                raise

    async def _say(self, stateful_set: Obj, verb: str, pod: Obj, write: Awaitable[Obj]) -> None:
        """Do the write and tell of it as upstream does."""
        described = f"{verb} Pod {pod['metadata']['name']} in StatefulSet {stateful_set['metadata']['name']}"
        try:
            await write
        except StatusError as error:
            if error.reason in ("AlreadyExists", "NotFound", "Conflict"):
                raise  # the cache was behind
            text = f"{described} failed error: {error.message}"
            self._event(stateful_set, WARNING, f"Failed{verb.capitalize()}", text)
            raise
        self._event(stateful_set, NORMAL, f"Successful{verb.capitalize()}", f"{described} successful")

    def _event(self, stateful_set: Obj, type: str, reason: str, text: str) -> None:
        self._recorder.event(object_reference("apps/v1", "StatefulSet", stateful_set), type, reason, text)

    async def _write_status(self, stateful_set: Obj, pods: Sequence[Obj], revisions: Revisions) -> None:
        status = new_status(stateful_set, pods, revisions, self.clock.now())
        if status != stateful_set.get("status"):
            changed = {**stateful_set, "status": status}
            namespace = stateful_set["metadata"]["namespace"]
            await self._client.update(STATEFUL_SETS, changed, namespace, subresource="status")

    def _next_available(self, stateful_set: Obj, pods: Sequence[Obj]) -> float | None:
        min_ready, now = stateful_set["spec"].get("minReadySeconds", 0), self.clock.now()
        waits = [wait for pod in pods if (wait := available_in(pod, min_ready, now))]
        return min(waits) + 0.001 if waits else None


async def _each(items: Sequence[T], do: Callable[[T], Awaitable[None]]) -> None:
    """Raises the first StatusError."""
    result = await slow_start(items, do)
    if result.error is not None:
        raise result.error
