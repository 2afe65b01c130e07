"""Scheduling as users see it: a server with a configuration of its own, a plugin of somebody else's, and kubectl."""

import json
import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.cluster import MINIK, ROOT, eventually

Obj = dict[str, Any]

DOCUMENT = ROOT / "docs" / "scheduler.md"
CONFIGURATION = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "profiles": [
        {"schedulerName": "default-scheduler"},
        {
            "schedulerName": "owners",
            "plugins": {
                "multiPoint": {"enabled": [{"name": "NodeOwner", "weight": 5}]},
                "score": {"disabled": [{"name": "ImageLocality"}]},
            },
            "pluginConfig": [{"name": "NodeOwner", "args": {"label": "team"}}],
        },
    ],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    directory = tmp_path_factory.mktemp("scheduling")
    site = directory / "site"
    (site / "owners-1.dist-info").mkdir(parents=True)
    (site / "node_owner.py").write_text(documented_plugin())
    (site / "owners-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: owners\nVersion: 1\n")
    points = "[minik.scheduler_plugins]\nNodeOwner = node_owner:NodeOwner\n"
    (site / "owners-1.dist-info" / "entry_points.txt").write_text(points)
    file = directory / "scheduler.yaml"
    file.write_text(json.dumps(CONFIGURATION))
    settings = {"kube-scheduler-arg": [f"config={file}"]}
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    with ApiServer(directory / "server", settings=settings, environment={"PYTHONPATH": path}) as found:
        for name, team in (("n1", "red"), ("n2", "blue")):
            create(found, node(name, team))
        eventually(lambda: found.get("serviceaccount", "default"), what="the default ServiceAccount")
        yield found


def documented_plugin() -> str:
    found = re.search(r"```python\n(# node_owner\.py\n.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def create(server: ApiServer, *objects: Obj) -> None:
    server.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def node(name: str, team: str) -> Obj:
    resources = {"cpu": "4", "memory": "8Gi", "pods": "20"}
    status = {"allocatable": resources, "capacity": resources, "conditions": [{"type": "Ready", "status": "True"}]}
    metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, "team": team}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


def pod(name: str, *, cpu: str = "0", labels: Obj | None = None, **spec: Any) -> Obj:
    container = {"name": "c", "image": "x", "resources": {"requests": {"cpu": cpu}}}
    metadata = {"name": name, "namespace": "default", "labels": labels or {}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], **spec}}


def delete(server: ApiServer, *names: str) -> None:
    server.kubectl("delete", "pod", *names, "--grace-period=0", "--force", "--wait=false")


def node_of(server: ApiServer, name: str) -> str:
    return str(server.get("pod", name)["spec"].get("nodeName") or "")


def why(server: ApiServer, name: str, *options: str) -> str:
    return server.run(str(MINIK), "why", f"pod/{name}", *options).stdout


def test_a_profile_of_ones_own_with_a_plugin_of_ones_own(server: ApiServer) -> None:
    create(server, *(pod(f"o{at}", labels={"team": "blue"}, schedulerName="owners") for at in range(3)))
    create(server, pod("nobody", labels={"team": "green"}, schedulerName="owners"))
    for at in range(3):
        eventually(lambda at=at: node_of(server, f"o{at}") == "n2", what="the Pod going to its team's node")

    def message() -> str:
        return str(server.get("pod", "nobody")["status"]["conditions"][0]["message"])

    eventually(lambda: "0/2 nodes are available: 2 node(s) didn't belong to green." in message())
    told = ["events", "--field-selector=involvedObject.name=o0,reason=Scheduled"]
    event = eventually(lambda: server.get(*told)["items"])[0]
    assert (event["source"]["component"], event["message"]) == ("owners", "Successfully assigned default/o0 to n2")
    scores = json.loads(why(server, "o0", "-o", "json"))["nodes"][1]["scores"]
    assert {each["plugin"]: each["weight"] for each in scores if each["plugin"] in ("NodeOwner", "ImageLocality")} == {
        "NodeOwner": 5
    }
    delete(server, "o0", "o1", "o2", "nobody")


def test_why_says_who_refused_and_how_the_others_scored(server: ApiServer) -> None:
    create(server, pod("picky", nodeSelector={"team": "red"}), pod("huge", cpu="64"))
    eventually(lambda: node_of(server, "picky") == "n1")
    text = why(server, "picky")
    assert "Bound to n1. What follows explains against the present state" in text
    assert "Node n1 (bound, best): fits, total" in text
    assert "NodeAffinity: node(s) didn't match Pod's node affinity/selector [preemption does not help]" in text
    eventually(lambda: "Queue: unschedulable" in why(server, "huge"))
    assert "NodeResourcesFit: Insufficient cpu" in why(server, "huge")
    answer = json.loads(why(server, "huge", "-o", "json"))
    assert answer["queue"]["attempts"] >= 1
    assert answer["decision"] == {"nodes": [], "message": "0/2 nodes are available: 2 Insufficient cpu."}
    missing = server.run(str(MINIK), "why", "pod/none", check=False)
    assert (missing.returncode, missing.stderr) == (1, 'minik: pods "none" not found\n')
    delete(server, "picky", "huge")


def test_only_who_may_read_the_path_is_told_why(server: ApiServer) -> None:
    done = server.run("kubectl", "get", "--raw", "/debug/scheduler/why?name=x", "--as=jane", check=False)
    assert 'User "jane" cannot get path "/debug/scheduler/why"' in done.stderr


def test_preemption_spares_what_a_budget_protects(server: ApiServer) -> None:
    create(
        server,
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "urgent"},
            "value": 1000,
        },
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "keep", "namespace": "default"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "kept"}}},
        },
        pod("kept", cpu="3", labels={"app": "kept"}, nodeSelector={"team": "red"}),
        pod("loose", cpu="3", nodeSelector={"team": "blue"}),
    )
    eventually(lambda: node_of(server, "kept") and node_of(server, "loose"))
    create(server, pod("urgent", cpu="3", priorityClassName="urgent"))
    eventually(lambda: server.get("pod", "urgent")["status"].get("nominatedNodeName") == "n2")
    victim = eventually(lambda: (found := server.get("pod", "loose"))["metadata"].get("deletionTimestamp") and found)
    condition = next(c for c in victim["status"]["conditions"] if c["type"] == "DisruptionTarget")
    assert condition["reason"] == "PreemptionByScheduler"
    uid = server.get("pod", "urgent")["metadata"]["uid"]

    def told() -> bool:
        events = server.get("events", "--field-selector=involvedObject.name=loose,reason=Preempted")["items"]
        return [event["message"] for event in events] == [f"Preempted by pod {uid} on node n2"]

    eventually(told, what="the Preempted event")
    assert "deletionTimestamp" not in server.get("pod", "kept")["metadata"]
    delete(server, "loose")
    eventually(lambda: node_of(server, "urgent") == "n2")
    delete(server, "kept", "urgent")


def devices() -> list[Obj]:
    api = "resource.k8s.io/v1"
    selector = {"cel": {"expression": "device.attributes['gpu.example.com'].model == 'new'"}}
    pool = {"name": "n1", "generation": 1, "resourceSliceCount": 1}
    named = [{"name": name, "attributes": {"model": {"string": model}}} for name, model in (("a", "old"), ("b", "new"))]
    spec = {"driver": "gpu.example.com", "nodeName": "n1", "pool": pool, "devices": named}
    return [
        {"apiVersion": api, "kind": "DeviceClass", "metadata": {"name": "gpu"}, "spec": {"selectors": [selector]}},
        {"apiVersion": api, "kind": "ResourceSlice", "metadata": {"name": "s"}, "spec": spec},
    ]


def claim(name: str) -> Obj:
    request = {"name": "r", "exactly": {"deviceClassName": "gpu"}}
    metadata = {"name": name, "namespace": "default"}
    spec = {"devices": {"requests": [request]}}
    return {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": metadata, "spec": spec}


def claiming(name: str, claim_name: str) -> Obj:
    return pod(name, resourceClaims=[{"name": "gpu", "resourceClaimName": claim_name}])


def test_a_claim_is_allocated_and_its_pod_bound_where_the_device_is(server: ApiServer) -> None:
    create(server, *devices(), claim("one"), claiming("first", "one"))
    eventually(lambda: node_of(server, "first") == "n1")
    found = server.get("resourceclaim", "one")
    assert found["metadata"]["finalizers"] == ["resource.kubernetes.io/delete-protection"]
    assert [each["device"] for each in found["status"]["allocation"]["devices"]["results"]] == ["b"]
    consumer = found["status"]["reservedFor"][0]
    assert (consumer["resource"], consumer["name"]) == ("pods", "first")

    create(server, claiming("second", "two"), claiming("sharing", "one"))
    eventually(lambda: node_of(server, "sharing") == "n1")
    eventually(lambda: 'resourceclaim "two" not found' in why(server, "second"))
    create(server, claim("two"))
    eventually(lambda: "cannot allocate all claims" in why(server, "second"))
    server.kubectl("patch", "resourceslice", "s", "--type=json", "-p", SECOND_DEVICE)
    eventually(lambda: node_of(server, "second") == "n1")
    delete(server, "first", "second", "sharing")


def test_a_claim_made_of_a_template_is_allocated_too(server: ApiServer) -> None:
    template = {**claim("made"), "kind": "ResourceClaimTemplate", "spec": {"spec": claim("made")["spec"]}}
    eventually(lambda: not server.get("pods")["items"], what="the devices of earlier Pods being free")
    create(server, template, pod("t", resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "made"}]))
    eventually(lambda: node_of(server, "t") == "n1", what="a device of the template's claim")
    name = server.get("pod", "t")["status"]["resourceClaimStatuses"][0]["resourceClaimName"]
    assert server.get("resourceclaim", name)["status"]["reservedFor"][0]["name"] == "t"
    delete(server, "t")
    eventually(lambda: not server.run("kubectl", "get", "resourceclaim", name, check=False).stdout)


def test_devices_may_stand_for_an_extended_resource(server: ApiServer) -> None:
    pool = {"name": "n2", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "nic.example.com", "nodeName": "n2", "pool": pool, "devices": [{"name": "eth1"}]}
    selector = {"cel": {"expression": "device.driver == 'nic.example.com'"}}
    named = {"selectors": [selector], "extendedResourceName": "example.com/nic"}
    api = "resource.k8s.io/v1"
    create(
        server,
        {"apiVersion": api, "kind": "DeviceClass", "metadata": {"name": "nic"}, "spec": named},
        {"apiVersion": api, "kind": "ResourceSlice", "metadata": {"name": "nics"}, "spec": spec},
    )
    for name in ("wired", "unlucky"):
        wanting = pod(name)
        wanting["spec"]["containers"][0]["resources"] = {"limits": {"example.com/nic": "1"}}
        create(server, wanting)
        eventually(lambda name=name: "decision" in json.loads(why(server, name, "-o", "json")))
        if name == "wired":
            eventually(lambda: node_of(server, "wired") == "n2")
    status = server.get("pod", "wired")["status"]["extendedResourceClaimStatus"]
    assert status["requestMappings"][0]["resourceName"] == "example.com/nic"
    found = server.get("resourceclaim", status["resourceClaimName"])
    assert found["status"]["allocation"]["devices"]["results"][0]["device"] == "eth1"
    assert found["metadata"]["ownerReferences"][0]["name"] == "wired"
    eventually(lambda: "cannot allocate all claims" in why(server, "unlucky"))
    delete(server, "wired", "unlucky")


SECOND_DEVICE = textwrap.dedent("""
    [{"op": "add", "path": "/spec/devices/-", "value": {"name": "c", "attributes": {"model": {"string": "new"}}}}]
""")


def test_a_configuration_that_is_wrong_ends_the_start_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    profile = {"plugins": {"filter": {"enabled": [{"name": "Nope"}]}}}
    file.write_text(json.dumps({**CONFIGURATION, "profiles": [profile]}))
    server = ApiServer(tmp_path / "server", settings={"kube-scheduler-config": str(file)})
    with pytest.raises(RuntimeError, match='scheduler plugin "Nope" does not exist'):
        server.start()
    assert "Traceback" not in server.log_tail()
    server.destroy()
