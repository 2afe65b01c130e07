"""How far and how fast an autoscaler may go: bounds, stabilization windows and scaling policies. Pure.

https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#configurable-scaling-behavior
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from minik.api.types import Obj

DOWNSCALE_WINDOW = 300.0  # seconds
_UP_FACTOR, _UP_LEAST = 2, 4


@dataclass(frozen=True, slots=True)
class Moment:
    """A recommendation, or by how much replicas were changed, and when (monotonic seconds)."""

    at: float
    replicas: int


@dataclass(frozen=True, slots=True)
class History:
    recommendations: Sequence[Moment] = ()
    ups: Sequence[Moment] = ()
    downs: Sequence[Moment] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The replicas to have, and the reasons and messages of AbleToScale and ScalingLimited."""

    replicas: int
    able: tuple[str, str]
    limited: tuple[str, str]

    @property
    def is_limited(self) -> bool:
        return self.limited[0] != "DesiredWithinRange"


_WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
_TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
_UP_LIMIT = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_DOWN_LIMIT = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
_READY = ("ReadyForNewScale", "recommended size matches current size")
_LOWER = "recent recommendations were lower than current one, applying the lowest recent recommendation"
_HIGHER = "recent recommendations were higher than current one, applying the highest recent recommendation"


def windows(behavior: Obj | None) -> tuple[float, float]:
    """Stabilization windows up and down, in seconds."""
    if behavior is None:
        return 0.0, DOWNSCALE_WINDOW
    up, down = behavior.get("scaleUp") or {}, behavior.get("scaleDown") or {}
    below = down.get("stabilizationWindowSeconds")
    return float(up.get("stabilizationWindowSeconds") or 0), DOWNSCALE_WINDOW if below is None else float(below)


def limited(
    wanted: int, current: int, least: int, most: int, behavior: Obj | None, history: History, now: float
) -> Verdict:
    """What to do about a recommendation that `history` does not hold yet."""
    steady, able = _stabilized(wanted, current, behavior, history.recommendations, now)
    floor, ceiling = least, most
    below, above = _TOO_FEW, _TOO_MANY
    if behavior is None:
        fastest = max(_UP_FACTOR * current, _UP_LEAST)
        if most > fastest:
            ceiling, above = fastest, _UP_LIMIT
    elif steady > current:
        fastest = max(current, _highest(current, behavior["scaleUp"], history, now))
        if most > fastest:
            ceiling, above = fastest, _UP_LIMIT
    elif steady < current:
        slowest = min(current, _lowest(current, behavior["scaleDown"], history, now))
        if least < slowest:
            floor, below = slowest, _DOWN_LIMIT
    if steady < floor:
        return Verdict(floor, able, below)
    if steady > ceiling:
        return Verdict(ceiling, able, above)
    return Verdict(steady, able, _WITHIN)


def _stabilized(
    wanted: int, current: int, behavior: Obj | None, before: Sequence[Moment], now: float
) -> tuple[int, tuple[str, str]]:
    """Go up no higher than the lowest, and down no lower than the highest recent recommendation.

    Without behavior the highest counts even if it was never reached.
    """
    spans = windows(behavior)
    lowest = min([wanted, *(one.replicas for one in before if now - one.at < spans[0])])
    highest = max([wanted, *(one.replicas for one in before if now - one.at < spans[1])])
    steady = highest if behavior is None else min(max(current, lowest), highest)
    if steady == wanted:
        return steady, _READY
    return steady, ("ScaleUpStabilized", _LOWER) if wanted > steady else ("ScaleDownStabilized", _HIGHER)


def _highest(current: int, rules: Obj, history: History, now: float) -> int:
    if rules.get("selectPolicy") == "Disabled":
        return current
    limits = []
    for policy in rules.get("policies") or ():
        start = _start(current, policy, history, now)
        share = 1 + policy["value"] / 100  # in floating point and rounded as upstream: 10 % of 10 are 2
        limits.append(start + policy["value"] if policy["type"] == "Pods" else math.ceil(start * share))
    return (min if rules.get("selectPolicy") == "Min" else max)(limits, default=current)


def _lowest(current: int, rules: Obj, history: History, now: float) -> int:
    if rules.get("selectPolicy") == "Disabled":
        return current
    limits = []
    for policy in rules.get("policies") or ():
        start = _start(current, policy, history, now)
        left = start - policy["value"] if policy["type"] == "Pods" else int(start * (1 - policy["value"] / 100))
        limits.append(left)
    return (max if rules.get("selectPolicy") == "Min" else min)(limits, default=current)


def _start(current: int, policy: Obj, history: History, now: float) -> int:
    """The replicas at the beginning of the policy's period."""
    period = float(policy["periodSeconds"])
    return current - _changed(history.ups, period, now) + _changed(history.downs, period, now)


def _changed(moments: Iterable[Moment], period: float, now: float) -> int:
    return sum(moment.replicas for moment in moments if now - moment.at < period)
