"""When Pods have to leave devices with NoExecute taints. Pure.

Rules: kubernetes/pkg/controller/devicetainteviction.
https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/#device-taints-and-tolerations
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from minik.api.tolerations import toleration_matches
from minik.api.types import Obj
from minik.client.clock import parse_time

NO_EXECUTE = "NoExecute"

Device = tuple[str, str, str]  # driver, pool, name


def devices_of(claim: Obj) -> Sequence[tuple[Device, Sequence[Obj]]]:
    """The devices allocated to the claim, with the tolerations of the requests they answer."""
    allocation = (claim.get("status") or {}).get("allocation") or {}
    return [
        ((result["driver"], result["pool"], result["device"]), result.get("tolerations") or ())
        for result in (allocation.get("devices") or {}).get("results") or ()
    ]


def slice_taints(slices: Iterable[Obj], device: Device) -> Sequence[Obj]:
    """The NoExecute taints in the slices of the device's pool; those of older generations do not count."""
    pool = [s for s in slices if (s["spec"]["driver"], s["spec"]["pool"]["name"]) == device[:2]]
    newest = max((_generation(each) for each in pool), default=0)
    return [
        taint
        for each in pool
        if _generation(each) == newest
        for found in each["spec"].get("devices") or ()
        if found["name"] == device[2]
        for taint in found.get("taints") or ()
        if taint.get("effect") == NO_EXECUTE
    ]


def rule_taints(rules: Iterable[Obj], device: Device) -> Sequence[Obj]:
    """The NoExecute taints of the DeviceTaintRules for the device."""
    return [rule["spec"]["taint"] for rule in rules if is_evicting(rule) and selects(rule, device)]


def is_evicting(rule: Obj) -> bool:
    return bool(rule["spec"]["taint"].get("effect") == NO_EXECUTE)


def selects(rule: Obj, device: Device) -> bool:
    """Without a selector a rule is for no device, with an empty one for all."""
    selector = rule["spec"].get("deviceSelector")
    if selector is None:
        return False
    return all(selector.get(field) in (None, value) for field, value in zip(_FIELDS, device, strict=True))


_FIELDS = ("driver", "pool", "device")


def eviction_time(claim: Obj, taints_of: Callable[[Device], Iterable[Obj]], now: datetime) -> datetime | None:
    """When Pods that use the claim must go; None: they may stay."""
    found: datetime | None = None
    for device, tolerations in devices_of(claim):
        for taint in taints_of(device):
            limits = [t.get("tolerationSeconds") for t in tolerations if toleration_matches(t, taint)]
            if None in limits:
                continue  # tolerated for ever
            added = parse_time(taint["timeAdded"]) if taint.get("timeAdded") else now
            seconds = min((limit for limit in limits if limit is not None), default=0)
            when = added + timedelta(seconds=max(0, seconds))
            found = when if found is None else min(found, when)
    return found


def rule_condition(rule: Obj, pending: Sequence[Obj], evicted: int) -> Obj:
    """The EvictionInProgress condition. `pending` are the Pods that the rule still has to evict."""
    condition: Obj = {
        "type": "EvictionInProgress",
        "status": "False",
        "reason": f"Effect{rule['spec']['taint'].get('effect', '')}",
        "message": "",
        "observedGeneration": rule["metadata"].get("generation", 0),
    }
    if not is_evicting(rule):
        return condition | ({"reason": "NoEffect"} if condition["reason"] == "EffectNone" else {})
    if pending:
        namespaces = len({pod["metadata"]["namespace"] for pod in pending})
        pods = "1 pod needs" if len(pending) == 1 else f"{len(pending)} pods need"
        where = "1 namespace" if namespaces == 1 else f"{namespaces} different namespaces"
        message = f"{pods} to be evicted in {where}."
        return condition | {"status": "True", "reason": "PodsPendingEviction", "message": message}
    return condition | {"reason": "Completed" if evicted else "NotStarted"}


def _generation(resource_slice: Obj) -> int:
    return int(resource_slice["spec"]["pool"].get("generation") or 0)
