from minik.agent.kubelet.resource_metrics import render
from minik.agent.kubelet.runtime_types import ContainerStats


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
        memory_rss=0,
        memory_usage=0,
        rootfs_used=0,
        rootfs_inodes=0,
    )


def test_containers_pods_and_the_node_are_counted() -> None:
    text = render([stats("a", 1_500_000_000, 100), stats("b", 500_000_000, 50)], {"a": 1.25}, 12.5, 1000, 6000)
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == [
        'container_cpu_usage_seconds_total{container="a",namespace="ns",pod="p"} 1.5 5000',
        'container_cpu_usage_seconds_total{container="b",namespace="ns",pod="p"} 0.5 5000',
        'container_memory_working_set_bytes{container="a",namespace="ns",pod="p"} 100 5000',
        'container_memory_working_set_bytes{container="b",namespace="ns",pod="p"} 50 5000',
        'container_start_time_seconds{container="a",namespace="ns",pod="p"} 1.25',
        "node_cpu_usage_seconds_total 12.5 6000",
        "node_memory_working_set_bytes 1000 6000",
        'pod_cpu_usage_seconds_total{namespace="ns",pod="p"} 2 5000',
        'pod_memory_working_set_bytes{namespace="ns",pod="p"} 150 5000',
        "resource_scrape_error 0",
    ]
    assert text.count("# TYPE node_cpu_usage_seconds_total counter") == 1
