"""Taints of devices, their own and those of DeviceTaintRules, and the tolerations of requests. Pure."""

from collections.abc import Iterable, Sequence

from minik.api.types import Obj
from minik.server.controllers.device_taints_plan import Device, selects


def tolerates_all(taints: Sequence[Obj], tolerations: Sequence[Obj]) -> bool:
    """Whether a device with these taints may be allocated. Effect None only informs."""
    keeping_away = [taint for taint in taints if taint.get("effect") in ("NoSchedule", "NoExecute")]
    return all(any(_tolerates(one, taint) for one in tolerations) for taint in keeping_away)


def with_rules(device: Obj, id: Device, rules: Iterable[Obj]) -> Obj:
    """The device with the taints that DeviceTaintRules give it."""
    more = [rule["spec"]["taint"] for rule in rules if selects(rule, id)]
    return {**device, "taints": [*(device.get("taints") or ()), *more]} if more else device


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    effect, key = toleration.get("effect"), toleration.get("key")
    if effect and effect != taint.get("effect"):
        return False
    if key and key != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")
