"""Services of type LoadBalancer answer at the node's address, without a cloud."""

import subprocess

import pytest

from harness.cluster import eventually
from harness.space import Space, pod

pytestmark = pytest.mark.e2e


def test_an_exposed_pod_answers_at_the_nodes_address(space: Space) -> None:
    space.apply([pod("web", labels={"app": "web"}, readinessProbe={"tcpSocket": {"port": 80}})])
    space.ready("web")
    space.kubectl("expose", "pod/web", "--type=LoadBalancer", "--port=8181", "--target-port=80")

    def ingress(name: str) -> list[str]:
        status = space.get("service", name)["status"]["loadBalancer"]
        return [item["ip"] for item in status.get("ingress") or ()]

    def answers() -> bool:
        command = ["curl", "-sS", "-m", "2", f"http://{space.cluster.address}:8181/"]
        from_node = space.cluster.run(*command, check=False)
        from_outside = subprocess.run(command, capture_output=True, text=True, check=False)
        return from_node.stdout.strip() == from_outside.stdout.strip() == "web"

    eventually(lambda: ingress("web") == [space.cluster.address], what="an address for the Service")
    eventually(answers, what="an answer at the node's address")

    space.kubectl("expose", "pod/web", "--name=second", "--type=LoadBalancer", "--port=8181", "--target-port=80")
    eventually(lambda: "SyncLoadBalancerFailed" in space.kubectl("get", "events"))
    assert ingress("second") == []
    space.kubectl("delete", "service", "web")
    eventually(lambda: ingress("second") == [space.cluster.address], what="the freed port")
