from datetime import UTC, datetime
from typing import Any

from minik.server.resource_metrics.endpoint import RESOURCES
from minik.server.resource_metrics.usage import Usage, between, node_metrics, parse, pod_metrics

BEFORE = """\
# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="c",namespace="ns",pod="p"} 10 1000000
container_cpu_usage_seconds_total{container="old",namespace="ns",pod="p"} 50 1000000
container_memory_working_set_bytes{container="c",namespace="ns",pod="p"} 1024 1000000
node_cpu_usage_seconds_total 100 1000000
node_memory_working_set_bytes 4096 1000000
pod_cpu_usage_seconds_total{namespace="ns",pod="p"} 10 1000000
"""
AFTER = """\
container_cpu_usage_seconds_total{container="c",namespace="ns",pod="p"} 12.5 1010000
container_cpu_usage_seconds_total{container="old",namespace="ns",pod="p"} 1 1010000
container_memory_working_set_bytes{container="c",namespace="ns",pod="p"} 2048 1010000
node_cpu_usage_seconds_total 120 1010000
node_memory_working_set_bytes 8192 1010000
"""


def test_usage_is_the_difference_of_two_readings() -> None:
    node = {("", "", ""): Usage(2.0, 8192.0, 1010.0, 10.0)}
    found = between(parse(BEFORE, 0), parse(AFTER, 0))
    assert found == node  # the Pod of the restarted container is left out until its next reading
    calm = "".join(line for line in AFTER.splitlines(keepends=True) if '"old"' not in line)
    assert between(parse(BEFORE, 0), parse(calm, 0)) == {("ns", "p", "c"): Usage(0.25, 2048.0, 1010.0, 10.0), **node}


def pod(*containers: str) -> dict[str, Any]:
    metadata = {"name": "p", "namespace": "ns", "labels": {"a": "b"}}
    return {"metadata": metadata, "spec": {"containers": [{"name": name} for name in containers]}}


def test_metrics_are_in_metrics_servers_words() -> None:
    usage = Usage(0.25, 2048.0, 1010.0, 10.0)
    assert pod_metrics(pod("c"), {"c": usage}) == {
        "kind": "PodMetrics",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {
            "name": "p",
            "creationTimestamp": "1970-01-01T00:16:50Z",
            "namespace": "ns",
            "labels": {"a": "b"},
        },
        "timestamp": "1970-01-01T00:16:50Z",
        "window": "10.000s",
        "containers": [{"name": "c", "usage": {"cpu": "250000000n", "memory": "2Ki"}}],
    }
    assert node_metrics({"metadata": {"name": "n"}}, usage)["usage"]["cpu"] == "250000000n"


def test_tables_show_what_is_used_in_all() -> None:
    node, pods = (resource.cells for resource in RESOURCES)
    usage = Usage(0.25, 2048.0, 1010.0, 10.0)
    now = datetime.now(UTC)
    assert node is not None
    assert node(node_metrics({"metadata": {"name": "n"}}, usage), now) == ["n", "250000000n", "2Ki", "10.000s"]
    assert pods is not None
    assert pods(pod_metrics(pod("c", "d"), {"c": usage, "d": usage}), now) == ["p", "500000000n", "4Ki", "10.000s"]
