"""`pods/eviction`: deleting a Pod only if its PodDisruptionBudget allows it.

Upstream: registry/core/pod/storage EvictionREST,
https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
"""

from dataclasses import replace

import orjson

from minik.api import selectors
from minik.api.request import Response
from minik.api.schema import decode, types
from minik.api.scheme import Resource
from minik.api.status import StatusError, bad_request, forbidden
from minik.api.types import Obj
from minik.server.apiserver.admission.attributes import Operation
from minik.server.apiserver.registry import answer, delete_options, write_options
from minik.server.apiserver.registry.body import match_namespace, media_type
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.create import attributes_of
from minik.server.apiserver.registry.delete import delete_object
from minik.server.apiserver.registry.delete_options import DeleteOptions
from minik.server.apiserver.registry.keys import collection_prefix
from minik.server.apiserver.registry.metadata import timestamp
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.registry.update import Change, update_object
from minik.server.apiserver.registry.write_options import WriteOptions
from minik.store.store import prefix_end

_SUCCESS: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
_EVICTING: Obj = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}
_OLD_NAMES = (types.GroupVersionKind("policy", "v1beta1", "Eviction"),)  # what clients of before v1.22 send
_MOST_DISRUPTED = 2000
_VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."


async def evict(registry: Registry, call: Call) -> Response:
    options = write_options.parse(call, "CreateOptions")
    eviction = _read(call, options)
    match_namespace(call, eviction)
    if eviction["metadata"].get("name", "") != call.name:
        raise bad_request("name in URL does not match name in Eviction object")
    current = registry.storage.get(call.resource, call.namespace, call.name)
    if current is None:
        raise call.not_found()
    deletion = delete_options.read(eviction.get("deleteOptions") or {})
    deletion.dry_run = deletion.dry_run or options.dry_run
    attributes = attributes_of(call, Operation.CREATE, eviction, None, options)
    attributes.kind = "Eviction"
    await registry.admission.mutate(attributes)
    await registry.admission.validate(attributes)
    pod = registry.layout(call.resource).decode(current)
    if not _ignores_budgets(pod):
        await _ask_budget(registry, call, pod, deletion)
    if not deletion.dry_run:
        await _say_why(registry, call, deletion)
    await delete_object(registry, call, deletion, admit=False)  # the Eviction was admitted
    return answer.document(call, 201, _SUCCESS)


def _read(call: Call, options: WriteOptions) -> Obj:
    eviction = call.request.obj
    if eviction is None:
        eviction, warnings = decode.decode_body(
            call.request.body,
            media_type(call),
            types.get("io.k8s.api.policy.v1.Eviction"),
            field_validation=options.field_validation,
            accepted=_OLD_NAMES,
        )
        eviction["apiVersion"] = "policy/v1"
        for warning in warnings:
            call.warn(warning)
    eviction.setdefault("metadata", {})
    return eviction


async def _say_why(registry: Registry, call: Call, deletion: DeleteOptions) -> None:
    """Give the Pod the condition DisruptionTarget. A precondition on its version follows the write."""
    layout = registry.layout(call.resource)
    while True:
        current = registry.storage.get(call.resource, call.namespace, call.name)
        if current is None:
            raise call.not_found()
        pod: Obj = layout.fresh(current)
        conditions = (pod.get("status") or {}).get("conditions") or []
        if any(c.get("type") == "DisruptionTarget" and c.get("status") == "True" for c in conditions):
            return
        others = [c for c in conditions if c.get("type") != "DisruptionTarget"]
        condition = {**_EVICTING, "lastProbeTime": None, "lastTransitionTime": timestamp(registry.now())}
        pod["status"] = {**(pod.get("status") or {}), "conditions": [*others, condition]}
        stored = await registry.storage.replace(call.resource, current, layout.encode(pod))
        if stored is not None:
            if deletion.resource_version == str(current.mod_revision):
                deletion.resource_version = str(stored.mod_revision)
            return


def _ignores_budgets(pod: Obj) -> bool:
    """Pods that do not run, or go anyway, disrupt nothing."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(pod["metadata"].get("deletionTimestamp"))


async def _ask_budget(registry: Registry, call: Call, pod: Obj, deletion: DeleteOptions) -> None:
    """Take one disruption from the Pod's budget, if it has one. Raises StatusError 429, 403 and 500."""
    kind = registry.scheme.get("policy", "v1", "poddisruptionbudgets")
    assert kind is not None
    budgets = budgets_of(registry, kind, pod)
    if len(budgets) > 1:
        text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise StatusError(500, "", text)
    if not budgets or _unhealthy_may_go(budgets[0], pod):
        if budgets and not deletion.resource_version:
            deletion.resource_version = pod["metadata"]["resourceVersion"]
        return
    name = budgets[0]["metadata"]["name"]
    about = replace(call, resource=kind, info=replace(call.info, name=name, resource=kind.plural))
    options = WriteOptions(deletion.dry_run, "kube-apiserver", "Ignore", False, {})
    status = kind.subresource("status")
    strategy = status.strategy if status is not None and status.strategy is not None else kind.strategy
    change = _take_one(registry, call.name)
    await update_object(registry, about, change, options, strategy, subresource="status", admit=False)


def budgets_of(registry: Registry, kind: Resource, pod: Obj) -> list[Obj]:
    """The budgets whose selector matches the Pod; an empty selector matches every Pod of the namespace."""
    prefix = collection_prefix(kind, pod["metadata"]["namespace"])
    decoded = map(registry.layout(kind).decode, registry.storage.store.current(prefix, prefix_end(prefix)).kvs)
    labels = pod["metadata"].get("labels") or {}
    return [b for b in decoded if selectors.of_object((b.get("spec") or {}).get("selector")).matches(labels)]


def _unhealthy_may_go(budget: Obj, pod: Obj) -> bool:
    """spec.unhealthyPodEvictionPolicy, for Pods that are not ready."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    if any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions):
        return False
    policy = (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy", "IfHealthyBudget")
    if policy == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired: int = status.get("desiredHealthy") or 0
    return desired > 0 and (status.get("currentHealthy") or 0) >= desired


def _take_one(registry: Registry, pod_name: str) -> Change:
    async def change(old: Obj) -> Obj:
        _check(old)
        budget: Obj = orjson.loads(orjson.dumps(old))
        status, now = budget["status"], timestamp(registry.now())
        status["disruptionsAllowed"] -= 1
        if status["disruptionsAllowed"] == 0:
            _set_condition(budget, now)
        status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod_name: now}
        return budget

    return change


def _check(budget: Obj) -> None:
    metadata, status = budget["metadata"], budget.get("status") or {}
    name = metadata["name"]
    if (status.get("observedGeneration") or 0) < metadata.get("generation", 0):
        text = f"The disruption budget {name} is still being processed by the server."
        raise _refused(text, retry_after=10)
    allowed = status.get("disruptionsAllowed") or 0
    if allowed < 0:
        raise forbidden("policy", "poddisruptionbudget", name, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or {}) > _MOST_DISRUPTED:
        text = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise forbidden("policy", "poddisruptionbudget", name, text)
    if allowed == 0:
        raise _refused(f"The disruption budget {name} {_why_none(status)}")


def _why_none(status: Obj) -> str:
    """Why a budget allows no disruption. The counts of one that could not be worked out mean nothing."""
    needed, have = status.get("desiredHealthy") or 0, status.get("currentHealthy") or 0
    condition = next((c for c in status.get("conditions") or () if c.get("type") == "DisruptionAllowed"), None) or {}
    said = condition.get("message") if condition.get("status") == "False" else ""
    if said and condition.get("reason") == "SyncFailed":
        return f"does not allow evicting pods currently because it failed sync: {said}"
    if have <= needed:
        return f"needs {needed} healthy pods and has {have} currently"
    why = f" ({condition.get('reason', '')}): {said}" if said else ""
    return f"does not allow evicting pods currently{why}"


def _refused(cause: str, retry_after: int = 0) -> StatusError:
    causes = [{"reason": "DisruptionBudget", "message": cause}]
    return StatusError(429, "TooManyRequests", _VIOLATES, causes=causes, retry_after=retry_after)


def _set_condition(budget: Obj, now: str) -> None:
    """No disruption is left: DisruptionAllowed turns False."""
    conditions = budget["status"].get("conditions") or []
    before = next((c for c in conditions if c.get("type") == "DisruptionAllowed"), None)
    since = before["lastTransitionTime"] if before and before.get("status") == "False" else now
    condition = {
        "type": "DisruptionAllowed",
        "status": "False",
        "observedGeneration": budget["status"].get("observedGeneration", 0),
        "lastTransitionTime": since,
        "reason": "InsufficientPods",
        "message": "",
    }
    budget["status"]["conditions"] = [c for c in conditions if c is not before] + [condition]
