"""From two readings of a kubelet's /metrics/resource to what is used now. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from minik.api.types import Obj
from minik.client.clock import format_time

API_VERSION = "metrics.k8s.io/v1beta1"
_LINE = re.compile(
    r"^(container|node)_(cpu_usage_seconds_total|memory_working_set_bytes)(?:\{([^}]*)\})? (\S+)(?: (\d+))?$",
    re.MULTILINE,
)
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Key = tuple[str, str, str]  # namespace, Pod, container; all "" for the node


@dataclass(slots=True)
class Reading:
    """CPU in core-seconds, memory in bytes, time in seconds since the epoch."""

    cpu: float = 0.0
    memory: float = 0.0
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Cores and bytes, over the `window` seconds before `at`."""

    cores: float
    memory: float
    at: float
    window: float

    def to_json(self) -> Obj:
        return {"cpu": f"{round(self.cores * 1e9)}n", "memory": f"{int(self.memory) // 1024}Ki"}


@dataclass(slots=True)
class Sample:
    """One scrape of a node."""

    at: float
    readings: dict[Key, Reading] = field(default_factory=dict)


def parse(text: str, now: float) -> Sample:
    """The readings of a scrape; other metrics are skipped."""
    sample = Sample(now)
    for what, metric, labels, value, milliseconds in _LINE.findall(text):
        named = dict(_LABEL.findall(labels))
        key = (named.get("namespace", ""), named.get("pod", ""), named.get("container", ""))
        if (what == "container") != bool(key[2]):
            continue
        reading = sample.readings.setdefault(key, Reading())
        if metric.startswith("cpu"):
            reading.cpu = float(value)
            reading.at = int(milliseconds) / 1000 if milliseconds else now
        else:
            reading.memory = float(value)
    return sample


def between(before: Sample, after: Sample) -> dict[Key, Usage]:
    """What is used; a Pod is left out while it has a container that is new or was restarted."""
    found: dict[Key, Usage] = {}
    unknown: set[tuple[str, str]] = set()
    for key, reading in after.readings.items():
        earlier = before.readings.get(key)
        if earlier is None or reading.at <= earlier.at or reading.cpu < earlier.cpu:
            unknown.add(key[:2])
            continue
        window = reading.at - earlier.at
        found[key] = Usage((reading.cpu - earlier.cpu) / window, reading.memory, reading.at, window)
    return {key: usage for key, usage in found.items() if key[:2] not in unknown}


def node_metrics(node: Obj, usage: Usage) -> Obj:
    return {**_metrics("NodeMetrics", node, usage), "usage": usage.to_json()}


def pod_metrics(pod: Obj, containers: Mapping[str, Usage]) -> Obj:
    """`containers`: those that run, at least one."""
    newest = max(containers.values(), key=lambda usage: usage.at)
    listed = [{"name": name, "usage": usage.to_json()} for name, usage in containers.items()]
    return {**_metrics("PodMetrics", pod, newest), "containers": listed}


def _metrics(kind: str, about: Obj, usage: Usage) -> Obj:
    timestamp = format_time(datetime.fromtimestamp(usage.at, UTC))
    metadata = {"name": about["metadata"]["name"], "creationTimestamp": timestamp}
    for name in ("namespace", "labels"):
        if about["metadata"].get(name):
            metadata[name] = about["metadata"][name]
    return {
        "kind": kind,
        "apiVersion": API_VERSION,
        "metadata": metadata,
        "timestamp": timestamp,
        "window": f"{usage.window:.3f}s",
    }
