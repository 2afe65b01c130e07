"""Taints of devices and the tolerations of requests. Pure."""

from collections.abc import Sequence

from minik.api.types import Obj


def tolerates_all(taints: Sequence[Obj], tolerations: Sequence[Obj]) -> bool:
    """Whether a device with these taints may be allocated. Effect None only informs."""
    keeping_away = [taint for taint in taints if taint.get("effect") in ("NoSchedule", "NoExecute")]
    return all(any(_tolerates(one, taint) for one in tolerations) for taint in keeping_away)


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    effect, key = toleration.get("effect"), toleration.get("key")
    if effect and effect != taint.get("effect"):
        return False
    if key and key != taint.get("key"):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")
