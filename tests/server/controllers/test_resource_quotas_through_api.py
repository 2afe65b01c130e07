"""ResourceQuotas in a whole server: what is counted, refused and given back."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness.api_server import ApiServer
from harness.cluster import eventually
from harness.objects import STRATEGIC, Obj, Objects, Refused

SOON = {"within": 15.0, "every": 0.02}
GOLD = "gold.storageclass.storage.k8s.io/"
HARD = {
    "pods": "5",
    "services": "10",
    "services.nodeports": "1",
    "services.loadbalancers": "1",
    "replicationcontrollers": "10",
    "resourcequotas": "1",
    "cpu": "1",
    "memory": "500Mi",
    "configmaps": "10",
    "secrets": "10",
    "persistentvolumeclaims": "10",
    "requests.storage": "10Gi",
    "ephemeral-storage": "50Gi",
    f"{GOLD}persistentvolumeclaims": "10",
    f"{GOLD}requests.storage": "10Gi",
    "requests.example.com/dongle": "3",
    "count/replicasets.apps": "5",
}


def quota(objects: Objects, name: str = "test-quota", hard: Obj | None = None, **spec: Any) -> Obj:
    """Made, and counted for the first time."""
    made = objects.create("resourcequotas", name, {"spec": {"hard": HARD if hard is None else hard, **spec}})
    eventually(lambda: "used" in objects.get("resourcequotas", name).get("status", {}), what="the first count", **SOON)
    return made


def uses(objects: Objects, name: str = "test-quota", **amounts: str) -> None:
    """Names are written with _ for what Python's names cannot hold: . is __."""
    wanted = {item.replace("__", "."): amount for item, amount in amounts.items()}

    def check() -> bool:
        used = objects.get("resourcequotas", name)["status"]["used"]
        found = {item: used.get(item) for item in wanted}
        assert found == wanted
        return True

    eventually(check, what=f"{name} showing {wanted}", **SOON)


def used(objects: Objects, name: str = "test-quota") -> Obj:
    found: Obj = objects.get("resourcequotas", name)["status"]["used"]
    return found


def pod(objects: Objects, name: str, requests: Obj | None = None, limits: Obj | None = None, **spec: Any) -> Obj:
    container = {"name": "c", "image": "i", "resources": {"requests": requests or {}, "limits": limits or {}}}
    return objects.create("pods", name, {"spec": {"nodeName": "by-hand", "containers": [container], **spec}})


def refused(make: Any) -> str:
    with pytest.raises(Refused) as caught:
        make()
    assert caught.value.code == 403
    return caught.value.message


def test_status_is_calculated_promptly(objects: Objects) -> None:
    quota(objects)
    found = objects.get("resourcequotas", "test-quota")
    assert found["status"]["hard"] == HARD
    assert found["status"]["used"] == dict.fromkeys(HARD, "0") | {"resourcequotas": "1", "configmaps": "1"}


def test_life_of_services(objects: Objects) -> None:
    quota(objects)
    ports = [{"port": 80, "targetPort": 80}]
    objects.create("services", "test-service", {"spec": {"type": "ClusterIP", "ports": ports}})
    objects.create("services", "test-service-np", {"spec": {"type": "NodePort", "ports": ports}})
    balanced = {"spec": {"type": "LoadBalancer", "ports": ports}}
    text = refused(lambda: objects.create("services", "test-service-lb", balanced))
    assert text == (
        'services "test-service-lb" is forbidden: exceeded quota: test-quota, requested: services.nodeports=1, '
        "used: services.nodeports=1, limited: services.nodeports=1"
    )
    balanced["spec"]["allocateLoadBalancerNodePorts"] = False
    objects.create("services", "test-service-lb", balanced)
    uses(objects, services="3", services__nodeports="1", services__loadbalancers="1")
    objects.patch("services", "test-service-lb", {"spec": {"type": "ClusterIP"}})
    uses(objects, services="3", services__nodeports="1", services__loadbalancers="0")
    text = refused(lambda: objects.patch("services", "test-service-lb", {"spec": {"type": "NodePort"}}))
    assert "exceeded quota: test-quota, requested: services.nodeports=1" in text
    for name in ("test-service", "test-service-np", "test-service-lb"):
        objects.delete("services", name)
    uses(objects, services="0", services__nodeports="0")


@pytest.mark.parametrize(
    ("plural", "item", "content"),
    [
        ("secrets", "secrets", {"data": {"data-1": "dmFsdWUtMQ=="}}),
        ("configmaps", "configmaps", {"data": {"a": "b"}}),
        (
            "replicationcontrollers",
            "replicationcontrollers",
            {
                "spec": {
                    "replicas": 0,
                    "template": {
                        "metadata": {"labels": {"a": "b"}},
                        "spec": {"containers": [{"name": "c", "image": "i"}]},
                    },
                }
            },
        ),
        (
            "replicasets",
            "count/replicasets.apps",
            {
                "spec": {
                    "replicas": 0,
                    "selector": {"matchLabels": {"a": "b"}},
                    "template": {
                        "metadata": {"labels": {"a": "b"}},
                        "spec": {"containers": [{"name": "c", "image": "i"}]},
                    },
                }
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_life_of_what_is_only_counted(objects: Objects, plural: str, item: str, content: Obj) -> None:
    there = len(objects.all(plural))
    quota(objects, hard=HARD | {item: str(there + 1)})
    assert used(objects)[item] == str(there)
    objects.create(plural, "one", content)
    assert used(objects)[item] == str(there + 1)
    text = refused(lambda: objects.create(plural, "two", content))
    assert text.endswith(
        f"exceeded quota: test-quota, requested: {item}=1, used: {item}={there + 1}, limited: {item}={there + 1}"
    )
    objects.delete(plural, "one")
    eventually(lambda: used(objects)[item] == str(there), **SOON)


def test_life_of_pods(objects: Objects) -> None:
    quota(objects)
    dongles = {"example.com/dongle": "2"}
    asked = {"cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi"}
    made = pod(objects, "test-pod", asked | dongles, dongles)
    now = {item: used(objects)[item] for item in (*asked, "pods", "requests.example.com/dongle")}
    assert now == asked | {"pods": "1", "requests.example.com/dongle": "2"}
    text = refused(lambda: pod(objects, "fail-pod", {"cpu": "600m", "memory": "100Mi"}))
    assert text == (
        'pods "fail-pod" is forbidden: exceeded quota: test-quota, requested: cpu=600m, used: cpu=500m, limited: cpu=1'
    )
    more = {"cpu": "500m", "memory": "100Mi", "ephemeral-storage": "30Gi"}
    text = refused(lambda: pod(objects, "fail-pod-for-extended-resource", more | dongles, dongles))
    assert "requested: ephemeral-storage=30Gi,requests.example.com/dongle=2" in text
    assert "must specify cpu for: c; memory for: c" in refused(lambda: pod(objects, "silent"))
    made["spec"]["containers"][0]["resources"]["requests"] = {"cpu": "100m", "memory": "100Mi"}
    with pytest.raises(Refused) as caught:
        objects.replace("pods", made)
    assert caught.value.code == 422
    assert {item: used(objects)[item] for item in asked} == asked
    objects.delete("pods", "test-pod", gracePeriodSeconds="0")
    uses(objects, pods="0", cpu="0", memory="0")
    assert used(objects)["requests.example.com/dongle"] == "0"


def test_pods_that_have_ended_use_nothing(objects: Objects) -> None:
    quota(objects, hard={"pods": "1", "cpu": "1", "count/pods": "5"})
    pod(objects, "p", {"cpu": "1"})
    objects.set_status("pods", "p", phase="Succeeded")
    eventually(lambda: used(objects) == {"pods": "0", "cpu": "0", "count/pods": "1"}, **SOON)


def test_life_of_claims(objects: Objects) -> None:
    quota(objects)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    objects.create("persistentvolumeclaims", "plain", {"spec": {**spec, "storageClassName": ""}})
    objects.create("persistentvolumeclaims", "gold", {"spec": {**spec, "storageClassName": "gold"}})
    found = used(objects)
    assert (found["persistentvolumeclaims"], found["requests.storage"]) == ("2", "2Gi")
    assert (found[f"{GOLD}persistentvolumeclaims"], found[f"{GOLD}requests.storage"]) == ("1", "1Gi")
    large = {**spec, "storageClassName": "gold", "resources": {"requests": {"storage": "9Gi"}}}
    text = refused(lambda: objects.create("persistentvolumeclaims", "large", {"spec": large}))
    assert "requested: requests.storage=9Gi, used: requests.storage=2Gi, limited: requests.storage=10Gi" in text
    objects.delete("persistentvolumeclaims")
    uses(objects, persistentvolumeclaims="0", requests__storage="0")


def test_life_of_device_claims(objects: Objects) -> None:
    name = f"c-{objects.namespace}"
    objects.create("deviceclasses", name, {"spec": {"extendedResourceName": f"{name}.example.com/gpu"}})
    gpus, devices = f"requests.{name}.example.com/gpu", f"{name}.deviceclass.resource.k8s.io/devices"
    quota(objects, hard={devices: "2", gpus: "3", f"requests.deviceclass.resource.kubernetes.io/{name}": "2"})
    assert set(used(objects).values()) == {"0"}
    spec = {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": name, "count": 2}}]}}
    objects.create("resourceclaims", "one", {"spec": spec})
    assert set(used(objects).values()) == {"2"}
    pod(objects, "p", *[{f"{name}.example.com/gpu": "1"}] * 2)
    assert used(objects)[gpus] == "3"
    text = refused(lambda: objects.create("resourceclaims", "two", {"spec": spec}))
    assert f"exceeded quota: test-quota, requested: {devices}=2,{gpus}=2,requests.deviceclass" in text
    objects.delete("resourceclaims", "one")
    eventually(lambda: sorted(used(objects).values()) == ["0", "0", "1"] and used(objects)[gpus] == "1", **SOON)
    objects.delete("deviceclasses", name)


def test_scopes_of_quality_of_service(objects: Objects) -> None:
    quota(objects, "quota-besteffort", {"pods": "5"}, scopes=["BestEffort"])
    quota(objects, "quota-not-besteffort", {"pods": "5"}, scopes=["NotBestEffort"])
    for name, requests, counts in (("best", None, ("1", "0")), ("not-best", {"cpu": "500m"}, ("0", "1"))):
        pod(objects, name, requests)
        assert (used(objects, "quota-besteffort")["pods"], used(objects, "quota-not-besteffort")["pods"]) == counts
        objects.delete("pods", name, gracePeriodSeconds="0")
        uses(objects, "quota-besteffort", pods="0")
        uses(objects, "quota-not-besteffort", pods="0")


def test_scopes_of_terminating_pods(objects: Objects) -> None:
    hard = {"requests.cpu": "1", "requests.memory": "500Mi", "limits.cpu": "2", "limits.memory": "1Gi", "pods": "5"}
    quota(objects, "quota-terminating", hard, scopes=["Terminating"])
    quota(objects, "quota-not-terminating", hard, scopes=["NotTerminating"])
    requests, limits = {"cpu": "500m", "memory": "200Mi"}, {"cpu": "1", "memory": "400Mi"}
    takes = {
        "pods": "1",
        "requests.cpu": "500m",
        "requests.memory": "200Mi",
        "limits.cpu": "1",
        "limits.memory": "400Mi",
    }
    nothing = dict.fromkeys(takes, "0")
    for name, spec, order in (
        ("long", {}, ("quota-not-terminating", "quota-terminating")),
        ("short", {"activeDeadlineSeconds": 3600}, ("quota-terminating", "quota-not-terminating")),
    ):
        pod(objects, name, requests, limits, **spec)
        assert (used(objects, order[0]), used(objects, order[1])) == (takes, nothing)
        objects.delete("pods", name, gracePeriodSeconds="0")
        eventually(lambda order=order: used(objects, order[0]) == nothing, **SOON)


def test_pods_that_get_a_deadline_go_to_the_quota_of_terminating_ones(objects: Objects) -> None:
    quota(objects, "short", {"pods": "1"}, scopes=["Terminating"])
    quota(objects, "long", {"pods": "1"}, scopes=["NotTerminating"])
    deadline = {"spec": {"activeDeadlineSeconds": 3600}}
    pod(objects, "a")
    objects.patch("pods", "a", deadline)
    assert used(objects, "short") == {"pods": "1"}
    uses(objects, "long", pods="0")
    pod(objects, "b")
    assert "exceeded quota: short, requested: pods=1" in refused(lambda: objects.patch("pods", "b", deadline))
    objects.patch("pods", "b", {"metadata": {"labels": {"a": "b"}}})
    assert (used(objects, "short"), used(objects, "long")) == ({"pods": "1"}, {"pods": "1"})


@pytest.mark.parametrize(
    ("operator", "values", "counts"),
    [("In", ["high"], (1, 0)), ("NotIn", ["high"], (0, 1)), ("Exists", None, (1, 0)), ("DoesNotExist", None, (0, 1))],
)
def test_scope_of_priority_classes(objects: Objects, operator: str, values: list[str] | None, counts: Any) -> None:
    name = f"p-{objects.namespace}"
    objects.create("priorityclasses", name, {"value": 1000})
    expression = {"scopeName": "PriorityClass", "operator": operator} | ({"values": [name]} if values else {})
    quota(objects, hard={"pods": "2"}, scopeSelector={"matchExpressions": [expression]})
    pod(objects, "with", priorityClassName=name)
    pod(objects, "without")
    assert used(objects)["pods"] == str(sum(counts))
    objects.delete("pods", "with", gracePeriodSeconds="0")
    uses(objects, pods=str(counts[1]))
    objects.delete("priorityclasses", name)


def test_scope_of_affinity_across_namespaces(objects: Objects) -> None:
    expression = {"scopeName": "CrossNamespacePodAffinity", "operator": "Exists"}
    quota(objects, hard={"pods": "1"}, scopeSelector={"matchExpressions": [expression]})
    term = {"topologyKey": "region", "labelSelector": {"matchLabels": {"a": "b"}}}
    pod(objects, "none")
    pod(objects, "here", affinity={"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})
    assert used(objects) == {"pods": "0"}
    abroad = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term | {"namespaces": ["ns1"]}]}}
    pod(objects, "abroad", affinity=abroad)
    assert used(objects) == {"pods": "1"}
    assert "exceeded quota" in refused(lambda: pod(objects, "abroad-2", affinity=abroad))


def test_quota_can_be_updated_and_deleted(objects: Objects) -> None:
    quota(objects, hard={"cpu": "1", "memory": "500Mi"})

    def widen(obj: Obj) -> None:
        obj["spec"]["hard"] = {"cpu": "2", "memory": "1Gi"}

    assert objects.edit("resourcequotas", "test-quota", widen)["spec"]["hard"] == {"cpu": "2", "memory": "1Gi"}
    eventually(lambda: objects.get("resourcequotas", "test-quota")["status"]["hard"]["cpu"] == "2", **SOON)
    objects.delete("resourcequotas", "test-quota")
    assert objects.find("resourcequotas", "test-quota") is None


def test_lifecycle_of_quotas(objects: Objects) -> None:
    label = {"test-quota": objects.namespace}
    objects.create("resourcequotas", "q", {"spec": {"hard": {"cpu": "500m", "memory": "500Mi"}}}, labels=label)
    query = {"labelSelector": f"test-quota={objects.namespace}"}
    assert len(objects.call("GET", "/api/v1/resourcequotas", query=query)["items"]) == 1
    change = {"metadata": {"labels": {"q": "patched"}}, "spec": {"hard": {"memory": "750Mi"}}}
    patched = objects.patch("resourcequotas", "q", change, media_type=STRATEGIC)
    assert (patched["metadata"]["labels"]["q"], patched["spec"]["hard"]) == (
        "patched",
        {"cpu": "500m", "memory": "750Mi"},
    )
    objects.delete("resourcequotas", **query)
    eventually(lambda: objects.all("resourcequotas") == [], **SOON)


def test_status_that_somebody_patched_is_set_right(objects: Objects) -> None:
    quota(objects, "q", {"cpu": "500m", "memory": "500Mi"})

    def replace(obj: Obj) -> None:
        obj["status"] = {"hard": obj["spec"]["hard"]}

    found = objects.get("resourcequotas", "q")
    replace(found)
    assert objects.replace("resourcequotas", found, subresource="status")["status"]["hard"]["cpu"] == "500m"
    eventually(lambda: objects.get("resourcequotas", "q")["status"].get("used") == {"cpu": "0", "memory": "0"}, **SOON)
    objects.patch("resourcequotas", "q", {"spec": {"hard": {"cpu": "1", "memory": "1Gi"}}}, media_type=STRATEGIC)
    hard = {"cpu": "2", "memory": "2Gi"}
    patched = objects.patch(
        "resourcequotas", "q", {"status": {"hard": hard}}, subresource="status", media_type=STRATEGIC
    )
    assert (patched["status"]["hard"], patched["spec"]["hard"]) == (hard, {"cpu": "1", "memory": "1Gi"})
    eventually(lambda: objects.get("resourcequotas", "q")["status"]["hard"] == {"cpu": "1", "memory": "1Gi"}, **SOON)


def test_custom_resources_are_counted(objects: Objects) -> None:
    group = f"{secrets.token_hex(3)}.example.com"
    kinds = Objects(objects.wire, objects.namespace, {"foos": f"{group}/v1"})
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": "foos", "singular": "foo", "kind": "Foo", "listKind": "FooList"}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    kinds.create("customresourcedefinitions", f"foos.{group}", {"spec": spec})
    eventually(lambda: kinds.all("foos") == [], **SOON)
    item = f"count/foos.{group}"
    quota(objects, hard={item: "1"})
    eventually(lambda: used(objects) == {item: "0"}, **SOON)
    kinds.create("foos", "one", {"kind": "Foo"})
    assert used(objects) == {item: "1"}
    assert f"requested: {item}=1, used: {item}=1, limited: {item}=1" in refused(
        lambda: kinds.create("foos", "two", {"kind": "Foo"})
    )
    kinds.delete("foos", "one")
    eventually(lambda: used(objects) == {item: "0"}, **SOON)
    kinds.delete("customresourcedefinitions", f"foos.{group}")


def test_trials_and_failures_use_nothing(objects: Objects) -> None:
    quota(objects, hard={"configmaps": "5"})
    before = used(objects)
    body = {"metadata": {"name": "c"}}
    objects.call("POST", objects.path("configmaps"), body, query={"dryRun": "All"})
    assert used(objects) == before
    objects.create("configmaps", "c")
    counted = used(objects)
    with pytest.raises(Refused):
        objects.create("configmaps", "c")
    assert int(used(objects)["configmaps"]) >= int(counted["configmaps"])
    objects.create("configmaps", "d")
    objects.delete("configmaps", "d")  # counts anew
    eventually(lambda: used(objects) == counted, **SOON)


def test_quota_holds_when_many_ask_at_once(fake_cluster: ApiServer, objects: Objects) -> None:
    quota(objects, hard={"secrets": "5"})

    def create(number: int) -> bool:
        with fake_cluster.wire() as wire:
            answer = wire.request("POST", objects.path("secrets"), {"metadata": {"name": f"s{number}"}})
            return answer.status == 201

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(24))) == 5
    assert len(objects.all("secrets")) == 5
    assert used(objects) == {"secrets": "5"}
