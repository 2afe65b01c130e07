"""Controllers of addresses, storage, devices and load balancers in a whole server, without a node."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.cluster import eventually

Obj = dict[str, Any]

NODE_STATUS = {
    "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}],
    "capacity": {"cpu": "4", "memory": "4Gi", "pods": "10"},
    "allocatable": {"cpu": "4", "memory": "4Gi", "pods": "10"},
    "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}],
}
VOLUME = "kubernetes.io/csi/d.example.com^handle"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with ApiServer(tmp_path_factory.mktemp("controllers") / "server") as found:
        managed = {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}
        create(found, thing("v1", "Node", "n1", annotations=managed))
        status(found, "node/n1", NODE_STATUS)
        eventually(lambda: found.get("serviceaccount", "default"), what="the default ServiceAccount")
        yield found
        assert found.failures() == []


def thing(api_version: str, kind: str, name: str, *, annotations: Obj | None = None, **content: Any) -> Obj:
    metadata = {"name": name} | ({"annotations": annotations} if annotations else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def create(server: ApiServer, *objects: Obj) -> None:
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    server.kubectl("create", "-f", "-", stdin=items)


def status(server: ApiServer, what: str, content: Obj) -> None:
    patch = json.dumps({"status": content})
    server.kubectl("patch", what, "--subresource=status", "--type=merge", "-p", patch)


def reasons(server: ApiServer, name: str) -> set[str]:
    events = server.get("events", f"--field-selector=involvedObject.name={name}")["items"]
    return {event["reason"] for event in events}


def test_addresses_come_from_every_service_cidr_and_are_repaired(server: ApiServer) -> None:
    create(server, thing("networking.k8s.io/v1", "ServiceCIDR", "more", spec={"cidrs": ["10.99.0.0/24"]}))
    server.kubectl("create", "service", "clusterip", "far", "--tcp=80", "--clusterip=10.99.0.7")
    server.kubectl("delete", "servicecidr", "more", "--wait=false")

    def condition() -> Obj:
        found: Obj = server.get("servicecidr", "more")["status"]["conditions"][0]
        return found

    eventually(lambda: condition()["reason"] == "Terminating", what="the ServiceCIDR being kept")
    refused = server.run(
        "kubectl", "create", "service", "clusterip", "x", "--tcp=80", "--clusterip=10.99.0.8", check=False
    )
    assert "failed to allocate IP 10.99.0.8: the provided network does not match the current range" in refused.stderr
    server.kubectl("delete", "ipaddress", "10.43.0.1")
    eventually(lambda: server.get("ipaddress", "10.43.0.1"), what="the address coming back")
    eventually(lambda: "ClusterIPNotAllocated" in reasons(server, "kubernetes"))


def test_volumes_and_devices_come_with_a_pod_and_go_with_it(server: ApiServer) -> None:
    request = {"name": "r", "exactly": {"deviceClassName": "gpu"}}
    pool = {"name": "n1", "generation": 1, "resourceSliceCount": 1}
    driver: Obj = {"driver": "d.example.com"}
    size, modes = {"storage": "1Gi"}, ["ReadWriteOnce"]
    create(
        server,
        thing("resource.k8s.io/v1", "DeviceClass", "gpu", spec={}),
        thing("resource.k8s.io/v1", "ResourceClaimTemplate", "t", spec={"spec": {"devices": {"requests": [request]}}}),
        thing(
            "resource.k8s.io/v1",
            "ResourceSlice",
            "s",
            spec={**driver, "nodeName": "n1", "pool": pool, "devices": [{"name": "gpu-0"}]},
        ),
        thing(
            "v1",
            "PersistentVolume",
            "v",
            spec={
                "capacity": size,
                "accessModes": modes,
                "storageClassName": "x",
                "csi": {**driver, "volumeHandle": "handle"},
            },
        ),
        thing(
            "v1",
            "PersistentVolumeClaim",
            "c",
            spec={"storageClassName": "x", "accessModes": modes, "resources": {"requests": size}},
        ),
        thing(
            "v1",
            "Pod",
            "p",
            spec={
                "tolerations": [{"operator": "Exists"}],
                "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "t"}],
                "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}],
                "containers": [{"name": "c", "image": "i", "resources": {"claims": [{"name": "gpu"}]}}],
            },
        ),
    )

    def attached() -> list[Obj]:
        found: list[Obj] = server.get("node", "n1")["status"].get("volumesAttached") or []
        return found

    (attachment,) = eventually(lambda: server.get("volumeattachments")["items"], what="the VolumeAttachment")
    status(server, f"volumeattachment/{attachment['metadata']['name']}", {"attached": True})
    eventually(lambda: attached() == [{"name": VOLUME, "devicePath": ""}], what="the node being told")
    eventually(lambda: "SuccessfulAttachVolume" in reasons(server, "p"))
    tainted = [{"name": "gpu-0", "taints": [{"key": "broken", "effect": "NoExecute"}]}]
    server.kubectl("patch", "resourceslice", "s", "--type=merge", "-p", json.dumps({"spec": {"devices": tainted}}))
    eventually(lambda: "deletionTimestamp" in server.get("pod", "p")["metadata"], what="the Pod being evicted")
    server.kubectl("delete", "pod", "p", "--force", "--grace-period=0")
    eventually(lambda: not server.get("resourceclaims")["items"], what="the claim going")
    eventually(lambda: not server.get("volumeattachments")["items"] and not attached(), what="the volume going")


def test_a_load_balancer_gets_the_nodes_address_until_it_goes(server: ApiServer) -> None:
    server.kubectl("create", "service", "loadbalancer", "web", "--tcp=80")

    def ingress() -> list[Obj]:
        found: list[Obj] = server.get("service", "web")["status"]["loadBalancer"].get("ingress") or []
        return found

    eventually(lambda: ingress() == [{"ip": "192.0.2.1", "ipMode": "VIP"}], what="the address")
    assert "192.0.2.1" in server.kubectl("get", "service", "web")
    assert 'workqueue_depth{name="service-lb-controller"}' in server.kubectl("get", "--raw", "/metrics")
    eventually(lambda: {"EnsuringLoadBalancer", "EnsuredLoadBalancer"} <= reasons(server, "web"))
    server.kubectl("delete", "service", "web", "--timeout=10s")
    eventually(lambda: {"DeletingLoadBalancer", "DeletedLoadBalancer"} <= reasons(server, "web"))


def test_a_node_is_told_how_long_to_keep_objects(server: ApiServer) -> None:
    notes = eventually(lambda: server.get("node", "n1")["metadata"].get("annotations"))
    assert notes["node.alpha.kubernetes.io/ttl"] == "0"
