from datetime import UTC, datetime

from minik.agent.kubelet.machine import Filesystem
from minik.agent.kubelet.runtime_types import ContainerStats
from minik.agent.kubelet.stats_summary import NodeUsage, summary

NODE = NodeUsage("n", 2.5, 700, 300, Filesystem(1000, 400, 100, 60), (32768, 120))
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def stats(name: str, cpu_ns: int, memory: int) -> ContainerStats:
    return ContainerStats(
        id=name,
        name=name,
        pod_uid="u",
        namespace="ns",
        pod_name="p",
        timestamp=5_000_000_000,
        cpu_ns=cpu_ns,
        memory_working_set=memory,
        memory_rss=1,
        memory_usage=2,
        rootfs_used=30,
        rootfs_inodes=4,
    )


def test_pods_are_the_sum_of_their_containers() -> None:
    found = summary(NODE, [stats("a", 10, 100), stats("b", 20, 50)], {"a": 2_000_000_000, "b": 1_000_000_000}, NOW)
    assert found["node"]["cpu"] == {"time": "2026-01-02T00:00:00Z", "usageCoreNanoSeconds": 2_500_000_000}
    assert found["node"]["fs"]["usedBytes"] == 600
    assert found["node"]["fs"]["inodesUsed"] == 40
    assert found["node"]["rlimit"]["curproc"] == 120
    (pod,) = found["pods"]
    assert pod["podRef"] == {"name": "p", "namespace": "ns", "uid": "u"}
    assert pod["startTime"] == "1970-01-01T00:00:01Z"
    assert (pod["cpu"]["usageCoreNanoSeconds"], pod["memory"]["workingSetBytes"]) == (30, 150)
    assert [(c["name"], c["startTime"], c["rootfs"]["usedBytes"]) for c in pod["containers"]] == [
        ("a", "1970-01-01T00:00:02Z", 30),
        ("b", "1970-01-01T00:00:01Z", 30),
    ]


def test_cpu_and_memory_alone() -> None:
    found = summary(NODE, [stats("a", 10, 100)], {}, NOW, brief=True)
    assert set(found["node"]) == {"nodeName", "cpu", "memory"}
    assert "rootfs" not in found["pods"][0]["containers"][0]
