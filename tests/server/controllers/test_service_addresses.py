"""ServiceCIDRs, IPAddresses and node ports: what goes, what stays, and what is repaired."""

from typing import Any

import pytest
from fake_client import until

from minik.client.resources import IP_ADDRESSES, SERVICE_CIDRS, SERVICES
from minik.server.controllers import service_repair_plan as repair
from minik.server.controllers.service_cidrs import GRACE, ServiceCIDRController
from minik.server.controllers.service_cidrs_plan import FINALIZER, is_orphaning
from minik.server.controllers.service_repair import ServiceRepairController

Obj = dict[str, Any]


def cidr(name: str, *cidrs: str, **metadata: Any) -> Obj:
    return {"metadata": {"name": name, **metadata}, "spec": {"cidrs": list(cidrs)}, "status": {}}


def service(name: str = "s", address: str = "10.0.0.5", **spec: Any) -> Obj:
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}"},
        "spec": {"type": "ClusterIP", "clusterIP": address, "clusterIPs": [address], **spec},
    }


def claimed(address: str = "10.0.0.5", name: str = "s", *, resource: str = "services", **labels: str) -> Obj:
    obj = repair.address_object(address, service(name))
    obj["spec"]["parentRef"]["resource"] = resource
    obj["metadata"]["labels"] |= labels
    return obj


@pytest.mark.parametrize(
    ("others", "addresses", "expected"),
    [
        ([], [], False),
        ([], [claimed()], True),
        ([], [claimed("10.0.1.5")], False),
        ([cidr("b", "10.0.0.0/16")], [claimed()], False),
        ([cidr("b", "10.0.0.0/28")], [claimed()], False),
        ([cidr("b", "10.0.0.0/30")], [claimed()], True),
        ([], [claimed(**{"ipaddress.kubernetes.io/managed-by": "someone"})], False),
    ],
)
def test_a_service_cidr_stays_while_addresses_need_it(others, addresses, expected):
    assert is_orphaning(cidr("a", "10.0.0.0/24"), others, addresses) is expected


@pytest.mark.parametrize(
    ("obj", "found", "others", "expected"),
    [
        (service(), claimed(), {}, []),
        (service(), None, {}, [("create", "ClusterIPNotAllocated")]),
        (service(address="10.9.0.1"), None, {}, [("nothing", "ClusterIPOutOfRange")]),
        (service(address="10.0.0.0"), None, {}, [("nothing", "ClusterIPOutOfRange")]),
        (service(address="None"), None, {}, []),
        (service(), claimed(resource="pods"), {}, [("replace", "ClusterIPNotAllocated")]),
        (service(), claimed(name="gone"), {}, [("replace", "ClusterIPNotAllocated")]),
        (service(), claimed(name="t"), {"t": service("t")}, [("nothing", "ClusterIPAlreadyAllocated")]),
        (service(), claimed(**{repair.FAMILY: "IPv6"}), {}, [("replace", "")]),
    ],
)
def test_services_are_checked_against_their_addresses(obj, found, others, expected):
    findings = repair.check_service(
        obj, [cidr("a", "10.0.0.0/24")], lambda address: found, lambda namespace, name: others.get(name)
    )
    assert [(finding.repair.value, finding.reason) for finding in findings] == expected


@pytest.mark.parametrize(
    ("obj", "services", "age", "reason", "waits"),
    [
        (claimed(), {"s": service()}, 100, "", False),
        (claimed(), {}, 100, "IPAddressNotAllocated", False),
        (claimed(), {}, 10, "", True),
        (claimed(), {"s": service(address="10.0.0.6")}, 10, "IPAddressWrongReference", False),
        (claimed(resource="pods"), {}, 10, "IPAddressNotAllocated", False),
        (claimed(**{"ipaddress.kubernetes.io/managed-by": "me"}), {}, 100, "", False),
    ],
)
def test_addresses_without_their_service_go(obj, services, age, reason, waits):
    verdict = repair.check_address(obj, lambda namespace, name: services.get(name), age)
    assert (verdict.reason, verdict.wait is not None) == (reason, waits)


def test_node_ports_that_clash_are_told():
    both = [{"port": 1, "nodePort": 30001, "protocol": p} for p in ("TCP", "UDP")]
    services = [
        service("a", ports=both),
        service("b", ports=both[:1]),
        service("c", ports=[{"port": 1, "nodePort": 80}]),
    ]
    found = [(obj["metadata"]["name"], why) for obj, why, _ in repair.check_node_ports(services, "30000-32767")]
    assert found == [("b", "PortAlreadyAllocated"), ("c", "PortOutOfRange")]


async def test_a_service_cidr_waits_for_its_last_address(cluster: Any) -> None:
    cluster.client.add(SERVICE_CIDRS, cidr("a", "10.0.0.0/24"))
    cluster.client.add(IP_ADDRESSES, claimed())
    cluster.start(ServiceCIDRController)

    def ready() -> Obj:
        return next(iter(cluster.client.find(SERVICE_CIDRS, "a")["status"].get("conditions") or ()), {})

    await until(lambda: ready().get("message") == "Kubernetes Service CIDR is ready")
    assert cluster.client.find(SERVICE_CIDRS, "a")["metadata"]["finalizers"] == [FINALIZER]
    gone = {"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}}
    cluster.client.change(SERVICE_CIDRS, "a", "", gone)
    await until(lambda: ready().get("reason") == "Terminating")
    cluster.client.remove(IP_ADDRESSES, "10.0.0.5")
    await until(lambda: len(cluster.informers.of(IP_ADDRESSES)) == 0)
    cluster.clock.advance(GRACE)
    await until(lambda: cluster.client.find(SERVICE_CIDRS, "a") is None)


async def test_missing_addresses_are_made_and_leaked_ones_go(cluster: Any) -> None:
    cluster.client.add(SERVICE_CIDRS, cidr("a", "10.0.0.0/24"))
    cluster.client.add(SERVICES, service())
    leaked = claimed("10.0.0.9", "gone")
    leaked["metadata"]["creationTimestamp"] = "2026-01-02T03:00:00Z"
    cluster.client.add(IP_ADDRESSES, leaked)
    cluster.start(ServiceRepairController)
    await until(lambda: len(cluster.informers.of(IP_ADDRESSES)) and len(cluster.informers.of(SERVICES)))
    cluster.clock.advance(1)
    await until(lambda: cluster.client.find(IP_ADDRESSES, "10.0.0.5"))
    await until(lambda: not cluster.client.find(IP_ADDRESSES, "10.0.0.9"))
    await until(lambda: {"ClusterIPNotAllocated", "IPAddressNotAllocated"} <= {*cluster.reasons()})
