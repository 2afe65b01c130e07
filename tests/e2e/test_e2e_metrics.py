"""What nodes and Pods use, as kubectl top shows it, and autoscaling by it; nothing needs to be installed."""

import subprocess

from harness.cluster import eventually
from harness.space import Space, pod

BUSY = "while true; do :; done"
LIMITED = {"requests": {"cpu": "50m"}, "limits": {"cpu": "100m"}}


def top(space: Space) -> str:
    """kubectl top pods, which fails until there is something to show."""
    try:
        return space.kubectl("top", "pods", "--no-headers")
    except subprocess.CalledProcessError:
        return ""


def test_kubectl_top_shows_nodes_and_pods(space: Space) -> None:
    space.apply(pod("busy", BUSY, resources=LIMITED))
    space.ready("busy")
    name, cpu, memory = eventually(lambda: top(space), within=40).split()
    assert name == "busy"
    assert cpu.endswith("m")
    assert 10 < int(cpu.removesuffix("m")) < 200
    assert memory.endswith("Mi")
    assert "%" in space.cluster.kubectl("top", "nodes", "--no-headers")


def test_a_busy_deployment_is_scaled_up(space: Space) -> None:
    template = pod("web", BUSY, resources=LIMITED)
    template["metadata"].pop("name")
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    for key in ("apiVersion", "kind"):
        template.pop(key)
    space.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    space.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    space.kubectl("autoscale", "deployment", "web", "--min=1", "--max=2", "--cpu-percent=50")
    eventually(lambda: space.get("deployment", "web")["spec"]["replicas"] == 2, within=60)
    assert "cpu resource utilization" in space.event("web", "SuccessfulRescale")["message"]


def test_viewers_may_see_what_pods_use(space: Space) -> None:
    space.kubectl("create", "rolebinding", "viewer", "--clusterrole=view", "--user=jane")
    asked = ("auth", "can-i", "list", "pods.metrics.k8s.io", "--as=jane")
    eventually(lambda: space.kubectl(*asked) == "yes\n")
