"""HorizontalPodAutoscaler (autoscaling/v2, autoscaling/v1): replicas that follow metrics.

Behaviour: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.autoscaling.autoscaler_validation import (
    validate_autoscaler,
    validate_autoscaler_status_update,
    validate_autoscaler_update,
)
from minik.api.groups.autoscaling.v1_conversion import METRICS, from_storage, keep_what_is_understood, to_storage
from minik.api.groups.conversion import converting
from minik.api.groups.status_rules import RESET_STATUS, keep_status, reset_status, status_strategy
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import GVR, Obj

_SHOWN_METRICS = 2
_COLUMNS = (
    NAME,
    Column(
        "Reference",
        description=(
            "scaleTargetRef points to the target resource to scale, and is used to the pods for which metrics "
            "should be collected, as well as to actually change the replica count."
        ),
    ),
    Column(
        "Targets",
        description=(
            "metrics contains the specifications for which to use to calculate the desired replica count (the "
            "maximum replica count across all metrics will be used).  The desired replica count is calculated "
            "multiplying the ratio between the target value and the current value by the current number of pods.  "
            "Ergo, metrics used must decrease as the pod count is increased, and vice-versa.  See the individual "
            "metric source types for more information about how each type of metric must respond. If not set, the "
            "default metric will be set to 80% average CPU utilization."
        ),
    ),
    Column(
        "MinPods",
        description=(
            "minReplicas is the lower limit for the number of replicas to which the autoscaler can scale down.  "
            "It defaults to 1 pod.  minReplicas is allowed to be 0 if the alpha feature gate HPAScaleToZero is "
            "enabled and at least one Object or External metric is configured.  Scaling is active as long as at "
            "least one metric value is available."
        ),
    ),
    Column(
        "MaxPods",
        description=(
            "maxReplicas is the upper limit for the number of replicas to which the autoscaler can scale up. It "
            "cannot be less that minReplicas."
        ),
    ),
    Column(
        "Replicas",
        description=(
            "currentReplicas is current number of replicas of pods managed by this autoscaler, as last seen by "
            "the autoscaler."
        ),
    ),
    AGE,
)
_SCALE_UP: Obj = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN: Obj = {"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]}


def _default_rules(rules: Obj | None, defaults: Obj) -> Obj:
    given = {key: value for key, value in (rules or {}).items() if value is not None}
    if not given.get("policies"):
        given.pop("policies", None)
    policies = [dict(policy) for policy in defaults["policies"]]
    return {**defaults, "policies": policies, **given}


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        behavior["scaleUp"] = _default_rules(behavior.get("scaleUp"), _SCALE_UP)
        behavior["scaleDown"] = _default_rules(behavior.get("scaleDown"), _SCALE_DOWN)


def _default_v1(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    annotated = METRICS in (obj["metadata"].get("annotations") or {})
    if not annotated and spec.get("targetCPUUtilizationPercentage") is None:
        spec["targetCPUUtilizationPercentage"] = 80
    keep_what_is_understood(obj)


def _ratio(key: str, status: Obj, target: Obj) -> str:
    if key == "averageUtilization":
        current, wanted = status.get(key), target.get(key)
        return f"{'<unknown>' if current is None else f'{current}%'}/{'<auto>' if wanted is None else f'{wanted}%'}"
    return f"{status.get(key) or '<unknown>'}/{target.get(key, '')}"


def _metric(metric: Obj, status: Obj) -> str:
    kind = metric.get("type", "")
    source = kind[:1].lower() + kind[1:]
    spec = metric.get(source) or {}
    target, current = spec.get("target") or {}, (status.get(source) or {}).get("current") or {}
    if source in ("resource", "containerResource"):
        key = "averageValue" if target.get("averageValue") is not None else "averageUtilization"
        return f"{spec.get('name', '')}: {_ratio(key, current, target)}"
    if source == "pods":
        return _ratio("averageValue", current, target)
    if target.get("averageValue") is not None:
        return f"{_ratio('averageValue', current, target)} (avg)"
    return _ratio("value", current, target)


def _targets(metrics: Sequence[Obj], statuses: Sequence[Obj]) -> str:
    if not metrics:
        return "<none>"
    shown = [_metric(m, statuses[i] if i < len(statuses) else {}) for i, m in enumerate(metrics)]
    if len(shown) > _SHOWN_METRICS:
        return f"{', '.join(shown[:_SHOWN_METRICS])} + {len(shown) - _SHOWN_METRICS} more..."
    return ", ".join(shown)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    reference, low = spec.get("scaleTargetRef") or {}, spec.get("minReplicas")
    return [
        obj["metadata"]["name"],
        f"{reference.get('kind', '')}/{reference.get('name', '')}",
        _targets(spec.get("metrics") or (), status.get("currentMetrics") or ()),
        "<unset>" if low is None else str(low),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        age(obj, now),
    ]


def _resource(version: str, default: Callable[[Obj], None]) -> Resource:
    type_name = f"io.k8s.api.autoscaling.{version}.HorizontalPodAutoscaler"

    def convert(function: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        return converting(to_storage, function) if version == "v1" else function

    status = status_strategy(default=default, validate_update=convert(validate_autoscaler_status_update))
    return Resource(
        group="autoscaling",
        version=version,
        kind="HorizontalPodAutoscaler",
        plural="horizontalpodautoscalers",
        singular="horizontalpodautoscaler",
        type_name=type_name,
        short_names=("hpa",),
        categories=("all",),
        strategy=Strategy(
            default=default,
            prepare_create=reset_status(type_name),
            prepare_update=keep_status,
            validate=convert(validate_autoscaler),
            validate_update=convert(validate_autoscaler_update),
            reset_fields=RESET_STATUS,
        ),
        subresources=(Subresource(name="status", kind="HorizontalPodAutoscaler", strategy=status),),
        columns=_COLUMNS,
        cells=convert(_cells),
        storage_version_hash="qwQve8ut294=",
    )


RESOURCES = (
    _resource("v2", _default),
    replace(
        _resource("v1", _default_v1),
        storage=GVR("autoscaling", "v2", "horizontalpodautoscalers"),
        from_storage=from_storage,
        to_storage=to_storage,
    ),
)
