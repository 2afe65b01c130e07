"""HorizontalPodAutoscalers of autoscaling/v1 from and to autoscaling/v2, the version that is stored.

v1 has room for a CPU target only; everything else of v2 travels in annotations, as JSON of v1's alpha types.
Upstream: pkg/apis/autoscaling/v1/conversion.go.
"""

from typing import Any

import orjson

from minik.api.go_form import go_struct
from minik.api.types import Obj

_PREFIX = "autoscaling.alpha.kubernetes.io/"
METRICS = _PREFIX + "metrics"
_CURRENT, _BEHAVIOR, _CONDITIONS = _PREFIX + "current-metrics", _PREFIX + "behavior", _PREFIX + "conditions"
_ANNOTATIONS = (METRICS, _CURRENT, _BEHAVIOR, _CONDITIONS)
_KEPT_STATUS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
_SOURCES = ("object", "pods", "resource", "containerResource", "external")

# What one field of v1's alpha metrics is in v2: (v1 field, path in v2), for targets and for current values.
_Paths = tuple[tuple[str, tuple[str, ...]], ...]


def _paths(prefix: str, holder: str) -> dict[str, _Paths]:
    """`prefix` is target or current, `holder` the object in v2 that has the values."""
    value, average, utilization = (
        (holder, "value"),
        (holder, "averageValue"),
        (holder, "averageUtilization"),
    )
    resource: _Paths = (
        ("name", ("name",)),
        (f"{prefix}AverageUtilization", utilization),
        (f"{prefix}AverageValue", average),
    )
    return {
        "object": (
            ("target", ("describedObject",)),
            ("metricName", ("metric", "name")),
            (f"{prefix}Value", value),
            ("selector", ("metric", "selector")),
            ("averageValue", average),
        ),
        "pods": (
            ("metricName", ("metric", "name")),
            (f"{prefix}AverageValue", average),
            ("selector", ("metric", "selector")),
        ),
        "resource": resource,
        "containerResource": (*resource, ("container", ("container",))),
        "external": (
            ("metricName", ("metric", "name")),
            ("metricSelector", ("metric", "selector")),
            (f"{prefix}Value", value),
            (f"{prefix}AverageValue", average),
        ),
    }


# Quantities that v1 always has: (source, is it of the status) -> field.
_ALWAYS = {
    ("object", False): "targetValue",
    ("pods", False): "targetAverageValue",
    ("object", True): "currentValue",
    ("pods", True): "currentAverageValue",
    ("resource", True): "currentAverageValue",
    ("containerResource", True): "currentAverageValue",
    ("external", True): "currentValue",
}
_CONDITION = ("type", "status", "lastTransitionTime", "reason", "message")
_BEHAVIOR_FIELDS = (
    "scaleUp",
    "scaleDown",
    "stabilizationWindowSeconds",
    "selectPolicy",
    "policies",
    "tolerance",
    "type",
    "value",
    "periodSeconds",
)
_BY_LOWER_CASE = {name.lower(): name for name in _BEHAVIOR_FIELDS}
_TARGETS, _CURRENTS = _paths("target", "target"), _paths("current", "current")


def _get(obj: Obj, path: tuple[str, ...]) -> Any:
    for key in path[:-1]:
        obj = obj.get(key) or {}
    return obj.get(path[-1])


def _put(obj: Obj, path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        obj = obj.setdefault(key, {})
    obj[path[-1]] = value


def _metric_to_v1(metric: Obj, paths: dict[str, _Paths]) -> Obj:
    out: Obj = {"type": metric.get("type", "")}
    for source in _SOURCES:
        if metric.get(source) is not None:
            always = _ALWAYS.get((source, paths is _CURRENTS))
            values = ((name, _get(metric[source], path)) for name, path in paths[source])
            filled = ((name, "0" if value is None and name == always else value) for name, value in values)
            out[source] = {name: value for name, value in filled if value is not None}
    return out


def _target_type(source: str, target: Obj) -> str:
    if "averageUtilization" in target:
        return "Utilization"
    if source in ("object", "external") and "averageValue" not in target:
        return "Value"
    return "AverageValue"


def _metric_to_v2(metric: Obj, paths: dict[str, _Paths]) -> Obj:
    out: Obj = {"type": metric.get("type", "")}
    for source in _SOURCES:
        if metric.get(source) is None:
            continue
        converted: Obj = {}
        for name, path in paths[source]:
            empty = paths is _TARGETS and name == _ALWAYS.get((source, False)) and metric[source].get(name) == "0"
            if metric[source].get(name) is not None and not (empty and source == "object"):
                _put(converted, path, metric[source][name])
        if paths is _TARGETS:
            target = converted.setdefault("target", {})
            converted["target"] = {"type": _target_type(source, target), **target}
        else:
            converted.setdefault("current", {})
        out[source] = converted
    return out


def _is_cpu_target(metric: Obj) -> bool:
    resource = metric.get("resource") or {}
    utilization = (resource.get("target") or {}).get("averageUtilization")
    return metric.get("type") == "Resource" and resource.get("name") == "cpu" and utilization is not None


def _annotate(obj: Obj, key: str, value: Any) -> None:
    if value:
        metadata = obj["metadata"]
        metadata["annotations"] = {**(metadata.get("annotations") or {}), key: orjson.dumps(value).decode()}


def _behavior_to_v1(behavior: Obj | None) -> Any:
    """Upstream writes its internal type down, which has Go's names."""
    return go_struct(behavior, "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior") if behavior else None


def _behavior_to_v2(behavior: Any) -> Any:
    """Fields by their names in any case, as Go reads them."""
    if isinstance(behavior, list):
        return [_behavior_to_v2(each) for each in behavior]
    if not isinstance(behavior, dict):
        return behavior
    named = {_BY_LOWER_CASE.get(key.lower(), ""): _behavior_to_v2(value) for key, value in behavior.items()}
    return {name: value for name, value in named.items() if name and value is not None}


def _conditions_to_v1(conditions: list[Obj] | None) -> list[Obj]:
    return [{key: each[key] for key in _CONDITION if key in each} for each in conditions or ()]


def _take_annotations(obj: Obj) -> dict[str, Any]:
    """Remove the annotations that carry v2's fields; those that are no JSON count for nothing."""
    annotations = dict(obj["metadata"].get("annotations") or {})
    taken: dict[str, Any] = {}
    for key in _ANNOTATIONS:
        if key in annotations:
            try:
                taken[key] = orjson.loads(annotations.pop(key))
            except orjson.JSONDecodeError:
                continue
    if annotations:
        obj["metadata"]["annotations"] = annotations
    else:
        obj["metadata"].pop("annotations", None)
    return taken


def from_storage(obj: Obj) -> Obj:
    """v2 to v1."""
    _take_annotations(obj)
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    metrics, current = spec.pop("metrics", None) or (), status.get("currentMetrics") or ()
    for metric in metrics:
        if _is_cpu_target(metric):
            spec["targetCPUUtilizationPercentage"] = metric["resource"]["target"]["averageUtilization"]
    _annotate(obj, METRICS, [_metric_to_v1(m, _TARGETS) for m in metrics if not _is_cpu_target(m)])
    _annotate(obj, _CURRENT, [_metric_to_v1(m, _CURRENTS) for m in current])
    _annotate(obj, _CONDITIONS, _conditions_to_v1(status.get("conditions")))
    _annotate(obj, _BEHAVIOR, _behavior_to_v1(spec.pop("behavior", None)))
    kept: Obj = {key: status[key] for key in _KEPT_STATUS if key in status}
    for metric in current:
        resource = metric.get("resource") or {}
        utilization = (resource.get("current") or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and utilization is not None:
            kept["currentCPUUtilizationPercentage"] = utilization
    obj["apiVersion"], obj["spec"] = "autoscaling/v1", spec
    obj["status"] = {"currentReplicas": 0, "desiredReplicas": 0} | kept
    return obj


def _cpu_status(status: Obj) -> list[Obj]:
    utilization = status.get("currentCPUUtilizationPercentage")
    if utilization is None:
        return []
    return [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": utilization}}}]


def _metrics_of(taken: Any, paths: dict[str, _Paths]) -> list[Obj]:
    return [_metric_to_v2(m, paths) for m in taken if isinstance(m, dict)] if isinstance(taken, list) else []


def to_storage(obj: Obj) -> Obj:
    """v1 to v2."""
    taken = _take_annotations(obj)
    spec, status = dict(obj.get("spec") or {}), obj.get("status") or {}
    metrics = _metrics_of(taken.get(METRICS), _TARGETS)
    target = spec.pop("targetCPUUtilizationPercentage", None)
    if target is not None:
        wanted = {"type": "Utilization", "averageUtilization": target}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": wanted}})
    if metrics:
        spec["metrics"] = metrics
    if taken.get(_BEHAVIOR):
        spec["behavior"] = _behavior_to_v2(taken[_BEHAVIOR])
    kept: Obj = {key: status[key] for key in _KEPT_STATUS if status.get(key)}
    kept.setdefault("desiredReplicas", 0)
    kept["currentMetrics"] = _metrics_of(taken.get(_CURRENT), _CURRENTS) or _cpu_status(status) or None
    if taken.get(_CONDITIONS):
        kept["conditions"] = taken[_CONDITIONS]
    obj["apiVersion"], obj["spec"], obj["status"] = "autoscaling/v2", spec, kept
    return obj


def keep_what_is_understood(obj: Obj) -> None:
    """Write the annotations that carry v2's fields anew: what v2 has no room for is lost, as it is in storage."""
    if not any(key in (obj["metadata"].get("annotations") or {}) for key in _ANNOTATIONS):
        return
    stored = to_storage({**obj, "metadata": dict(obj["metadata"])})
    shown = from_storage(stored)
    obj["spec"] = shown["spec"]
    obj["metadata"].pop("annotations", None)
    if "annotations" in shown["metadata"]:
        obj["metadata"]["annotations"] = shown["metadata"]["annotations"]
