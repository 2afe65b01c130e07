"""Keeps the status of PodDisruptionBudgets, by which the eviction API decides.

Also takes back the condition DisruptionTarget from Pods that were to be disrupted and still run two minutes later.
Decisions are in disruption_plan.py. https://kubernetes.io/docs/tasks/run-application/configure-pdb/
"""

from collections.abc import Iterable, Sequence

from minik.api.selectors import of_object
from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import STRATEGIC_MERGE_PATCH, Client
from minik.client.clock import format_time, parse_time
from minik.client.controller import Controller
from minik.client.events import NORMAL, WARNING, object_reference
from minik.client.informer import Change, Informer, object_key, split_key
from minik.client.resources import (
    DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)
from minik.server.controllers import disruption_plan as rules
from minik.server.controllers import indexes
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.objects import condition_of, controller_of, is_deleting, labels_of

_TARGET = "DisruptionTarget"
_STALE = "pod:"  # keys of Pods with that condition rather than budgets; no object's name has a colon
_UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of "
    "the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please "
    'set ".spec.minAvailable" field of the PDB to an integer value.'
)


class CannotCount(Exception):
    """The number of Pods that are expected is unknown; the text says why."""


class DisruptionController(Controller):
    name = "disruption-controller"
    workers = 1

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._recorder = context.events.recorder("controllermanager")
        self._discover = context.discover
        self._budgets = self.watch(context.informers.of(POD_DISRUPTION_BUDGETS, indexes=indexes.BY_NAMESPACE))
        self._pods = self.watch(context.informers.of(PODS, indexes=indexes.PODS), self._keys_of_pod)
        self._owners: dict[str, Informer] = {
            kind: self.watch(context.informers.of(resource), None)
            for kind, resource in (
                ("ReplicaSet", REPLICA_SETS),
                ("Deployment", DEPLOYMENTS),
                ("StatefulSet", STATEFUL_SETS),
                ("ReplicationController", REPLICATION_CONTROLLERS),
            )
        }

    def _keys_of_pod(self, change: Change) -> Iterable[str]:
        namespace = change.obj["metadata"]["namespace"]
        if change.new is not None and condition_of(change.new, _TARGET) is not None:
            yield f"{namespace}/{_STALE}{change.new['metadata']['name']}"
        budgets = self._budgets.by_index(indexes.NAMESPACE, namespace)
        if not budgets:
            return
        seen = [labels_of(pod) for pod in (change.old, change.new) if pod is not None]
        for budget in budgets:
            selector = of_object(budget["spec"].get("selector"))
            if any(selector.matches(labels) for labels in seen):
                yield object_key(budget)

    async def reconcile(self, key: str) -> float | None:
        namespace, name = split_key(key)
        if name.startswith(_STALE):
            return await self._take_back(self._pods.get(name.removeprefix(_STALE), namespace))
        budget = self._budgets.get_key(key)
        if budget is None or is_deleting(budget):
            return None
        try:
            return await self._update(budget, namespace)
        except CannotCount as error:
            about = object_reference("policy/v1", "PodDisruptionBudget", budget)
            text = f"Failed to calculate the number of expected pods: {error}"
            self._recorder.event(about, WARNING, "CalculateExpectedPodCountFailed", text)
            await self._write(budget, rules.failed_status(budget, str(error), self.clock.now()))
            return None  # the next change of a Pod brings it back

    async def _update(self, budget: Obj, namespace: str) -> float | None:
        selector = of_object(budget["spec"].get("selector"))
        pods = [pod for pod in self._pods.by_index(indexes.NAMESPACE, namespace) if selector.matches(labels_of(pod))]
        about = object_reference("policy/v1", "PodDisruptionBudget", budget)
        if not pods:
            self._recorder.event(about, NORMAL, "NoPods", "No matching pods found")
        scale, unmanaged = 0, False
        if rules.needs_scale(budget["spec"]):
            scale, unmanaged = await self._scale(pods)
        if unmanaged:
            self._recorder.event(about, WARNING, "UnmanagedPods", _UNMANAGED.format(selector))
        expected, desired = rules.wanted(budget["spec"], len(pods), scale)
        now = self.clock.now()
        disrupted, overdue, wait = rules.still_disrupted(budget, pods, now)
        for pod in overdue:
            text = f"Pod was expected by PDB {object_key(budget)} to be deleted but it wasn't"
            self._recorder.event(object_reference("v1", "Pod", pod), WARNING, "NotDeleted", text)
        await self._write(budget, rules.new_status(budget, pods, expected, desired, disrupted, now))
        return wait

    async def _write(self, budget: Obj, status: Obj) -> None:
        if status != budget.get("status"):
            changed = {**budget, "status": status}
            await self._client.update(
                POD_DISRUPTION_BUDGETS, changed, budget["metadata"]["namespace"], subresource="status"
            )

    # -- what the owners want

    async def _scale(self, pods: Sequence[Obj]) -> tuple[int, bool]:
        """The sum over all owners of `pods`, and whether some Pod has none. Raises CannotCount."""
        scales: dict[str, int] = {}
        seen, unmanaged = set(), False
        for pod in pods:
            reference = controller_of(pod)
            if reference is None:
                unmanaged = True
            elif reference["uid"] not in seen:
                seen.add(reference["uid"])
                found = await self._scale_of(reference, pod["metadata"]["namespace"])
                if found is None:
                    raise CannotCount(f'found no controllers for pod "{pod["metadata"]["name"]}"')
                scales[found[0]] = found[1]
        return sum(scales.values()), unmanaged

    async def _scale_of(self, reference: Obj, namespace: str) -> tuple[str, int] | None:
        """(uid, replicas) of the owner; of the Deployment behind a ReplicaSet."""
        informer = self._owners.get(reference["kind"])
        if informer is None or reference["apiVersion"] not in ("apps/v1", "v1"):
            return await self._scale_asked(reference, namespace)
        owner = informer.get(reference["name"], namespace)
        if owner is None or owner["metadata"]["uid"] != reference["uid"]:
            return None
        above = controller_of(owner)
        if reference["kind"] == "ReplicaSet" and above is not None and above["kind"] == "Deployment":
            return await self._scale_of(above, namespace)
        return reference["uid"], owner["spec"].get("replicas", 1)

    async def _scale_asked(self, reference: Obj, namespace: str) -> tuple[str, int] | None:
        """The scale subresource of any other kind of owner."""
        kind = (await self._discover()).kinds.get((reference["apiVersion"], reference["kind"]))
        if kind is None:
            return None
        try:
            scale = await self._client.get(kind.gvr, reference["name"], namespace, subresource="scale")
        except StatusError as error:
            if error.code != 404:
                raise
            name = f"{kind.gvr.resource}.{kind.gvr.group}"
            raise CannotCount(f"{name} does not implement the scale subresource") from error
        if scale["metadata"].get("uid") != reference["uid"]:
            return None
        return reference["uid"], (scale.get("spec") or {}).get("replicas", 0)

    # -- Pods that were spared

    async def _take_back(self, pod: Obj | None) -> float | None:
        condition = condition_of(pod, _TARGET) if pod is not None and not is_deleting(pod) else None
        if pod is None or condition is None or condition["status"] != "True":
            return None
        now = self.clock.now()
        left = (parse_time(condition["lastTransitionTime"]) + rules.DELETION_TIMEOUT - now).total_seconds()
        if left > 0:
            return left
        spared = {
            "type": _TARGET,
            "status": "False",
            "reason": "",
            "message": "",
            "lastTransitionTime": format_time(now),
        }
        metadata = pod["metadata"]
        patch = {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": [spared]}}
        await self._client.patch(
            PODS,
            metadata["name"],
            patch,
            metadata["namespace"],
            patch_type=STRATEGIC_MERGE_PATCH,
            subresource="status",
        )
        return None
