"""Taints and tolerations: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/"""

from collections.abc import Iterable, Sequence

from minik.api.types import Obj


def tolerates(tolerations: Iterable[Obj], taint: Obj) -> bool:
    """Whether any toleration matches the taint."""
    return any(toleration_matches(toleration, taint) for toleration in tolerations)


def toleration_matches(toleration: Obj, taint: Obj) -> bool:
    """Effect and key (empty: any), then the operator: Exists, Equal (default), Lt and Gt (integers, KEP-5471)."""
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    operator, value, tainted = (
        toleration.get("operator") or "Equal",
        toleration.get("value", ""),
        taint.get("value", ""),
    )
    if operator == "Exists":
        return True
    if operator == "Equal":
        return bool(toleration.get("key")) and value == tainted
    try:
        return int(tainted) < int(value) if operator == "Lt" else int(tainted) > int(value)
    except ValueError:
        return False


def untolerated(taints: Iterable[Obj], tolerations: Sequence[Obj], effects: Iterable[str]) -> Obj | None:
    """The first taint with one of these effects that nothing tolerates."""
    wanted = frozenset(effects)
    return next((t for t in taints if t.get("effect") in wanted and not tolerates(tolerations, t)), None)
