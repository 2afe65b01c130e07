"""When Pods have to leave devices with NoExecute taints. Pure.

Rules: kubernetes/pkg/controller/devicetainteviction.
https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/#device-taints-and-tolerations
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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


def as_evicting(rule: Obj) -> Obj:
    """The rule as if its effect were NoExecute, to see what it would do."""
    return {**rule, "spec": {**rule["spec"], "taint": {**rule["spec"]["taint"], "effect": NO_EXECUTE}}}


@dataclass(frozen=True, slots=True)
class Reach:
    """What a rule selects. `pending` are the Pods that it (or, with the effect None, it would) still evict."""

    pending: Sequence[Obj] = ()
    published: int = 0  # devices in slices
    allocated: int = 0  # devices in claims
    evicted: int = 0  # Pods, since the controller started


def rule_condition(rule: Obj, reach: Reach) -> Obj:
    """The EvictionInProgress condition."""
    effect, status, reason, message = rule["spec"]["taint"].get("effect", ""), "False", "OtherEffect", ""
    namespaces = len({pod["metadata"]["namespace"] for pod in reach.pending})
    where = "1 namespace" if namespaces == 1 else f"{namespaces} different namespaces"
    if effect == NO_EXECUTE and reach.pending:
        status, reason = "True", "PodsPendingEviction"
        message = f"{_count(len(reach.pending), 'pod needs', 'pods need')} to be evicted in {where}."
    elif effect == NO_EXECUTE:
        reason = "Completed" if reach.evicted else "NotStarted"
    elif effect == "None":
        reason = "NoEffect"
        message = (
            f"{_count(reach.published, 'published device', 'published devices')} selected. "
            f"{_count(reach.allocated, 'allocated device', 'allocated devices')} selected. "
            f"{_count(len(reach.pending), 'pod', 'pods')} would be evicted in {where} if the effect was NoExecute. "
            "This information will not be updated again. Recreate the DeviceTaintRule to trigger an update."
        )
    else:
        message = "Eviction only happens for the NoExecute effect."
    if reach.evicted:
        told = f"{_count(reach.evicted, 'pod', 'pods')} evicted since starting the controller."
        message = f"{message} {told}" if message else told
    return {
        "type": "EvictionInProgress",
        "status": status,
        "observedGeneration": rule["metadata"].get("generation", 0),
        "reason": reason,
        "message": message,
    }


def published(slices: Iterable[Obj], rule: Obj) -> int:
    """How many devices of the newest slices the rule selects."""
    found = [*slices]
    newest: dict[tuple[str, str], int] = {}
    for each in found:
        pool = (each["spec"]["driver"], each["spec"]["pool"]["name"])
        newest[pool] = max(newest.get(pool, 0), _generation(each))
    return sum(
        selects(rule, (each["spec"]["driver"], each["spec"]["pool"]["name"], device["name"]))
        for each in found
        if _generation(each) == newest[each["spec"]["driver"], each["spec"]["pool"]["name"]]
        for device in each["spec"].get("devices") or ()
    )


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _generation(resource_slice: Obj) -> int:
    return int(resource_slice["spec"]["pool"].get("generation") or 0)
