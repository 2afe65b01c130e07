"""Where Pods had best go, through the API, as upstream's tests walk it (e2e/scheduling/priorities.go and others)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from harness.cluster import eventually
from harness.scheduling import Ground, on_nodes, pod, replica_set, spread

Obj = dict[str, Any]

NODES = ("fake-0000", "fake-0001", "fake-0002")
FIRST, SECOND, THIRD = NODES
ZONE, HOSTNAME = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
SOME = {"cpu": "100m", "memory": "100Mi"}


def placed(ground: Ground, selector: str, count: int) -> Counter[str]:
    """How many of the Pods are on which node, once all have one."""

    def look() -> Counter[str] | None:
        pods = ground.pods(selector)
        names = [each["spec"].get("nodeName", "") for each in pods]
        return Counter(names) if len(names) == count and all(names) else None

    found: Counter[str] = eventually(look, every=0.03, what=f"{count} Pods {selector} with nodes")
    return found


def terms(kind: str, *, required: bool, key: str, **labels: str) -> Obj:
    term = {"topologyKey": key, "labelSelector": {"matchLabels": labels}}
    if required:
        return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    preferred = [{"weight": 10, "podAffinityTerm": term}]
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


@pytest.mark.parametrize("attempt", range(3))
def test_preferred_anti_affinity_keeps_away(ground: Ground, attempt: int) -> None:
    ground.create(pod("s1", labels={"security": "S1"}, requests=SOME))
    taken = ground.node_of("s1")
    apart = terms("podAntiAffinity", required=False, key=HOSTNAME, security="S1")
    ground.create(pod("apart", requests=SOME, affinity=apart))
    assert ground.node_of("apart") != taken


@pytest.mark.parametrize("attempt", range(3))
def test_affinity_brings_together_and_anti_affinity_apart(ground: Ground, attempt: int) -> None:
    ground.create(pod("s1", labels={"security": "S1"}, nodeSelector={HOSTNAME: SECOND}))
    ground.node_of("s1")
    near = terms("podAffinity", required=True, key=ZONE, security="S1")
    ground.create(pod("near", affinity=near))
    assert ground.node_of("near") == SECOND
    far = terms("podAntiAffinity", required=True, key=ZONE, security="S1")
    ground.create(pod("far", affinity=far))
    assert ground.node_of("far") != SECOND
    ground.create(pod("stuck", affinity={**far, **on_nodes(HOSTNAME, SECOND)}))
    assert ground.refusal("stuck") == (
        "0/3 nodes are available: 1 node(s) didn't match pod anti-affinity rules, "
        "2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, "
        "preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )
    ground.patch("Pod", "s1", {"metadata": {"labels": {"security": None}}})
    assert ground.node_of("stuck") == SECOND, "the label that kept it away went"


def test_nobody_like_it_is_there_yet(ground: Ground) -> None:
    near = terms("podAffinity", required=True, key=HOSTNAME, app="wanted")
    ground.create(pod("lonely", affinity=near))
    assert ground.refusal("lonely").startswith("0/3 nodes are available: 3 node(s) didn't match pod affinity rules.")
    ground.create(pod("own-kind", affinity=near, labels={"app": "wanted"}))
    node = ground.node_of("own-kind")
    assert ground.node_of("lonely") == node, "it came"


@pytest.mark.parametrize("attempt", range(3))
def test_nodes_with_taints_the_pod_tolerates_are_preferred(ground: Ground, attempt: int) -> None:
    def taints(node: str) -> list[Obj]:
        numbers = range(10)
        return [{"key": f"e2e/{node}-{n}", "value": "v", "effect": "PreferNoSchedule"} for n in numbers]

    with ground.tainted({node: taints(node) for node in NODES}):
        ground.create(pod("with-tolerations", tolerations=taints(THIRD)))
        assert ground.node_of("with-tolerations") == THIRD


def test_a_soft_spread_evens_out(ground: Ground) -> None:
    key, label = "kubernetes.io/e2e-pts-score", "e2e-pts-score"
    with ground.labelled({node: {key: node} for node in (FIRST, SECOND)}):
        ground.create(replica_set(pod("crowd", labels={label: "foo"}, nodeSelector={key: FIRST}), 4))
        placed(ground, label, 4)
        soft = spread(key, label, "ScheduleAnyway")
        choice = {"affinity": on_nodes(key, FIRST, SECOND), "topologySpreadConstraints": [soft]}
        ground.create(pod("test-pod", labels={label: "bar"}, **choice))
        assert ground.node_of("test-pod") == SECOND


def test_a_service_and_a_replica_set_spread_their_pods_over_zones(ground: Ground) -> None:
    service = {"selector": {"app": "served"}, "ports": [{"port": 80}]}
    ground.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "served"}, "spec": service})
    for number in range(6):
        ground.create(pod(f"served-{number}", labels={"app": "served"}))
        ground.node_of(f"served-{number}")
    assert placed(ground, "app=served", 6) == Counter(dict.fromkeys(NODES, 2))
    ground.create(replica_set(pod("set", labels={"app": "set"}), 9))
    assert placed(ground, "app=set", 9) == Counter(dict.fromkeys(NODES, 3))


@pytest.fixture
def zone_nodes(ground: Ground) -> Iterator[None]:
    with ground.labelled({FIRST: {"tier": "a"}, SECOND: {"tier": "a"}, THIRD: {"tier": "b"}}):
        yield


@pytest.mark.usefixtures("zone_nodes")
def test_preferred_node_affinity_decides(ground: Ground) -> None:
    preference = {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["b"]}]}
    wanted = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 50, "preference": preference}]}
    for number in range(3):
        ground.create(pod(f"p{number}", affinity={"nodeAffinity": wanted}))
        assert ground.node_of(f"p{number}") == THIRD


@pytest.mark.usefixtures("zone_nodes")
def test_a_hard_spread_over_unequal_domains(ground: Ground) -> None:
    """Two nodes in one domain, one in the other."""
    even = {"topologySpreadConstraints": [spread("tier", "app")], "labels": {"app": "x"}}
    for number in range(6):
        ground.create(pod(f"p{number}", **even))
        ground.node_of(f"p{number}")
    per_node = placed(ground, "app=x", 6)
    assert (per_node[FIRST] + per_node[SECOND], per_node[THIRD]) == (3, 3)


def test_the_emptiest_node_gets_the_next(ground: Ground) -> None:
    ground.run(pod("big", requests={"cpu": "6", "memory": "30Gi"}, nodeSelector={HOSTNAME: FIRST}))
    ground.run(pod("middle", requests={"cpu": "3", "memory": "15Gi"}, nodeSelector={HOSTNAME: SECOND}))
    ground.create(pod("next", requests={"cpu": "1", "memory": "5Gi"}))
    assert ground.node_of("next") == THIRD
