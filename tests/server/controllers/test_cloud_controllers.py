"""The cloud controllers with the built-in provider, and with one that tests make up."""

from dataclasses import replace
from typing import Any

import pytest
from fake_client import until

from minik.client.resources import NODES, PODS, SERVICES
from minik.server.cloud import node_plan, route_controller, service_plan
from minik.server.cloud import service_lb_plan as lb
from minik.server.cloud.node_lifecycle import CloudNodeLifecycleController
from minik.server.cloud.provider import CloudError, InstanceMetadata, Route
from minik.server.cloud.service_controller import ServiceLoadBalancerController
from minik.server.controllers.on_demand import cloud_controllers

Obj = dict[str, Any]


def node(name: str, address: str, *, external: str = "", labels: Obj | None = None, ready: str = "True") -> Obj:
    addresses = [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]
    if external:
        addresses.append({"type": "ExternalIP", "address": external})
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels or {}},
        "spec": {},
        "status": {
            "addresses": addresses,
            "conditions": [{"type": "Ready", "status": ready}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        },
    }


def service(name: str = "web", port: int = 80, **spec: Any) -> Obj:
    ports = [{"protocol": "TCP", "port": port, "targetPort": 8080, "nodePort": 30000 + port % 1000}]
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}"},
        "spec": {"type": "LoadBalancer", "ports": ports, "ipFamilies": ["IPv4"], **spec},
    }


NODES_OF_TWO = [node("a", "10.0.0.1"), node("b", "10.0.0.2")]


@pytest.mark.parametrize(
    ("obj", "nodes", "around", "expected"),
    [
        (service(), NODES_OF_TWO, lb.Surroundings(), ["10.0.0.1", "10.0.0.2"]),
        (service(), [node("a", "10.0.0.1", external="1.2.3.4")], lb.Surroundings(), ["1.2.3.4"]),
        (service(), [node("a", "fd00::1")], lb.Surroundings(), []),
        (service(ipFamilies=["IPv6"]), [node("a", "fd00::1")], lb.Surroundings(), ["fd00::1"]),
        # once nodes are chosen by label, only those serve
        (service(), [*NODES_OF_TWO, node("c", "10.0.0.3", labels={lb.ENABLE_LABEL: "true"})], None, ["10.0.0.3"]),
        # what listens on a node already
        (service(), NODES_OF_TWO, lb.Surroundings(host_ports={"a": frozenset({("TCP", 80)})}), ["10.0.0.2"]),
        (service(), NODES_OF_TWO, lb.Surroundings(host_ports={"a": frozenset({("UDP", 80)})}), None),
        (service(port=10250), NODES_OF_TWO, lb.Surroundings(), []),
        (service(port=6443), NODES_OF_TWO, lb.Surroundings(api_servers=frozenset({("10.0.0.1", 6443)})), ["10.0.0.2"]),
        (service(port=30080), NODES_OF_TWO, lb.Surroundings(node_ports=frozenset({("TCP", 30080)})), []),
        (
            service(),
            NODES_OF_TWO,
            lb.Surroundings(held={"ns/other": lb.Held(frozenset({("TCP", 80)}), frozenset({"10.0.0.2"}))}),
            ["10.0.0.1"],
        ),
        (service(externalTrafficPolicy="Local"), NODES_OF_TWO, lb.Surroundings(), ["10.0.0.2"]),
    ],
)
def test_nodes_lend_addresses_where_the_ports_are_free(obj, nodes, around, expected):
    found = lb.addresses_for("ns/web", obj, nodes, around or lb.Surroundings(), endpoint_nodes=["b"])
    assert found == (expected if expected is not None else ["10.0.0.1", "10.0.0.2"])


def test_pools_pair_services_with_nodes():
    pooled = service()
    pooled["metadata"]["labels"] = {lb.POOL_LABEL: "x"}
    nodes = [*NODES_OF_TWO, node("c", "10.0.0.3", labels={lb.POOL_LABEL: "x"})]
    assert lb.addresses_for("ns/web", pooled, nodes, lb.Surroundings()) == ["10.0.0.3"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"type": "ClusterIP"}, [("Type", "LoadBalancer -> ClusterIP")]),
        ({}, {"loadBalancerSourceRanges": ["10.0.0.0/8"]}, [("LoadBalancerSourceRanges", "[] -> [10.0.0.0/8]")]),
        (
            {"externalTrafficPolicy": "Cluster"},
            {"externalTrafficPolicy": "Local", "healthCheckNodePort": 31000},
            [("ExternalTrafficPolicy", "Cluster -> Local"), ("HealthCheckNodePort", "0 -> 31000")],
        ),
        ({}, {"externalIPs": ["1.1.1.1"]}, [("ExternalIP", "Count: 0 -> 1")]),
        ({"externalIPs": ["1.1.1.2"]}, {"externalIPs": ["1.1.1.1"]}, [("ExternalIP", "Added: 1.1.1.1")]),
    ],
)
def test_changes_are_told(old, new, expected):
    assert list(service_plan.changes(service(**old), service(**new))) == expected


@pytest.mark.parametrize(
    ("change", "eligible"),
    [
        ({}, True),
        ({"metadata": {"name": "a", "labels": {service_plan.EXCLUDE_LABEL: ""}}}, False),
        ({"spec": {"taints": [{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}]}}, False),
        ({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}, False),
    ],
)
def test_load_balancers_send_to_nodes_that_can_take_it(change, eligible):
    assert bool(service_plan.eligible_nodes([node("a", "10.0.0.1") | change])) is eligible


def ingress(cluster: Any, name: str = "web") -> list[str]:
    status = cluster.client.find(SERVICES, name, "ns").get("status") or {}
    return [item["ip"] for item in (status.get("loadBalancer") or {}).get("ingress") or ()]


def is_clean(cluster: Any, name: str = "web") -> bool:
    finalizers = cluster.client.find(SERVICES, name, "ns")["metadata"].get("finalizers") or ()
    return service_plan.FINALIZER not in finalizers


async def test_a_service_gets_and_loses_its_addresses(cluster: Any) -> None:
    demand = cluster.start(cloud_controllers)
    cluster.client.add(NODES, node("a", "10.0.0.1"))
    assert not demand.controllers
    cluster.client.add(SERVICES, service())
    await until(lambda: ingress(cluster) == ["10.0.0.1"])
    assert not is_clean(cluster)
    cluster.client.add(NODES, node("b", "10.0.0.2"))
    await until(lambda: ingress(cluster) == ["10.0.0.1", "10.0.0.2"])
    cluster.client.add(SERVICES, service("late"))
    await until(lambda: "SyncLoadBalancerFailed" in cluster.reasons())
    assert ingress(cluster, "late") == []
    cluster.client.change(SERVICES, "web", "ns", {"spec": {"type": "ClusterIP"}})
    await until(lambda: is_clean(cluster) and ingress(cluster) == [])
    await until(lambda: ingress(cluster, "late") == ["10.0.0.1", "10.0.0.2"])
    wanted = {
        "EnsuringLoadBalancer",
        "EnsuredLoadBalancer",
        "UpdatedLoadBalancer",
        "DeletingLoadBalancer",
        "DeletedLoadBalancer",
        "Type",
    }
    await until(lambda: wanted <= {*cluster.reasons()})


async def test_disabled_it_takes_back_what_it_gave(cluster: Any) -> None:
    cluster.settings = replace(cluster.settings, disabled=frozenset({"servicelb"}))
    cluster.client.add(NODES, node("a", "10.0.0.1"))
    for name, address in (("own", "10.0.0.1"), ("foreign", "1.2.3.4")):
        given = service(name)
        given["metadata"]["finalizers"] = [service_plan.FINALIZER]
        cluster.client.add(SERVICES, given | {"status": {"loadBalancer": lb.status_of([address])}})
    cluster.start(cloud_controllers)
    await until(lambda: is_clean(cluster, "own") and ingress(cluster, "own") == [])
    assert not is_clean(cluster, "foreign")


async def test_a_pod_on_a_host_port_takes_the_node_away(cluster: Any, make_pod: Any) -> None:
    cluster.client.add(NODES, node("n1", "10.0.0.1"))
    cluster.client.add(SERVICES, service())
    cluster.start(cloud_controllers)
    await until(lambda: ingress(cluster) == ["10.0.0.1"])
    taker = make_pod("p")
    taker["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]
    cluster.client.add(PODS, taker)
    await until(lambda: ingress(cluster) == [])


class Balancers:
    """A cloud that refuses at first."""

    def __init__(self) -> None:
        self.attempts = 0

    def watch(self, refresh: Any) -> None: ...

    async def exists(self, service: Obj) -> bool:
        return True

    async def ensure(self, service: Obj, nodes: Any) -> Obj:
        self.attempts += 1
        if self.attempts == 1:
            raise CloudError("quota exceeded")
        return {"ingress": [{"hostname": "lb.example.com"}]}

    update = ensure

    async def ensure_deleted(self, service: Obj) -> None: ...


async def test_a_cloud_that_refuses_is_asked_again(cluster: Any) -> None:
    cluster.client.add(SERVICES, service())
    controller = cluster.start(lambda context: ServiceLoadBalancerController(context, Balancers()))
    await until(lambda: {"UnAvailableLoadBalancer", "SyncLoadBalancerFailed"} <= {*cluster.reasons()})
    await until(lambda: not controller.queue._working)
    cluster.clock.advance(5)
    await until(lambda: "EnsuredLoadBalancer" in cluster.reasons())
    status = cluster.client.find(SERVICES, "web", "ns")["status"]
    assert status["loadBalancer"]["ingress"] == [{"hostname": "lb.example.com"}]


async def test_a_node_is_initialised(cluster: Any) -> None:
    fresh = node("a", "10.0.0.1")
    fresh["spec"]["taints"] = [{"key": node_plan.UNINITIALIZED, "effect": "NoSchedule", "value": "true"}]
    cluster.client.add(NODES, fresh)
    cluster.start(cloud_controllers)
    await until(lambda: cluster.client.find(NODES, "a")["spec"].get("providerID") == "minik://a")
    found = cluster.client.find(NODES, "a")
    assert found["spec"]["taints"] == []
    assert found["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "minik"
    await until(lambda: "Synced" in cluster.reasons())


def test_a_node_says_which_of_its_addresses_counts():
    instance = InstanceMetadata(
        provider_id="x", addresses=[{"type": "InternalIP", "address": text} for text in ("10.0.0.1", "10.0.0.2")]
    )
    own = node("a", "10.0.0.9")
    own["metadata"]["annotations"] = {node_plan.PROVIDED_IP: "10.0.0.2"}
    wanted = [{"type": "InternalIP", "address": "10.0.0.2"}, {"type": "Hostname", "address": "a"}]
    assert node_plan.addresses(own, instance) == wanted
    own["metadata"]["annotations"] = {node_plan.PROVIDED_IP: "10.0.0.7"}
    with pytest.raises(ValueError, match=r"10\.0\.0\.7"):
        node_plan.addresses(own, instance)


class Instances:
    async def metadata(self, node: Obj) -> InstanceMetadata:
        raise CloudError("unused")

    async def exists(self, node: Obj) -> bool:
        return bool(node["metadata"]["name"] != "gone")

    async def is_shut_down(self, node: Obj) -> bool:
        return True


async def test_instances_that_are_gone_take_their_nodes_along(cluster: Any) -> None:
    for name in ("gone", "off", "well"):
        cluster.client.add(NODES, node(name, "10.0.0.1", ready="True" if name == "well" else "Unknown"))
    cluster.start(lambda context: CloudNodeLifecycleController(context, Instances()))
    await until(lambda: cluster.client.find(NODES, "gone") is None)
    await until(lambda: cluster.client.find(NODES, "off")["spec"].get("taints"))
    assert cluster.client.find(NODES, "well")["spec"].get("taints") is None
    await until(lambda: "DeletingNode" in cluster.reasons())


def test_routes_follow_nodes():
    nodes = [node("a", "10.0.0.1") | {"spec": {"podCIDRs": ["10.42.0.0/24"]}}]
    stale = Route(name="x", node="b", destination="10.42.1.0/24")
    make, delete = route_controller.plan(nodes, [stale])
    assert [(r.node, r.destination) for r in make] == [("a", "10.42.0.0/24")]
    assert delete == [stale]
