"""PersistentVolumeClaims on one machine: the default class makes directories that live as long as their claims."""

from typing import Any

from harness.cluster import eventually
from harness.space import Space, pod

Obj = dict[str, Any]


def claim(name: str) -> Obj:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def user(name: str, script: str | None = None, **spec: Any) -> Obj:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    mounts = [{"name": "data", "mountPath": "/data"}]
    return pod(name, script, spec={"volumes": volumes, **spec}, volumeMounts=mounts)


def test_data_outlives_pods_and_goes_with_its_claim(space: Space) -> None:
    space.apply([claim("data"), user("first", "echo kept >/data/file", restartPolicy="Never")])
    space.wait("pod/first", "jsonpath={.status.phase}=Succeeded")
    space.kubectl("delete", "pod", "first")
    space.apply(user("second"))
    space.ready("second")
    assert space.exec("second", "cat /data/file") == "kept\n"

    name = space.get("pvc", "data")["spec"]["volumeName"]
    directory = space.cluster.data_dir / "storage" / name
    assert (directory / "file").read_text() == "kept\n"
    space.kubectl("delete", "pvc", "data", "--wait=false")
    assert space.get("pvc", "data")["status"]["phase"] == "Bound"  # protected while a Pod uses it
    space.kubectl("delete", "pod", "second")
    eventually(lambda: not directory.exists(), within=15)
    eventually(lambda: name not in {item["metadata"]["name"] for item in space.cluster.get("pv")["items"]}, within=15)


def test_users_of_any_number_may_write(space: Space) -> None:
    space.apply([claim("data"), user("p", securityContext={"runAsUser": 1234})])
    space.ready("p")
    assert space.exec("p", "echo x >/data/file && cat /data/file") == "x\n"


def test_every_replica_of_a_stateful_set_has_its_own(space: Space) -> None:
    template = user("db")
    template["spec"].pop("volumes")
    template["metadata"].pop("name")
    meta = {"name": "db"}
    spec = {
        "replicas": 2,
        "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}},
        "template": {"metadata": template["metadata"], "spec": template["spec"]},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim("data")["spec"]}],
    }
    space.apply({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec})
    space.kubectl("rollout", "status", "statefulset/db", "--timeout=60s")
    volumes = {item["spec"]["volumeName"] for item in space.get("pvc")["items"]}
    assert len(volumes) == 2
    space.kubectl("delete", "pod", "db-0")
    space.kubectl("rollout", "status", "statefulset/db", "--timeout=60s")
    assert {item["spec"]["volumeName"] for item in space.get("pvc")["items"]} == volumes


def test_an_ephemeral_volume_goes_with_its_pod(space: Space) -> None:
    volume = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": claim("x")["spec"]}}}
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    space.apply(pod("p", spec={"volumes": [volume]}, volumeMounts=mounts))
    space.ready("p")
    assert space.names("pvc") == {"p-scratch"}
    space.kubectl("delete", "pod", "p")
    eventually(lambda: space.names("pvc") == set(), within=15)


def test_a_claim_without_a_fitting_volume_keeps_its_pod_waiting(space: Space) -> None:
    static = claim("data")
    static["spec"]["storageClassName"] = ""
    space.apply([static, user("p")])
    assert "no persistent volumes available" in space.event("data", "FailedBinding")["message"]
    message = space.event("p", "FailedScheduling")["message"]
    assert message.startswith("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{space.name[:40]}-v"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": str(space.cluster.directory / "static"), "type": "DirectoryOrCreate"},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }
    space.cluster.apply(volume)
    space.ready("p")
    space.kubectl("delete", "pod", "p")
    space.kubectl("delete", "pvc", "data")
    name = volume["metadata"]["name"]  # type: ignore[index]
    eventually(lambda: space.cluster.get("pv", name)["status"]["phase"] == "Released", within=15)
    space.cluster.kubectl("delete", "pv", name)
