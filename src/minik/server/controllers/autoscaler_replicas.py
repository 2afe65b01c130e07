"""How many replicas one metric asks for. Pure; amounts are in thousandths (quantities' milli values).

Rules: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#algorithm-details
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from minik.api.quantity import parse
from minik.api.types import Obj
from minik.client.clock import parse_time
from minik.server.controllers.objects import condition_of, is_deleting

TOLERANCE = 0.1
_NO_PODS = "no pods returned by selector while calculating replica count"
_CPU_INITIALIZATION, _READINESS_DELAY = timedelta(minutes=5), timedelta(seconds=30)


class MetricError(Exception):
    """A metric that says nothing; the text is upstream's."""


@dataclass(frozen=True, slots=True)
class PodMetric:
    """What one Pod uses: the mean over `window` seconds before `timestamp`."""

    value: int
    timestamp: datetime
    window: float = 0.0


@dataclass(frozen=True, slots=True)
class Tolerances:
    up: float = TOLERANCE
    down: float = TOLERANCE

    def covers(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@dataclass(frozen=True, slots=True)
class Proposal:
    """`average` is per Pod; `utilization` in percent of requests, where the target is one."""

    replicas: int
    average: int
    utilization: int = 0


@dataclass(frozen=True, slots=True)
class _Groups:
    ready: int
    unready: Collection[str]
    missing: Collection[str]
    ignored: Collection[str]


def by_utilization(
    current: int,
    target: int,
    resource: str,
    container: str,
    pods: Sequence[Obj],
    metrics: Mapping[str, PodMetric],
    tolerances: Tolerances,
    now: datetime,
) -> Proposal:
    """The target is a percentage of what the Pods request. Raises MetricError."""
    groups, counted = _counted(pods, metrics, resource, now)
    requests = {pod["metadata"]["name"]: _request(pod, resource, container) for pod in pods}

    def ratio_of(values: Mapping[str, int]) -> tuple[float, int]:
        wanted = sum(requests[name] for name in values if name in requests)
        if not wanted:
            raise MetricError("no metrics returned matched known pods")
        percent = sum(values[name] for name in values if name in requests) * 100 // wanted
        return percent / target, percent

    ratio, percent = ratio_of(counted)
    known = [value for name, value in counted.items() if name in requests]
    average = sum(known) // len(known)
    fallback = max(100, target)
    replicas = _settled(
        current,
        groups,
        counted,
        ratio,
        lambda values: ratio_of(values)[0],
        {name: requests[name] * fallback // 100 for name in groups.missing},
        tolerances,
    )
    return Proposal(replicas, average, percent)


def by_average(
    current: int,
    target: int,
    resource: str,
    pods: Sequence[Obj],
    metrics: Mapping[str, PodMetric],
    tolerances: Tolerances,
    now: datetime,
) -> Proposal:
    """The target is an amount per Pod. `resource` is "" for a metric that is none. Raises MetricError."""
    groups, counted = _counted(pods, metrics, resource, now)

    def ratio_of(values: Mapping[str, int]) -> float:
        return sum(values.values()) // len(values) / target

    missing = dict.fromkeys(groups.missing, target)
    replicas = _settled(current, groups, counted, ratio_of(counted), ratio_of, missing, tolerances)
    return Proposal(replicas, sum(counted.values()) // len(counted))


def by_total(current: int, usage: int, target: int, pods: Sequence[Obj], tolerances: Tolerances) -> Proposal:
    """The target is for one value of all Pods together (Object and External metrics). Raises MetricError."""
    ratio = usage / target
    if current == 0:
        return Proposal(math.ceil(ratio), usage)
    if tolerances.covers(ratio):
        return Proposal(current, usage)
    if not pods:
        raise MetricError(f"unable to calculate ready pods: {_NO_PODS}")
    return Proposal(math.ceil(ratio * ready_pods(pods)), usage)


def by_share(current: int, usage: int, target: int, status_replicas: int, tolerances: Tolerances) -> Proposal:
    """The target is each Pod's share of one value."""
    replicas = status_replicas
    ratio = usage / (target * replicas) if replicas else math.inf
    if not tolerances.covers(ratio):
        replicas = math.ceil(usage / target)
    return Proposal(replicas, math.ceil(usage / status_replicas) if status_replicas else 0)


def ready_pods(pods: Sequence[Obj]) -> int:
    """Those that run and are ready."""
    count = 0
    for pod in pods:
        condition = condition_of(pod, "Ready")
        running = (pod.get("status") or {}).get("phase") == "Running"
        count += running and condition is not None and condition["status"] == "True"
    return count


def _counted(
    pods: Sequence[Obj], metrics: Mapping[str, PodMetric], resource: str, now: datetime
) -> tuple[_Groups, dict[str, int]]:
    if not pods:
        raise MetricError(_NO_PODS)
    groups = _group(pods, metrics, resource, now)
    left_out = {*groups.ignored, *groups.unready}
    counted = {name: metric.value for name, metric in metrics.items() if name not in left_out}
    if not counted:
        raise MetricError("did not receive metrics for targeted pods (pods might be unready)")
    return groups, counted


def _group(pods: Sequence[Obj], metrics: Mapping[str, PodMetric], resource: str, now: datetime) -> _Groups:
    ready, unready, missing, ignored = 0, set(), set(), set()
    for pod in pods:
        name, phase = pod["metadata"]["name"], (pod.get("status") or {}).get("phase")
        if is_deleting(pod) or phase == "Failed":
            ignored.add(name)
        elif phase == "Pending":
            unready.add(name)
        elif name not in metrics:
            missing.add(name)
        elif resource == "cpu" and _is_warming_up(pod, metrics[name], now):
            unready.add(name)
        else:
            ready += 1
    return _Groups(ready, unready, missing, ignored)


def _is_warming_up(pod: Obj, metric: PodMetric, now: datetime) -> bool:
    """Whether the Pod's CPU is that of its start."""
    condition, started = condition_of(pod, "Ready"), (pod.get("status") or {}).get("startTime")
    if condition is None or not started:
        return True
    start, changed = parse_time(started), parse_time(condition["lastTransitionTime"])
    is_ready = condition["status"] != "False"
    if start + _CPU_INITIALIZATION > now:
        return not is_ready or metric.timestamp < changed + timedelta(seconds=metric.window)
    return not is_ready and start + _READINESS_DELAY > changed


def _settled(
    current: int,
    groups: _Groups,
    counted: Mapping[str, int],
    ratio: float,
    ratio_of: Callable[[Mapping[str, int]], float],
    missing: Mapping[str, int],
    tolerances: Tolerances,
) -> int:
    """Count Pods without metrics so that they damp the change: as using the target when there is to be less,
    and nothing when there is to be more."""
    rising_unready = bool(groups.unready) and ratio > 1.0
    if not rising_unready and not missing:
        return current if tolerances.covers(ratio) else math.ceil(ratio * groups.ready)
    values = dict(counted)
    if ratio < 1.0:
        values |= missing
    elif ratio > 1.0:
        values |= dict.fromkeys(missing, 0)
    if rising_unready:
        values |= dict.fromkeys(groups.unready, 0)
    damped = ratio_of(values)
    if tolerances.covers(damped) or (ratio < 1.0 < damped) or (damped < 1.0 < ratio):
        return current
    replicas = math.ceil(damped * len(values))
    if (damped < 1.0 and replicas > current) or (damped > 1.0 and replicas < current):
        return current
    return replicas


def _request(pod: Obj, resource: str, container: str) -> int:
    """What the Pod asks for as a whole, else what its containers do, or the one named. Raises MetricError."""
    name, total = pod["metadata"]["name"], 0
    for_all = ((pod["spec"].get("resources") or {}).get("requests") or {}) if not container else {}
    if for_all:
        if resource not in for_all:
            raise MetricError(f"missing pod-level request for {resource} in Pod {name}")
        return parse(for_all[resource]).milli
    sidecars = [c for c in pod["spec"].get("initContainers") or () if c.get("restartPolicy") == "Always"]
    named = [c for c in (*pod["spec"]["containers"], *sidecars) if container in ("", c["name"])]
    if container and not named:
        raise MetricError(f"container {container} not found in Pod {name}")
    for one in named:
        asked = ((one.get("resources") or {}).get("requests") or {}).get(resource)
        if asked is None:
            raise MetricError(f"missing request for {resource} in container {one['name']} of Pod {name}")
        total += parse(asked).milli
    return total
