"""Services get addresses and ports, and give them back."""

from typing import Any

import pytest

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.server.apiserver.allocators.cluster_ips import ClusterIps
from minik.server.apiserver.allocators.node_ports import NodePorts
from minik.server.apiserver.allocators.pool import ExhaustedError, NumberPool
from minik.server.apiserver.allocators.services import ServiceAllocator, ranges_of


class Addresses:
    """Stands in for the IPAddress objects; `foreign` are another server's."""

    def __init__(self, *foreign: str) -> None:
        self.taken = set(foreign)

    async def add(self, address: str, _service: Obj) -> bool:
        if address in self.taken:
            return False
        self.taken.add(address)
        return True

    async def remove(self, address: str) -> None:
        self.taken.discard(address)


def allocator(cidr: str = "10.43.0.0/24", addresses: Any = None, ports: str = "30000-32767") -> ServiceAllocator:
    return ServiceAllocator(ClusterIps(cidr.split(",")), NodePorts(ports), addresses or Addresses())


def service(**spec: Any) -> Obj:
    return {"metadata": {"name": "s", "namespace": "ns"}, "spec": {"type": "ClusterIP", **spec}}


async def test_a_service_gets_an_address_of_the_upper_band() -> None:
    new = service()
    await allocator().allocate(new, None, dry_run=False)
    spec = new["spec"]
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert int(spec["clusterIP"].rpartition(".")[2]) > 16
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


async def test_an_address_is_had_once_and_again_after_its_release() -> None:
    addresses = Addresses()
    allocate = allocator(addresses=addresses)
    first = service(clusterIP="10.43.0.9")
    await allocate.allocate(first, None, dry_run=False)
    with pytest.raises(StatusError, match=r"failed to allocate IP 10\.43\.0\.9: provided IP is already allocated"):
        await allocate.allocate(service(clusterIP="10.43.0.9"), None, dry_run=False)
    await allocate.release(None, first)
    assert addresses.taken == set()
    await allocate.allocate(service(clusterIP="10.43.0.9"), None, dry_run=False)


async def test_an_address_outside_the_range_is_refused() -> None:
    with pytest.raises(StatusError, match=r"is not in the valid range. The range of valid IPs is 10\.43\.0\.0/24"):
        await allocator().allocate(service(clusterIP="192.0.2.1"), None, dry_run=True)
    with pytest.raises(StatusError, match="the provided network does not match the current range"):
        await allocator().allocate(service(clusterIP="192.0.2.1"), None, dry_run=False)


def service_cidr(name: str, *cidrs: str, ready: str = "True", **metadata: Any) -> Obj:
    conditions = [{"type": "Ready", "status": ready}]
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"cidrs": list(cidrs)},
        "status": {"conditions": conditions},
    }


async def test_service_cidrs_add_addresses(objects: Any) -> None:
    objects.add("servicecidrs", service_cidr("kubernetes", "10.43.0.0/30"))
    allocate = allocator("10.43.0.0/30")
    allocate.load(objects)
    for _ in range(2):
        await allocate.allocate(service(), None, dry_run=False)
    with pytest.raises(StatusError, match="range is full"):
        await allocate.allocate(service(), None, dry_run=False)
    objects.add("servicecidrs", service_cidr("more", "10.44.0.0/24"))
    new = service()
    await allocate.allocate(new, None, dry_run=False)
    assert new["spec"]["clusterIP"].startswith("10.44.0.")


@pytest.mark.parametrize(
    ("cidrs", "expected"),
    [
        ([service_cidr("a", "10.0.0.0/24")], {"10.0.0.0/24": True}),
        ([service_cidr("a", "10.0.0.0/24", ready="False")], {"10.0.0.0/24": False}),
        ([service_cidr("a", "10.0.0.0/24", deletionTimestamp="x")], {"10.0.0.0/24": False}),
        ([service_cidr("a", "10.0.0.0/24", ready="False"), service_cidr("b", "10.0.0.0/24")], {"10.0.0.0/24": True}),
        ([service_cidr("a", "10.0.0.0/24", "fd00::/112")], {"10.0.0.0/24": True, "fd00::/112": True}),
    ],
)
def test_ranges_that_go_give_nothing(cidrs: list[Obj], expected: dict[str, bool]) -> None:
    assert {each.cidr: each.ready for each in ranges_of(cidrs)} == expected


async def test_an_address_claimed_by_another_server_is_passed_over() -> None:
    new = service()
    await allocator("10.43.0.0/30", Addresses("10.43.0.1")).allocate(new, None, dry_run=False)
    assert new["spec"]["clusterIP"] == "10.43.0.2"


async def test_an_address_of_somebody_else_stays_theirs() -> None:
    addresses = Addresses("10.43.0.9")
    with pytest.raises(StatusError, match="provided IP is already allocated"):
        await allocator(addresses=addresses).allocate(service(clusterIP="10.43.0.9"), None, dry_run=False)
    assert addresses.taken == {"10.43.0.9"}


async def test_an_address_whose_ipaddress_was_deleted_is_free_again(objects: Any) -> None:
    claimed = {"metadata": {"name": "10.43.0.9"}, "spec": {}}
    objects.add("ipaddresses", claimed)
    allocate = allocator()
    allocate.load(objects)
    with pytest.raises(StatusError, match="provided IP is already allocated"):
        await allocate.allocate(service(clusterIP="10.43.0.9"), None, dry_run=False)
    objects.remove("ipaddresses", "10.43.0.9")
    await allocate.allocate(service(clusterIP="10.43.0.9"), None, dry_run=False)


async def test_a_failed_write_gives_everything_back() -> None:
    addresses = Addresses()
    allocate = allocator(addresses=addresses)
    undo = await allocate.allocate(
        service(clusterIP="10.43.0.9", type="NodePort", ports=[{"port": 80, "nodePort": 30080}]), None, dry_run=False
    )
    assert undo is not None
    await undo()
    again = service(clusterIP="10.43.0.9", type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    await allocate.allocate(again, None, dry_run=False)
    assert addresses.taken == {"10.43.0.9"}


async def test_a_dry_run_takes_nothing() -> None:
    allocate = allocator()
    for _ in range(2):
        new = service(clusterIP="10.43.0.9", type="NodePort", ports=[{"port": 80, "nodePort": 80}])
        assert await allocate.allocate(new, None, dry_run=True) is None


async def test_tcp_and_udp_of_a_port_share_their_node_port() -> None:
    ports = [{"name": "t", "port": 53, "protocol": "TCP"}, {"name": "u", "port": 53, "protocol": "UDP"}]
    new = service(type="NodePort", ports=ports)
    await allocator().allocate(new, None, dry_run=False)
    assert ports[0]["nodePort"] == ports[1]["nodePort"]


@pytest.mark.parametrize(
    ("port", "complaint"),
    [
        (80, "provided port is not in the valid range. The range of valid ports is 30000-32767"),
        (30001, "provided port is already allocated"),
    ],
)
async def test_node_ports_that_cannot_be_had(port: int, complaint: str) -> None:
    allocate = allocator()
    await allocate.allocate(service(type="NodePort", ports=[{"port": 1, "nodePort": 30001}]), None, dry_run=False)
    with pytest.raises(StatusError) as caught:
        await allocate.allocate(service(type="NodePort", ports=[{"port": 2, "nodePort": port}]), None, dry_run=False)
    assert caught.value.message.endswith(f"spec.ports[0].nodePort: Invalid value: {port}: {complaint}")


async def test_changes_of_type_take_and_release() -> None:
    addresses = Addresses()
    allocate = allocator(addresses=addresses)
    old = service(ports=[{"port": 80}])
    await allocate.allocate(old, None, dry_run=False)
    exposed = service(type="NodePort", ports=[{"port": 80}])
    await allocate.allocate(exposed, old, dry_run=False)
    assert exposed["spec"]["clusterIP"] == old["spec"]["clusterIP"]
    port = exposed["spec"]["ports"][0]["nodePort"]
    external = service(type="ExternalName", externalName="x.test")
    await allocate.allocate(external, exposed, dry_run=False)
    await allocate.release(external, exposed)
    assert addresses.taken == set()
    await allocate.allocate(service(type="NodePort", ports=[{"port": 1, "nodePort": port}]), None, dry_run=False)


async def test_a_headless_service_takes_no_address() -> None:
    addresses = Addresses()
    new = service(clusterIP="None", selector={"a": "b"})
    await allocator(addresses=addresses).allocate(new, None, dry_run=False)
    assert (new["spec"]["clusterIPs"], new["spec"]["ipFamilies"]) == (["None"], ["IPv4"])
    assert addresses.taken == set()


async def test_a_load_balancer_with_local_traffic_gets_a_health_check_port() -> None:
    new = service(type="LoadBalancer", externalTrafficPolicy="Local", ports=[{"port": 80}])
    await allocator().allocate(new, None, dry_run=False)
    assert new["spec"]["healthCheckNodePort"] != new["spec"]["ports"][0]["nodePort"]


@pytest.mark.parametrize(
    ("cidrs", "spec", "families", "policy"),
    [
        ("10.43.0.0/24,fd00::/112", {}, ["IPv4"], "SingleStack"),
        ("10.43.0.0/24,fd00::/112", {"ipFamilyPolicy": "PreferDualStack"}, ["IPv4", "IPv6"], "PreferDualStack"),
        ("10.43.0.0/24", {"ipFamilyPolicy": "PreferDualStack"}, ["IPv4"], "PreferDualStack"),
        ("10.43.0.0/24,fd00::/112", {"ipFamilies": ["IPv6"]}, ["IPv6"], "SingleStack"),
        ("10.43.0.0/24,fd00::/112", {"clusterIP": "fd00::9"}, ["IPv6"], "SingleStack"),
        ("10.43.0.0/24", {"clusterIP": "None"}, ["IPv4", "IPv6"], "RequireDualStack"),
    ],
)
async def test_families(cidrs: str, spec: dict[str, Any], families: list[str], policy: str) -> None:
    new = service(**spec)
    await allocator(cidrs).allocate(new, None, dry_run=False)
    assert (new["spec"]["ipFamilies"], new["spec"]["ipFamilyPolicy"]) == (families, policy)
    if spec.get("clusterIP") != "None":
        assert len(new["spec"]["clusterIPs"]) == len(families)


async def test_existing_services_are_remembered(objects: Any) -> None:
    existing = service(clusterIP="10.43.0.9", clusterIPs=["10.43.0.9"], type="NodePort")
    existing["spec"]["ports"] = [{"port": 80, "nodePort": 30080}]
    objects.add("services", existing)
    allocate = allocator()
    allocate.load(objects)
    with pytest.raises(StatusError, match="provided IP is already allocated"):
        await allocate.allocate(service(clusterIP="10.43.0.9"), None, dry_run=False)
    with pytest.raises(StatusError, match="provided port is already allocated"):
        await allocate.allocate(service(type="NodePort", ports=[{"port": 1, "nodePort": 30080}]), None, dry_run=False)


def test_a_pool_uses_its_lower_band_last() -> None:
    pool = NumberPool(0, 9, reserved=5)
    assert {pool.take_next() for _ in range(5)} == {5, 6, 7, 8, 9}
    assert {pool.take_next() for _ in range(5)} == {0, 1, 2, 3, 4}
    with pytest.raises(ExhaustedError):
        pool.take_next()
    pool.release(3)
    assert pool.take_next() == 3


_DUAL = "10.43.0.0/24,fd00::/112"


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        (
            {"ipFamilies": ["IPv4", "IPv6"]},
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
        ),
        (
            {"clusterIP": "10.43.0.9", "clusterIPs": ["10.43.0.9", "fd00::9"]},
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified",
        ),
        ({"clusterIP": "10.43.0.9", "ipFamilies": ["IPv6"]}, "expected an IPv6 value as indicated by `ipFamilies[0]`"),
        ({"clusterIPs": ["10.43.0.9"]}, "must be empty when `clusterIP` is not specified"),
    ],
)
async def test_families_and_addresses_must_agree(spec: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StatusError) as caught:
        await allocator(_DUAL).allocate(service(**spec), None, dry_run=False)
    assert complaint in caught.value.message


async def test_a_second_family_comes_and_goes() -> None:
    addresses = Addresses()
    allocate = allocator(_DUAL, addresses)
    single = service(selector={"a": "b"})
    await allocate.allocate(single, None, dry_run=False)
    first = single["spec"]["clusterIP"]
    double = service(selector={"a": "b"}, ipFamilyPolicy="PreferDualStack")
    await allocate.allocate(double, single, dry_run=False)
    assert double["spec"]["clusterIPs"][0] == first
    assert double["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
    assert len(addresses.taken) == 2
    wrong = service(**double["spec"] | {"ipFamilies": ["IPv4"]})
    with pytest.raises(StatusError, match="must be 'SingleStack' to release the secondary IP family"):
        await allocate.allocate(wrong, double, dry_run=False)
    again = service(**double["spec"] | {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"], "clusterIPs": [first]})
    await allocate.allocate(again, double, dry_run=False)
    await allocate.release(again, double)
    assert addresses.taken == {first}


@pytest.mark.parametrize(
    ("ports", "numbers", "complaint"),
    [
        ([{"name": "a", "port": 80, "protocol": "TCP"}], [30080], ""),
        ([{"name": "a", "port": 80, "protocol": "TCP", "nodePort": 30090}], [30090], ""),
        (
            [
                {"name": "a", "port": 80, "protocol": "TCP", "nodePort": 30080},
                {"name": "b", "port": 81, "protocol": "TCP", "nodePort": 30080},
            ],
            [],
            "duplicate nodePort: {TCP 30080}",
        ),
        (
            [{"name": "a", "port": 80, "protocol": "TCP", "nodePort": 80}],
            [],
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range.",
        ),
    ],
)
async def test_changed_node_ports(ports: list[Obj], numbers: list[int], complaint: str) -> None:
    allocate = allocator()
    old = service(type="NodePort", ports=[{"name": "a", "port": 80, "protocol": "TCP", "nodePort": 30080}])
    await allocate.allocate(old, None, dry_run=False)
    new = service(type="NodePort", ports=ports)
    if complaint:
        with pytest.raises(StatusError) as caught:
            await allocate.allocate(new, old, dry_run=False)
        assert complaint in caught.value.message
        return
    await allocate.allocate(new, old, dry_run=False)
    assert [port["nodePort"] for port in new["spec"]["ports"]] == numbers
