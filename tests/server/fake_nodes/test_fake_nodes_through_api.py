"""A whole server with nodes that have no machines."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from harness.api_server import ApiServer
from harness.cluster import eventually

NODES = 4


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    settings = {"fake-nodes": NODES, "fake-node-capacity": ["pods=20", "example.com/gpu=2"]}
    with ApiServer(tmp_path_factory.mktemp("fakes") / "server", settings=settings) as found:
        eventually(lambda: len(found.get("nodes")["items"]) == NODES, what="the nodes")
        eventually(lambda: found.get("serviceaccount", "default"), what="the default ServiceAccount")
        yield found
        assert found.failures() == []


def test_nodes_are_there_with_leases(server: ApiServer) -> None:
    nodes = server.get("nodes")["items"]
    assert [node["metadata"]["name"] for node in nodes] == [f"fake-000{number}" for number in range(NODES)]
    assert {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes} == {
        "fake-a",
        "fake-b",
        "fake-c",
    }
    assert nodes[0]["status"]["allocatable"] == {
        "cpu": "32",
        "example.com/gpu": "2",
        "memory": "256Gi",
        "pods": "20",
    }
    eventually(lambda: len(server.get("leases", "-n", "kube-node-lease")["items"]) == NODES, what="the Leases")


def test_a_deployment_runs_and_goes(server: ApiServer) -> None:
    server.kubectl("create", "deployment", "web", "--image=web", "--replicas=8")
    server.kubectl("expose", "deployment", "web", "--port=80")
    server.kubectl("rollout", "status", "deployment", "web", "--timeout=30s")
    pods = server.get("pods", "-l", "app=web")["items"]
    assert len({pod["status"]["podIP"] for pod in pods}) == 8
    slices = eventually(lambda: server.get("endpointslices", "-l", "kubernetes.io/service-name=web")["items"])
    eventually(
        lambda: len(server.get("endpointslice", slices[0]["metadata"]["name"])["endpoints"]) == 8, what="endpoints"
    )
    server.kubectl("delete", "deployment,service", "web")
    eventually(lambda: not server.get("pods", "-l", "app=web")["items"], what="all Pods being gone")


def test_jobs_complete_and_fail_as_told(server: ApiServer) -> None:
    server.kubectl("create", "job", "good", "--image=x")
    bad = server.kubectl("create", "job", "bad", "--image=x", "--dry-run=client", "-o", "json")
    job = json.loads(bad)
    job["spec"]["backoffLimit"] = 0
    job["spec"]["template"]["metadata"] = {"annotations": {"minik.io/fake-exit-code": "3"}}
    server.kubectl("create", "-f", "-", stdin=json.dumps(job))
    server.kubectl("wait", "job", "good", "--for=condition=Complete", "--timeout=20s")
    server.kubectl("wait", "job", "bad", "--for=condition=Failed", "--timeout=20s")
    server.kubectl("delete", "jobs", "--all")
    eventually(lambda: not server.get("pods")["items"], what="the Jobs' Pods being gone")


def test_a_node_that_is_called_fake_is_kept_ready(server: ApiServer) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "own", "annotations": {"minik.io/node": "fake"}}}
    server.kubectl("create", "-f", "-", stdin=json.dumps(node))
    server.kubectl("wait", "node", "own", "--for=condition=Ready", "--timeout=20s")
    server.kubectl("delete", "node", "own")


def test_stages_take_their_time_and_deletion_none(server: ApiServer) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "slow", "annotations": {"minik.io/fake-run-seconds": "2"}},
        "spec": {
            "terminationGracePeriodSeconds": 3600,
            "restartPolicy": "Never",
            "containers": [{"name": "c", "image": "x"}],
        },
    }
    server.kubectl("create", "-f", "-", stdin=json.dumps(pod))
    server.kubectl("wait", "pod", "slow", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s")
    ended = server.get("pod", "slow")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert seconds(ended["finishedAt"]) - seconds(ended["startedAt"]) >= 1  # times have no fractions
    pod["metadata"] = {"name": "held", "finalizers": ["example.com/hold"]}
    server.kubectl("create", "-f", "-", stdin=json.dumps(pod))
    server.kubectl("wait", "pod", "held", "--for=jsonpath={.status.phase}=Running", "--timeout=20s")
    server.kubectl("delete", "pod", "slow", "held", "--wait=false")
    server.kubectl("wait", "pod", "held", "--for=jsonpath={.status.phase}=Failed", "--timeout=20s")
    killed = server.get("pod", "held")["status"]["containerStatuses"][0]["state"]["terminated"]
    assert killed["exitCode"] == 137
    server.kubectl("patch", "pod", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    eventually(lambda: not server.get("pods")["items"], what="both Pods being gone")


def test_pods_outlive_the_server(tmp_path: Path) -> None:
    with ApiServer(tmp_path / "server", settings={"fake-nodes": 4}) as server:
        eventually(lambda: server.get("serviceaccount", "default"), what="the default ServiceAccount")
        server.kubectl("create", "deployment", "web", "--image=web", "--replicas=300")
        server.kubectl("rollout", "status", "deployment", "web", "--timeout=60s")
        before = {pod["metadata"]["uid"]: pod for pod in server.get("pods")["items"]}
        server.stop()
        server.start()
        server.kubectl("scale", "deployment", "web", "--replicas=310")
        server.kubectl("rollout", "status", "deployment", "web", "--timeout=60s")
        after = {pod["metadata"]["uid"]: pod for pod in server.get("pods")["items"]}
        assert len(after) == 310
        assert {uid: after[uid]["status"] for uid in before} == {uid: pod["status"] for uid, pod in before.items()}
        assert len({pod["status"]["podIP"] for pod in after.values()}) == 310
        assert server.failures() == []


def seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
