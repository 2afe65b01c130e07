from fake_client import until

from minik.client.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from minik.server.controllers.deployment import DeploymentController
from minik.server.controllers.replica_set import ReplicaSetController


def deployment(image: str = "i:1", replicas: int = 3, kind: str = "RollingUpdate") -> dict:
    return {
        "metadata": {"name": "web", "namespace": "ns", "generation": 1, "uid": "d"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
            "strategy": {"type": kind},
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
        },
    }


def start(cluster) -> None:
    cluster.start(ReplicaSetController)
    cluster.start(DeploymentController)
    informer = cluster.informers.of(PODS)

    def run_pods(changes) -> None:  # what a kubelet would do
        for change in changes:
            if change.new is not None and "status" not in change.new:
                metadata = change.new["metadata"]
                ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T03:00:00Z"}
                status = {"phase": "Running", "conditions": [ready]}
                cluster.client.change(PODS, metadata["name"], metadata["namespace"], {"status": status})

    informer.add_handler(run_pods)


def find(cluster) -> dict:
    return cluster.client.find(DEPLOYMENTS, "web", "ns")


def progress_reason(cluster) -> str:
    conditions = find(cluster).get("status", {}).get("conditions", [])
    return next((c["reason"] for c in conditions if c["type"] == "Progressing"), "")


async def test_rolls_out_updates_and_back(cluster):
    cluster.client.add(DEPLOYMENTS, deployment())
    start(cluster)
    await until(lambda: progress_reason(cluster) == "NewReplicaSetAvailable")
    assert find(cluster)["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"

    new_template = deployment("i:2")["spec"]["template"]
    cluster.client.change(DEPLOYMENTS, "web", "ns", {"metadata": {"generation": 2}, "spec": {"template": new_template}})
    await until(lambda: find(cluster)["status"].get("observedGeneration") == 2)
    await until(lambda: {p["spec"]["containers"][0]["image"] for p in cluster.client.all(PODS)} == {"i:2"})
    await until(lambda: find(cluster)["status"].get("updatedReplicas") == 3)
    assert find(cluster)["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"

    cluster.client.change(
        DEPLOYMENTS,
        "web",
        "ns",
        {"metadata": {"generation": 3}, "spec": {"template": deployment()["spec"]["template"]}},
    )
    await until(lambda: {p["spec"]["containers"][0]["image"] for p in cluster.client.all(PODS)} == {"i:1"})
    assert len(cluster.client.all(REPLICA_SETS)) == 2
    await until(lambda: find(cluster)["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3")


async def test_recreate_never_runs_two_versions(cluster):
    cluster.client.add(DEPLOYMENTS, deployment(kind="Recreate"))
    start(cluster)
    seen = []
    cluster.informers.of(PODS).add_handler(
        lambda _: seen.append({p["spec"]["containers"][0]["image"] for p in cluster.client.all(PODS)})
    )
    await until(lambda: progress_reason(cluster) == "NewReplicaSetAvailable")
    template = deployment("i:2")["spec"]["template"]
    cluster.client.change(DEPLOYMENTS, "web", "ns", {"metadata": {"generation": 2}, "spec": {"template": template}})
    await until(lambda: {p["spec"]["containers"][0]["image"] for p in cluster.client.all(PODS)} == {"i:2"})
    assert all(len(images) < 2 for images in seen)


async def test_paused_deployment_scales_but_does_not_roll(cluster):
    cluster.client.add(DEPLOYMENTS, deployment())
    start(cluster)
    await until(lambda: progress_reason(cluster) == "NewReplicaSetAvailable")
    template = deployment("i:2")["spec"]["template"]
    spec = {"paused": True, "template": template, "replicas": 4}
    cluster.client.change(DEPLOYMENTS, "web", "ns", {"metadata": {"generation": 2}, "spec": spec})
    await until(lambda: len(cluster.client.all(PODS)) == 4)
    await until(lambda: progress_reason(cluster) == "DeploymentPaused")
    assert len(cluster.client.all(REPLICA_SETS)) == 1
