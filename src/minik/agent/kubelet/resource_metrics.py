"""What the node, its Pods and their containers use, as Prometheus text: the kubelet's /metrics/resource.

Read when asked for; nothing is sampled meanwhile. Names and units are upstream's, for any metrics-server to use.
https://kubernetes.io/docs/reference/instrumentation/node-metrics/
"""

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from minik.agent.kubelet.runtime import Runtime
from minik.agent.kubelet.runtime_types import ContainerStats

_HELP = {
    "container_cpu_usage_seconds_total": (
        "counter",
        "Cumulative cpu time consumed by the container in core-seconds",
    ),
    "container_memory_working_set_bytes": ("gauge", "Current working set of the container in bytes"),
    "container_start_time_seconds": ("gauge", "Start time of the container since unix epoch in seconds"),
    "node_cpu_usage_seconds_total": ("counter", "Cumulative cpu time consumed by the node in core-seconds"),
    "node_memory_working_set_bytes": ("gauge", "Current working set of the node in bytes"),
    "pod_cpu_usage_seconds_total": ("counter", "Cumulative cpu time consumed by the pod in core-seconds"),
    "pod_memory_working_set_bytes": ("gauge", "Current working set of the pod in bytes"),
    "resource_scrape_error": ("gauge", "1 if there was an error while getting container metrics, 0 otherwise"),
}
_IDLE = (3, 4)  # columns of /proc/stat that are no work: idle, iowait

Line = tuple[str, str, float, int]  # name, labels, value, milliseconds since the epoch


async def resource_metrics(runtime: Runtime) -> str:
    """Raises CRIError."""
    stats = [one for one in await runtime.stats() if one.timestamp]  # what does not run is not measured
    started = {container.id: container.created_at / 1e9 for container in await runtime.containers()}
    cpu, memory = await asyncio.to_thread(node_usage)
    return render(stats, started, cpu, memory, int(time.time() * 1000))


def render(
    stats: Sequence[ContainerStats], started: Mapping[str, float], node_cpu: float, node_memory: int, now: int
) -> str:
    """`started` in seconds since the epoch, `node_cpu` in core-seconds, `node_memory` in bytes, `now` in ms."""
    lines = [
        *_containers(stats, started),
        ("node_cpu_usage_seconds_total", "", node_cpu, now),
        ("node_memory_working_set_bytes", "", float(node_memory), now),
        *_pods(stats),
        ("resource_scrape_error", "", 0.0, 0),
    ]
    return "".join(_text(lines))


def _containers(stats: Sequence[ContainerStats], started: Mapping[str, float]) -> Iterator[Line]:
    for one in stats:
        labels = f'{{container="{one.name}",namespace="{one.namespace}",pod="{one.pod_name}"}}'
        at = one.timestamp // 1_000_000
        yield "container_cpu_usage_seconds_total", labels, one.cpu_ns / 1e9, at
        yield "container_memory_working_set_bytes", labels, float(one.memory_working_set), at
        if one.id in started:
            yield "container_start_time_seconds", labels, started[one.id], 0


def _pods(stats: Sequence[ContainerStats]) -> Iterator[Line]:
    """Sums over the containers; the sandbox hardly counts."""
    by_pod: dict[str, list[ContainerStats]] = {}
    for one in stats:
        by_pod.setdefault(one.pod_uid, []).append(one)
    for group in by_pod.values():
        labels = f'{{namespace="{group[0].namespace}",pod="{group[0].pod_name}"}}'
        at = max(one.timestamp for one in group) // 1_000_000
        yield "pod_cpu_usage_seconds_total", labels, sum(one.cpu_ns for one in group) / 1e9, at
        yield "pod_memory_working_set_bytes", labels, float(sum(one.memory_working_set for one in group)), at


def _text(lines: Iterable[Line]) -> Iterator[str]:
    """Sorted by name, each name with its description first."""
    last = ""
    for name, labels, value, at in sorted(lines, key=lambda line: line[0]):
        if name != last:
            kind, description = _HELP[name]
            yield f"# HELP {name} [STABLE] {description}\n# TYPE {name} {kind}\n"
            last = name
        yield f"{name}{labels} {value:.15g}{f' {at}' if at else ''}\n"


def node_usage() -> tuple[float, int]:
    """CPU in core-seconds since the machine started, memory in use in bytes."""
    ticks = [int(text) for text in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    busy = sum(value for column, value in enumerate(ticks) if column not in _IDLE)
    figures = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    used = (int(figures["MemTotal"].split()[0]) - int(figures["MemAvailable"].split()[0])) * 1024
    return busy / os.sysconf("SC_CLK_TCK"), used
