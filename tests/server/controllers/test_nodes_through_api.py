"""Nodes, what runs on them and what leads there, in a whole server: taints, collection, endpoints, budgets, volumes."""

from typing import Any

import pytest

from harness.cluster import eventually
from harness.objects import MERGE, Obj, Objects, Refused, conditions

SOON = {"within": 15.0, "every": 0.02}
BY_HAND = [{"operator": "Exists"}]


def pod(objects: Objects, name: str, **spec: Any) -> Obj:
    labels = spec.pop("labels", {"app": name})
    containers = [{"name": "c", "image": "i"}]
    content = {"spec": {"containers": containers, "terminationGracePeriodSeconds": 0, **spec}}
    return objects.create("pods", name, content, labels=labels)


def runs(objects: Objects, name: str) -> bool:
    return bool(conditions(objects.get("pods", name)).get("Ready", ("",))[0] == "True")


@pytest.fixture
def node(objects: Objects) -> Any:
    """A node without a kubelet."""
    name = f"node-{objects.namespace}"
    yield objects.create("nodes", name)["metadata"]["name"]
    if objects.find("nodes", name) is not None:
        objects.delete("nodes", name)


def test_a_node_without_a_kubelet_gets_addresses_and_taints(objects: Objects, node: str) -> None:
    spec: Obj = eventually(lambda: (s := objects.get("nodes", node)["spec"]).get("podCIDR") and s, **SOON)
    assert spec["podCIDRs"] == [spec["podCIDR"]]
    others = [each["spec"].get("podCIDR") for each in objects.all("nodes") if each["metadata"]["name"] != node]
    assert spec["podCIDR"] not in others
    ready = {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "no"}
    objects.set_status("nodes", node, conditions=[ready])

    def tainted() -> bool:
        taints = {(each["key"], each["effect"]) for each in objects.get("nodes", node)["spec"].get("taints", ())}
        return {("node.kubernetes.io/not-ready", effect) for effect in ("NoSchedule", "NoExecute")} <= taints

    eventually(tainted, what="the taints", **SOON)


def test_a_taint_evicts_after_the_time_that_is_tolerated(objects: Objects, node: str) -> None:
    key = {"key": "k", "value": "v", "effect": "NoExecute"}
    own = {"key": "node.kubernetes.io/not-ready", "operator": "Exists"}
    pod(objects, "at-once", nodeName=node, tolerations=[own])
    pod(objects, "soon", nodeName=node, tolerations=[own, {**key, "tolerationSeconds": 1}])
    pod(objects, "never", nodeName=node, tolerations=[own, key])
    objects.edit("nodes", node, lambda found: found["spec"].setdefault("taints", []).append(key))
    for name in ("at-once", "soon"):
        eventually(lambda name=name: objects.is_gone("pods", name), **SOON)
    assert "deletionTimestamp" not in objects.get("pods", "never")["metadata"]
    message = f"Marking for deletion Pod {objects.namespace}/soon"
    eventually(lambda: objects.has_event("soon", "Normal", "TaintManagerEviction", message), **SOON)


def ready_addresses(objects: Objects, service: str) -> list[str]:
    found = objects.all("endpointslices", labelSelector=f"kubernetes.io/service-name={service}")
    points = [point for each in found for point in each.get("endpoints") or () if point["conditions"]["ready"]]
    return sorted(address for point in points for address in point["addresses"])


def test_services_lead_to_their_pods(objects: Objects) -> None:
    ports = [{"port": 80, "targetPort": 8080}]
    objects.create("services", "web", {"spec": {"selector": {"app": "web"}, "ports": ports}})
    for name in ("web-1", "web-2"):
        pod(objects, name, labels={"app": "web"})
    eventually(lambda: len(ready_addresses(objects, "web")) == 2, what="both Pods", **SOON)
    addresses = sorted(objects.get("pods", name)["status"]["podIP"] for name in ("web-1", "web-2"))
    assert ready_addresses(objects, "web") == addresses

    def endpoints() -> list[str]:
        subsets = objects.get("endpoints", "web").get("subsets") or [{}]
        return sorted(each["ip"] for each in subsets[0].get("addresses") or ())

    eventually(lambda: endpoints() == addresses, what="the Endpoints", **SOON)
    objects.delete("pods", "web-1")
    left = [objects.get("pods", "web-2")["status"]["podIP"]]
    eventually(lambda: ready_addresses(objects, "web") == left == endpoints(), what="one Pod", **SOON)
    objects.delete("services", "web")
    eventually(lambda: objects.is_gone("endpoints", "web"), **SOON)
    eventually(lambda: not objects.all("endpointslices"), what="no EndpointSlice", **SOON)


def test_endpoints_that_users_keep_are_mirrored(objects: Objects) -> None:
    objects.create("services", "far", {"spec": {"ports": [{"port": 80}]}})
    subset = {"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 80}]}
    objects.create("endpoints", "far", {"subsets": [subset]})
    eventually(lambda: ready_addresses(objects, "far") == ["192.0.2.7"], what="the mirror", **SOON)
    (mirror,) = objects.all("endpointslices")
    manager = mirror["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"]
    assert manager == "endpointslicemirroring-controller.k8s.io"
    subset["addresses"] = [{"ip": "192.0.2.8"}]
    objects.patch("endpoints", "far", {"subsets": [subset]})
    eventually(lambda: ready_addresses(objects, "far") == ["192.0.2.8"], what="the change", **SOON)
    objects.delete("endpoints", "far")
    eventually(lambda: not objects.all("endpointslices"), what="no mirror", **SOON)


def test_a_budget_keeps_pods_from_being_evicted(objects: Objects) -> None:
    for name in ("a", "b"):
        pod(objects, name, labels={"app": "db"})
    for name in ("a", "b"):
        eventually(lambda name=name: runs(objects, name), what=f"Pod {name}", **SOON)
    budget = {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "db"}}}}
    objects.create("poddisruptionbudgets", "db", budget)

    def allowed(count: int) -> bool:
        status = objects.get("poddisruptionbudgets", "db").get("status") or {}
        return bool(status.get("disruptionsAllowed") == count and "observedGeneration" in status)

    eventually(lambda: allowed(1), what="one disruption", **SOON)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction"}
    path = objects.path("pods", "a", "eviction")
    objects.call("POST", path, {**eviction, "metadata": {"name": "a"}})
    eventually(lambda: objects.is_gone("pods", "a"), **SOON)
    eventually(lambda: allowed(0), what="no disruption", **SOON)
    with pytest.raises(Refused, match="violate the pod's disruption budget"):
        objects.call("POST", objects.path("pods", "b", "eviction"), {**eviction, "metadata": {"name": "b"}})

    def counts() -> tuple[int, ...]:
        status = objects.get("poddisruptionbudgets", "db")["status"]
        return tuple(status[key] for key in ("currentHealthy", "desiredHealthy", "expectedPods"))

    eventually(lambda: counts() == (1, 1, 1), what="the evicted Pod being forgotten", **SOON)
    budget = objects.get("poddisruptionbudgets", "db")
    assert conditions(budget)["DisruptionAllowed"][:2] == ("False", "InsufficientPods")


def test_claims_are_bound_kept_while_used_and_released(objects: Objects) -> None:
    name, size = f"v-{objects.namespace}", {"storage": "1Gi"}
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": name}
    source = {"hostPath": {"path": "/tmp"}}
    objects.create("persistentvolumes", name, {"spec": {**common, **source, "capacity": size}})
    objects.create("persistentvolumeclaims", "c", {"spec": {**common, "resources": {"requests": size}}})

    def phase(plural: str, name: str) -> str:
        return str(objects.get(plural, name)["status"].get("phase"))

    eventually(lambda: phase("persistentvolumeclaims", "c") == "Bound", what="the claim", **SOON)
    assert phase("persistentvolumes", name) == "Bound"
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "c"}}
    pod(objects, "user", volumes=[volume])
    eventually(lambda: runs(objects, "user"), what="the Pod", **SOON)
    objects.delete("persistentvolumeclaims", "c")
    assert objects.get("persistentvolumeclaims", "c")["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    objects.delete("pods", "user")
    eventually(lambda: objects.is_gone("persistentvolumeclaims", "c"), **SOON)
    eventually(lambda: phase("persistentvolumes", name) == "Released", what="the volume", **SOON)
    objects.delete("persistentvolumes", name)
    eventually(lambda: objects.is_gone("persistentvolumes", name), **SOON)


def test_an_ephemeral_claim_comes_and_goes_with_its_pod(objects: Objects) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1"}}}
    template = {"metadata": {"labels": {"own": "yes"}}, "spec": spec}
    pod(objects, "p", volumes=[{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}])
    claim: Obj = eventually(lambda: objects.find("persistentvolumeclaims", "p-scratch"), what="the claim", **SOON)
    assert claim["metadata"]["labels"] == {"own": "yes"}
    assert [owner["name"] for owner in claim["metadata"]["ownerReferences"]] == ["p"]
    objects.delete("pods", "p")
    eventually(lambda: objects.is_gone("persistentvolumeclaims", "p-scratch"), **SOON)


def test_policies_are_told_of_mistakes_in_their_types(objects: Objects) -> None:
    name = f"policy-{objects.namespace}"
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "object.spec.replicas > '3'"}],
    }
    objects.create("validatingadmissionpolicies", name, {"spec": spec})

    def warnings() -> list[Obj] | None:
        status = objects.get("validatingadmissionpolicies", name).get("status") or {}
        found: list[Obj] | None = (status.get("typeChecking") or {}).get("expressionWarnings")
        return found

    (warning,) = eventually(warnings, what="the warning", **SOON)
    assert warning["fieldRef"] == "spec.validations[0].expression"
    assert "apps/v1, Kind=Deployment: ERROR" in warning["warning"]
    objects.delete("validatingadmissionpolicies", name)


def test_what_nothing_else_removes_is_collected(objects: Objects, node: str) -> None:
    pod(objects, "unbound", nodeSelector={"no": "where"}, terminationGracePeriodSeconds=30)
    objects.delete("pods", "unbound")
    eventually(lambda: objects.is_gone("pods", "unbound"), **SOON)
    taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
    pod(objects, "down", nodeName=node, tolerations=BY_HAND, terminationGracePeriodSeconds=30)
    objects.patch("nodes", node, {"spec": {"taints": [taint]}}, media_type=MERGE)
    ready = {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "no"}
    objects.set_status("nodes", node, conditions=[ready])
    objects.delete("pods", "down")
    eventually(lambda: objects.is_gone("pods", "down"), **SOON)
