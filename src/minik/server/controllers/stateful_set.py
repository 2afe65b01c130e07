"""Runs the Pods of each StatefulSet with stable names and storage; decisions are in stateful_set_plan.py."""

from collections.abc import Awaitable, Iterable, Sequence

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
from minik.server.controllers.pod_control import namespace_is_terminating
from minik.server.controllers.pods import available_in, phase
from minik.server.controllers.stateful_set_plan import Plan, Revisions, Start, new_status, plan


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
        self._claims = self.watch(context.informers.of(PERSISTENT_VOLUME_CLAIMS), None)
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
        known = self._revisions.by_index(indexes.CONTROLLER, stateful_set["metadata"]["uid"])
        latest = await history.latest(self._client, owner, known, stateful_set["spec"]["template"])
        current = self._current(stateful_set, known, latest)
        revisions = Revisions(current["metadata"]["name"], latest["metadata"]["name"])
        if not is_deleting(stateful_set):
            todo = plan(stateful_set, pods, revisions, self.clock.now())
            await self._settle_claims(stateful_set, pods)
            await self._carry_out(owner, todo, {r["metadata"]["name"]: r for r in (current, latest)})
        await self._write_status(stateful_set, pods, revisions)
        in_use = {labels_of(pod).get(history.HASH_LABEL) for pod in pods} | {revisions.current, revisions.update}
        limit = stateful_set["spec"].get("revisionHistoryLimit", 10)
        await history.forget(self._client, history.superfluous(known, in_use, limit))
        return self._next_available(stateful_set, pods)

    def _current(self, stateful_set: Obj, known: Sequence[Obj], latest: Obj) -> Obj:
        name = (stateful_set.get("status") or {}).get("currentRevision")
        return next((revision for revision in known if revision["metadata"]["name"] == name), latest)

    async def _carry_out(self, owner: Owner, todo: Plan, revisions: dict[str, Obj]) -> None:
        try:
            for start in todo.start:
                await self._start(owner, start, history.template_of(revisions[start.revision]))
            for pod in todo.correct:
                await self._correct(owner, pod)
            for pod in todo.delete:
                await self._delete(owner, pod)
        except StatusError as error:
            if not namespace_is_terminating(error):
                raise

    async def _start(self, owner: Owner, start: Start, template: Obj) -> None:
        pod = identity.build_pod(owner, template, start.revision, start.ordinal)
        await self._create_claims(owner.obj, start.ordinal)
        await self._say(owner.obj, "create", pod, self._client.create(PODS, pod, owner.obj["metadata"]["namespace"]))

    async def _create_claims(self, stateful_set: Obj, ordinal: int) -> None:
        namespace = stateful_set["metadata"]["namespace"]
        for wanted in identity.build_claims(stateful_set, ordinal):
            name = wanted["metadata"]["name"]
            present = self._claims.get(name, namespace)
            if present is not None and not is_deleting(present):
                continue
            owners = identity.claim_owners(stateful_set, None, ordinal)
            if owners:
                wanted["metadata"]["ownerReferences"] = owners
            try:
                await self._client.create(PERSISTENT_VOLUME_CLAIMS, wanted, namespace)
            except StatusError as error:
                if error.reason == "AlreadyExists":
                    continue
                pod = identity.pod_name(stateful_set, ordinal)
                set_name = stateful_set["metadata"]["name"]
                text = f"create Claim {name} for Pod {pod} in StatefulSet {set_name} failed error: {error.message}"
                self._event(stateful_set, WARNING, "FailedCreate", text)
                raise
            text = (
                f"create Claim {name} Pod {identity.pod_name(stateful_set, ordinal)} in StatefulSet "
                f"{stateful_set['metadata']['name']} success"
            )
            self._event(stateful_set, NORMAL, "SuccessfulCreate", text)

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
            reason = "RecreatingFailedPod" if phase(pod) == "Failed" else "RecreatingTerminatedPod"
            set_name = f"{metadata['namespace']}/{owner.obj['metadata']['name']}"
            text = f"StatefulSet {set_name} is recreating {phase(pod).lower()} Pod {metadata['name']}"
            self._event(owner.obj, WARNING, reason, text)
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

    async def _settle_claims(self, stateful_set: Obj, pods: Sequence[Obj]) -> None:
        """Owner references of existing claims follow the retention policy."""
        if not stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy"):
            return
        namespace = stateful_set["metadata"]["namespace"]
        for pod in pods:
            ordinal = identity.ordinal_of(pod)
            owners = identity.claim_owners(stateful_set, pod, ordinal)
            ours = {stateful_set["metadata"]["uid"], pod["metadata"]["uid"]}
            for name in identity.claim_names(stateful_set, ordinal).values():
                present = self._claims.get(name, namespace)
                if present is None or is_deleting(present):
                    continue
                references = present["metadata"].get("ownerReferences") or []
                wanted = [reference for reference in references if reference["uid"] not in ours] + owners
                if [r["uid"] for r in wanted] != [r["uid"] for r in references]:
                    changed = own_copy(present)
                    changed["metadata"]["ownerReferences"] = wanted
                    await self._client.update(PERSISTENT_VOLUME_CLAIMS, changed, namespace)

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
