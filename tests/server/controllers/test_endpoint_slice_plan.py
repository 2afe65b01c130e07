import pytest
from fake_client import until

from minik.client.resources import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from minik.server.controllers.endpoint_slice_mirroring import EndpointSliceMirroringController
from minik.server.controllers.endpoint_slice_placement import MANAGED_BY, MAX_ENDPOINTS, SERVICE_NAME, place
from minik.server.controllers.endpoint_slice_plan import desired_endpoints, frame
from minik.server.controllers.endpoints_plan import MAX_CAPACITY, OVER_CAPACITY, build, subsets


def service(**spec) -> dict:
    return {
        "metadata": {"name": "web", "namespace": "ns", "uid": "s", "labels": {"team": "a"}},
        "spec": {
            "selector": {"app": "web"},
            "clusterIP": "10.43.0.7",
            "ipFamilies": ["IPv4"],
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}],
            **spec,
        },
    }


@pytest.fixture
def pods(make_pod):
    def make(count: int, **kwargs):
        return [make_pod(f"p{n:03}", podIPs=[{"ip": f"10.42.{n // 250}.{n % 250}"}], **kwargs) for n in range(count)]

    return make


def plan(service, slices, desired):
    return place(frame(service), slices, desired.groups)


def desired(service, pods, zones=None):
    return desired_endpoints(service, pods, {"n1": "z1"} if zones is None else zones)


def stored(slices: list[dict]) -> list[dict]:
    """Slices as they come back from the API."""
    result = []
    for number, endpoint_slice in enumerate(slices):
        name = endpoint_slice["metadata"].get("name", f"web-{number}")
        result.append({**endpoint_slice, "metadata": {**endpoint_slice["metadata"], "name": name}})
    return result


def test_new_service_gets_one_slice(pods):
    result = plan(service(), [], desired(service(), pods(2)))
    (created,) = result.create
    assert created["metadata"]["labels"] == {
        "team": "a",
        SERVICE_NAME: "web",
        MANAGED_BY: "endpointslice-controller.k8s.io",
    }
    assert created["metadata"]["generateName"] == "web-"
    assert created["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    assert created["endpoints"][0] == {
        "addresses": ["10.42.0.0"],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "targetRef": {"kind": "Pod", "namespace": "ns", "name": "p000", "uid": "uid-p000"},
        "nodeName": "n1",
        "zone": "z1",
    }


def test_nothing_to_do_writes_nothing(pods):
    present = stored(plan(service(), [], desired(service(), pods(150))).create)
    assert [len(s["endpoints"]) for s in present] == [MAX_ENDPOINTS, 50]
    result = plan(service(), present, desired(service(), pods(150)))
    assert (result.create, result.update, result.delete) == ([], [], [])


def test_new_endpoint_touches_one_slice_with_room(pods):
    present = stored(plan(service(), [], desired(service(), pods(150))).create)
    result = plan(service(), present, desired(service(), pods(151)))
    assert [s["metadata"]["name"] for s in result.update] == ["web-1"]
    assert not result.create
    assert not result.delete


def test_changed_readiness_stays_in_its_slice(pods, make_pod):
    before = pods(2)
    present = stored(plan(service(), [], desired(service(), before)).create)
    before[1] = make_pod("p001", ready=False, podIPs=[{"ip": "10.42.0.1"}])
    (updated,) = plan(service(), present, desired(service(), before)).update
    assert [e["conditions"]["ready"] for e in updated["endpoints"]] == [True, False]


def test_last_endpoint_leaves_an_empty_slice_that_is_used_again(pods):
    present = stored(plan(service(), [], desired(service(), pods(1))).create)
    (emptied,) = plan(service(), present, desired(service(), [])).update
    assert (emptied["endpoints"], emptied["ports"], emptied["metadata"]["name"]) == ([], [], "web-0")
    again = plan(service(), [emptied], desired(service(), []))
    assert (again.create, again.update, again.delete) == ([], [], [])
    (filled,) = plan(service(), [emptied], desired(service(), pods(1))).update
    assert (filled["metadata"]["name"], len(filled["endpoints"]), filled["ports"][0]["port"]) == ("web-0", 1, 8080)


def test_slices_that_are_left_empty_are_deleted(pods):
    present = stored(plan(service(), [], desired(service(), pods(150))).create)
    result = plan(service(), present, desired(service(), pods(100)))
    assert [s["metadata"]["name"] for s in result.delete] == ["web-1"]


def test_dual_stack_has_slices_of_both_types(make_pod):
    both = service(ipFamilies=["IPv4", "IPv6"])
    pod = make_pod("p", podIPs=[{"ip": "10.42.0.1"}, {"ip": "fd00::1"}])
    created = plan(both, [], desired(both, [pod])).create
    assert [(s["addressType"], s["endpoints"][0]["addresses"]) for s in created] == [
        ("IPv4", ["10.42.0.1"]),
        ("IPv6", ["fd00::1"]),
    ]


def test_named_ports_differ_between_pods(pods):
    named = service(ports=[{"name": "http", "port": 80, "targetPort": "web"}])
    old, new = pods(2)
    for pod, number in ((old, 8080), (new, 9090)):
        pod["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": number}]
    created = plan(named, [], desired(named, [old, new])).create
    assert sorted(s["ports"][0]["port"] for s in created) == [8080, 9090]


@pytest.mark.parametrize(
    ("publish", "ready", "deleting", "expected"),
    [
        (False, True, False, (True, True, False)),
        (False, False, False, (False, False, False)),
        (False, True, True, (False, True, True)),
        (True, False, False, (True, False, False)),
        (True, True, True, (True, True, True)),
    ],
)
def test_conditions(make_pod, publish, ready, deleting, expected):
    pod = make_pod("p", ready=ready, podIPs=[{"ip": "10.42.0.1"}])
    if deleting:
        pod["metadata"]["deletionTimestamp"] = "2026-01-02T03:00:00Z"
    svc = service(publishNotReadyAddresses=publish)
    (created,) = plan(svc, [], desired(svc, [pod])).create
    assert tuple(created["endpoints"][0]["conditions"].values()) == expected


def test_pod_of_an_unknown_node_is_left_out_and_looked_for_again(pods):
    result = desired(service(), pods(1), zones={})
    assert result.missing_nodes == {"n1"}
    assert not result.groups


def test_finished_pods_and_pods_without_address_have_no_endpoint(make_pod):
    pods = [make_pod("a"), make_pod("b", phase="Succeeded", podIPs=[{"ip": "10.42.0.1"}])]
    assert not desired(service(), pods).groups


def test_headless_label_hostname_and_hints(make_pod):
    svc = service(clusterIP="None", trafficDistribution="PreferSameZone")
    pod = make_pod("web-0", podIPs=[{"ip": "10.42.0.1"}])
    pod["spec"] |= {"hostname": "web-0", "subdomain": "web"}
    (created,) = plan(svc, [], desired(svc, [pod])).create
    assert created["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    assert created["endpoints"][0]["hostname"] == "web-0"
    assert created["endpoints"][0]["hints"] == {"forZones": [{"name": "z1"}]}


def test_endpoints_separate_ready_from_not_ready(make_pod):
    pods = [make_pod("a", podIPs=[{"ip": "10.42.0.2"}]), make_pod("b", ready=False, podIPs=[{"ip": "10.42.0.1"}])]
    (subset,) = subsets(service(), pods)
    assert [a["ip"] for a in subset["addresses"]] == ["10.42.0.2"]
    assert [a["ip"] for a in subset["notReadyAddresses"]] == ["10.42.0.1"]
    assert subset["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]


def test_endpoints_are_written_only_when_they_differ(pods):
    wanted = build(service(), pods(1), None)
    assert build(service(), pods(1), wanted) is None
    assert build(service(), [], wanted).get("subsets") is None


def test_endpoints_are_truncated_at_their_capacity(pods):
    wanted = build(service(), pods(MAX_CAPACITY + 1), None)
    assert wanted["metadata"]["annotations"] == {OVER_CAPACITY: "truncated"}
    assert len(wanted["subsets"][0]["addresses"]) == MAX_CAPACITY


async def test_endpoints_without_a_selector_are_mirrored(cluster):
    cluster.client.add(SERVICES, {"metadata": {"name": "db", "namespace": "ns"}, "spec": {}})
    subset = {"addresses": [{"ip": "192.0.2.1"}], "notReadyAddresses": [{"ip": "192.0.2.2"}], "ports": [{"port": 5432}]}
    cluster.client.add(ENDPOINTS, {"metadata": {"name": "db", "namespace": "ns"}, "subsets": [subset]})
    cluster.start(EndpointSliceMirroringController)
    await until(lambda: cluster.client.all(ENDPOINT_SLICES))
    (mirror,) = cluster.client.all(ENDPOINT_SLICES)
    assert mirror["metadata"]["labels"][MANAGED_BY] == "endpointslicemirroring-controller.k8s.io"
    assert mirror["ports"] == [{"name": "", "port": 5432, "protocol": "TCP"}]
    ready = [(entry["addresses"][0], entry["conditions"]["ready"]) for entry in mirror["endpoints"]]
    assert ready == [("192.0.2.1", True), ("192.0.2.2", False)]

    cluster.client.change(ENDPOINTS, "db", "ns", {"subsets": [{**subset, "notReadyAddresses": []}]})
    await until(lambda: len(cluster.client.all(ENDPOINT_SLICES)[0]["endpoints"]) == 1)
    cluster.client.remove(ENDPOINTS, "db", "ns")
    await until(lambda: not cluster.client.all(ENDPOINT_SLICES))
