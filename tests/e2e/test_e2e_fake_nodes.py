"""Nodes without machines beside a real one: real Pods run, fake ones only say so, and Services know the difference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cluster import IMAGE, Cluster, eventually

pytestmark = pytest.mark.e2e

REAL = [{"key": "type", "operator": "NotIn", "values": ["fake"]}]
FAKE = [{"key": "type", "operator": "In", "values": ["fake"]}]


@pytest.fixture(scope="module")
def mixed(directory: Path) -> Iterator[Cluster]:
    with Cluster(directory / "mixed", settings={"fake-nodes": 2}) as cluster:
        cluster.import_sample()
        eventually(lambda: len(cluster.get("nodes")["items"]) == 3, what="three nodes")
        eventually(cluster.node_ready, what="all of them being Ready")
        yield cluster


def deployment(name: str, replicas: int, where: list[dict[str, Any]]) -> dict[str, Any]:
    labels = {"app": name}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": where}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "affinity": {"nodeAffinity": affinity},
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{"name": "c", "image": IMAGE, "imagePullPolicy": "IfNotPresent"}],
                },
            },
        },
    }


def test_real_pods_run_on_the_real_node_and_fake_ones_do_not(mixed: Cluster) -> None:
    mixed.apply([deployment("real", 2, REAL), deployment("fake", 6, FAKE)])
    mixed.kubectl("expose", "deployment", "real", "--port=80")
    for name in ("real", "fake"):
        mixed.kubectl("rollout", "status", "deployment", name, "--timeout=60s", timeout=70)
    pods = mixed.get("pods")["items"]
    nodes = {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in pods}
    on_fakes = {name for name, node in nodes.items() if node.startswith("fake-")}
    assert on_fakes == {name for name in nodes if name.startswith("fake-")}
    running = {f"containerd://{each}" for each in mixed.ctr("containers", "list", "-q").split()}
    containers = {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0].get("containerID") for pod in pods}
    assert {name for name, container in containers.items() if container in running} == set(nodes) - on_fakes
    address = mixed.get("service", "real")["spec"]["clusterIP"]
    served = eventually(lambda: mixed.run("curl", "-sS", "-m", "2", address).stdout.strip())
    assert served in set(nodes) - on_fakes


def test_a_daemon_set_has_a_pod_on_every_node_and_all_of_them_go(mixed: Cluster) -> None:
    daemons = deployment("everywhere", 1, REAL)
    daemons["kind"] = "DaemonSet"
    del daemons["spec"]["replicas"], daemons["spec"]["template"]["spec"]["affinity"]
    mixed.apply(daemons)
    mixed.kubectl("rollout", "status", "daemonset", "everywhere", "--timeout=60s", timeout=70)
    assert len(mixed.get("pods", "-l", "app=everywhere")["items"]) == 3
    mixed.kubectl("delete", "daemonset", "everywhere", "--timeout=30s")
    eventually(lambda: not mixed.get("pods", "-l", "app=everywhere")["items"], what="its Pods being gone")


def test_what_was_written_outlives_kill_and_start(mixed: Cluster) -> None:
    before = {pod["metadata"]["uid"]: pod["status"]["phase"] for pod in mixed.get("pods")["items"]}
    mixed.kill()
    mixed.start()
    mixed.wait_ready()
    after = {pod["metadata"]["uid"]: pod["status"]["phase"] for pod in mixed.get("pods")["items"]}
    assert after == before
    assert mixed.get("deployment", "fake")["status"]["availableReplicas"] == 6
