from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fake_client import until
from hypothesis import given
from hypothesis import strategies as st

from minik.client.resources import EVENTS, LEASES, NODES, PODS
from minik.server.controllers.node_health import eviction_delay, eviction_rate, wanted_taints
from minik.server.controllers.node_ipam import CidrSet, ExhaustedError, NodeIpamController
from minik.server.controllers.node_lifecycle import NodeLifecycleController
from minik.server.controllers.node_ttl import ANNOTATION, NodeTTLController, next_step
from minik.server.controllers.pod_gc import OUT_OF_SERVICE, QUARANTINE, PodGCController
from minik.server.controllers.pods import disruption_target
from minik.server.controllers.taint_eviction import TaintEvictionController

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"


def node(name: str = "n1", ready: str | None = "True", taints: list | None = None, **spec) -> dict:
    conditions = [{"type": "Ready", "status": ready, "lastHeartbeatTime": "2026-01-02T03:04:00Z"}] if ready else []
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-01-02T03:04:05Z"},
        "spec": {"taints": taints or [], **spec},
        "status": {"conditions": conditions},
    }


def taint(key: str, effect: str) -> dict:
    return {"key": key, "effect": effect, "timeAdded": "2026-01-02T03:04:05Z"}


@pytest.mark.parametrize(
    ("obj", "evict", "expected"),
    [
        (node(), True, None),
        (node(taints=[{"key": "mine", "effect": "NoExecute"}]), True, None),
        (node(ready="False"), False, [(NOT_READY, "NoSchedule")]),
        (node(ready="False"), True, [(NOT_READY, "NoSchedule"), (NOT_READY, "NoExecute")]),
        (node(ready="Unknown"), True, [(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")]),
        (node(taints=[taint(NOT_READY, "NoSchedule"), taint(NOT_READY, "NoExecute")]), True, []),
        (node(unschedulable=True), False, [("node.kubernetes.io/unschedulable", "NoSchedule")]),
        # a node that was not ready and now is silent changes its NoExecute taint, whatever the rate
        (
            node(ready="Unknown", taints=[taint(NOT_READY, "NoSchedule"), taint(NOT_READY, "NoExecute")]),
            False,
            [(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")],
        ),
    ],
)
def test_taints_follow_conditions(obj, evict, expected):
    taints = wanted_taints(obj, evict=evict, now=NOW)
    assert (taints if taints is None else [(t["key"], t["effect"]) for t in taints]) == expected


@pytest.mark.parametrize(
    ("ready", "silent", "expected"),
    [(3, 0, 0.1), (2, 1, 0.1), (0, 1, 0.1), (0, 3, 0.1), (2, 3, 0.0), (40, 60, 0.01), (60, 40, 0.1)],
)
def test_eviction_slows_down_when_many_nodes_are_silent(ready, silent, expected):
    nodes = [node(str(n)) for n in range(ready)] + [node(str(n), ready="Unknown") for n in range(silent)]
    assert eviction_rate(nodes, normal=0.1, reduced=0.01, large=50, threshold=0.55) == expected


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ([], 0.0),
        ([{"operator": "Exists"}], None),
        ([{"key": NOT_READY, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}], 300),
        ([{"key": NOT_READY, "operator": "Exists", "tolerationSeconds": -1}], 0.0),
        ([{"key": "other", "operator": "Exists"}], 0.0),
    ],
)
def test_pods_stay_as_long_as_they_tolerate(tolerations, expected):
    assert eviction_delay(tolerations, [taint(NOT_READY, "NoExecute")]) == expected


async def test_silent_node_is_declared_unknown_and_its_pods_not_ready(cluster, make_pod):
    cluster.client.add(NODES, node("n1"))
    cluster.client.add(NODES, node("n2"))
    cluster.client.add(PODS, make_pod("p"))
    controller = cluster.start(NodeLifecycleController)
    await until(lambda: controller.reconciled >= 2)
    cluster.clock.advance(40)
    cluster.client.add(LEASES, {"metadata": {"name": "n2", "namespace": "kube-node-lease"}})
    await until(lambda: len(cluster.informers.of(LEASES, "kube-node-lease")))
    cluster.clock.advance(11)
    await until(lambda: ready(cluster, "n1") == "Unknown")
    await until(lambda: (UNREACHABLE, "NoExecute") in taints_of(cluster, "n1"))
    pod_condition = cluster.client.find(PODS, "p", "ns")["status"]["conditions"][0]
    assert pod_condition["status"] == "False"
    assert ready(cluster, "n2") == "True"


async def test_node_that_comes_back_loses_its_taints(cluster):
    cluster.client.add(
        NODES, node("n1", "Unknown", [taint(UNREACHABLE, "NoExecute"), taint(UNREACHABLE, "NoSchedule")])
    )
    cluster.start(NodeLifecycleController)
    cluster.client.change(NODES, "n1", "", {"status": node("n1")["status"]})
    await until(lambda: taints_of(cluster, "n1") == [])


async def test_only_node_is_never_evicted(cluster):
    cluster.client.add(NODES, node("n1"))
    controller = cluster.start(NodeLifecycleController)
    await until(lambda: controller.reconciled)
    cluster.clock.advance(51)
    await until(lambda: taints_of(cluster, "n1") == [(UNREACHABLE, "NoSchedule")])


async def test_nobody_is_evicted_while_no_node_is_ready(cluster):
    for name, zone in (("a", "x"), ("b", "y")):
        cluster.client.add(NODES, node(name, "Unknown", [taint(UNREACHABLE, "NoExecute")]) | zoned(name, zone))
    cluster.start(NodeLifecycleController)
    await until(lambda: taints_of(cluster, "a") == taints_of(cluster, "b") == [(UNREACHABLE, "NoSchedule")])
    cluster.client.change(NODES, "a", "", {"status": node("a")["status"]})
    await until(lambda: (UNREACHABLE, "NoExecute") in taints_of(cluster, "b"))
    assert taints_of(cluster, "a") == []


def zoned(name: str, zone: str) -> dict:
    labels = {"topology.kubernetes.io/zone": zone}
    return {"metadata": {"name": name, "uid": name, "creationTimestamp": "2026-01-02T03:04:05Z", "labels": labels}}


async def test_labels_of_old_follow_those_of_today(cluster):
    labelled = node("a")
    labelled["metadata"]["labels"] = {"kubernetes.io/os": "linux", "beta.kubernetes.io/os": "windows"}
    cluster.client.add(NODES, labelled)
    cluster.start(NodeLifecycleController)
    await until(lambda: cluster.client.find(NODES, "a")["metadata"]["labels"]["beta.kubernetes.io/os"] == "linux")


@pytest.mark.parametrize(
    ("step", "nodes", "expected"),
    [(0, 1, 0), (0, 100, 0), (0, 101, 1), (1, 95, 1), (1, 89, 0), (1, 501, 2), (0, 5000, 4), (4, 1, 0)],
)
def test_kubelets_keep_objects_longer_in_larger_clusters(step, nodes, expected):
    assert next_step(step, nodes) == expected


async def test_nodes_are_told_for_how_long(cluster):
    cluster.client.add(NODES, node("a"))
    cluster.start(NodeTTLController)
    await until(lambda: (cluster.client.find(NODES, "a")["metadata"].get("annotations") or {}).get(ANNOTATION) == "0")


async def test_pods_of_a_node_out_of_service_fail_and_go(cluster, make_pod):
    pod = make_pod("p")
    pod["metadata"] |= {"deletionTimestamp": "2026-01-02T03:00:00Z", "finalizers": ["keep.example.com/it"]}
    cluster.client.add(PODS, pod)
    cluster.client.add(NODES, node("n1", "Unknown"))
    cluster.start(PodGCController)
    cluster.client.change(NODES, "n1", "", {"spec": {"taints": [{"key": OUT_OF_SERVICE, "effect": "NoExecute"}]}})
    await until(lambda: cluster.client.find(PODS, "p", "ns")["status"]["phase"] == "Failed")


def ready(cluster, name: str) -> str:
    conditions = cluster.client.find(NODES, name)["status"]["conditions"]
    return next(c["status"] for c in conditions if c["type"] == "Ready")


def taints_of(cluster, name: str) -> list:
    return [(t["key"], t["effect"]) for t in cluster.client.find(NODES, name)["spec"]["taints"]]


async def test_pod_is_evicted_when_its_toleration_ends(cluster, make_pod):
    patient = make_pod("patient")
    patient["spec"]["tolerations"] = [{"key": NOT_READY, "operator": "Exists", "tolerationSeconds": 300}]
    cluster.client.add(PODS, patient)
    cluster.client.add(PODS, make_pod("impatient"))
    cluster.client.add(NODES, node())
    cluster.start(TaintEvictionController)
    cluster.client.change(NODES, "n1", "", {"spec": {"taints": [{"key": NOT_READY, "effect": "NoExecute"}]}})
    await until(lambda: len(cluster.client.all(PODS)) == 1)
    cluster.clock.advance(299)
    assert cluster.client.find(PODS, "patient", "ns")
    cluster.clock.advance(2)
    await until(lambda: not cluster.client.all(PODS))
    assert "TaintManagerEviction" in cluster.reasons()


async def test_finished_pods_are_evicted_too(cluster, make_pod):
    done = make_pod("done")
    done["status"] = {"phase": "Succeeded"}
    cluster.client.add(PODS, done)
    cluster.client.add(NODES, node(taints=[{"key": NOT_READY, "effect": "NoExecute"}]))
    cluster.start(TaintEvictionController)
    await until(lambda: not cluster.client.all(PODS))


def test_a_pod_is_sent_away_once():
    now = datetime(2026, 1, 2, tzinfo=UTC)
    pod = {"metadata": {"generation": 3}, "status": {}}
    first = disruption_target(pod, "One", "first", now)
    assert (first["reason"], first["observedGeneration"]) == ("One", 3)
    pod["status"]["conditions"] = [first]
    assert disruption_target(pod, "Two", "second", now + timedelta(hours=1)) == {
        **first,
        "reason": "Two",
        "message": "second",
    }


async def test_taint_taken_away_saves_the_pod(cluster, make_pod):
    patient = make_pod("patient")
    patient["spec"]["tolerations"] = [{"key": NOT_READY, "operator": "Exists", "tolerationSeconds": 300}]
    cluster.client.add(PODS, patient)
    cluster.client.add(NODES, node(taints=[{"key": NOT_READY, "effect": "NoExecute"}]))
    controller = cluster.start(TaintEvictionController)
    await until(lambda: controller.reconciled)
    cluster.client.change(NODES, "n1", "", {"spec": {"taints": []}})
    await until(lambda: "TaintManagerEviction" in cluster.reasons())
    cluster.clock.advance(400)
    assert cluster.client.find(PODS, "patient", "ns")


def test_cidrs_are_never_given_twice():
    cidrs = CidrSet("10.42.0.0/22", 24)
    cidrs.occupy("10.42.1.0/24")
    assert [cidrs.allocate() for _ in range(3)] == ["10.42.0.0/24", "10.42.2.0/24", "10.42.3.0/24"]
    with pytest.raises(ExhaustedError):
        cidrs.allocate()
    cidrs.release("10.42.2.0/24")
    assert cidrs.allocate() == "10.42.2.0/24"


@given(st.lists(st.sampled_from(["allocate", "release"]), max_size=40))
def test_allocated_cidrs_are_disjoint(steps):
    cidrs, held = CidrSet("fd00::/60", 64), []
    for step in steps:
        if step == "allocate" and len(held) < cidrs.capacity:
            held.append(cidrs.allocate())
        elif step == "release" and held:
            cidrs.release(held.pop(0))
    assert len(set(held)) == len(held)


async def test_nodes_get_pod_cidrs_and_keep_them(cluster):
    cluster.client.add(NODES, node("old", podCIDR="10.42.0.0/24", podCIDRs=["10.42.0.0/24"]))
    cluster.client.add(NODES, node("new"))
    cluster.start(NodeIpamController)
    await until(lambda: cluster.client.find(NODES, "new")["spec"].get("podCIDRs") == ["10.42.1.0/24"])
    assert cluster.client.find(NODES, "new")["spec"]["podCIDR"] == "10.42.1.0/24"


async def test_nodes_without_a_range_wait_until_another_one_goes(cluster):
    cluster.settings = replace(cluster.settings, cluster_cidrs=("10.42.0.0/23",))

    def ranges():
        return {node["metadata"]["name"]: node["spec"].get("podCIDR") for node in cluster.client.all(NODES)}

    for name in ("a", "b", "c", "d"):
        cluster.client.add(NODES, node(name))
    controller = cluster.start(NodeIpamController)
    await until(lambda: set(controller._waiting) == {"c", "d"})
    assert ranges() == {"a": "10.42.0.0/24", "b": "10.42.1.0/24", "c": None, "d": None}
    assert controller.failed == 0
    await cluster.client.delete(NODES, "a")
    await until(lambda: ranges() == {"b": "10.42.1.0/24", "c": "10.42.0.0/24", "d": None})
    await cluster.client.delete(NODES, "c")
    await until(lambda: ranges() == {"b": "10.42.1.0/24", "d": "10.42.0.0/24"})
    events = [event for event in cluster.client.all(EVENTS) if event["reason"] == "CIDRNotAvailable"]
    assert {event["involvedObject"]["name"] for event in events} == {"c", "d"}


async def test_pods_of_a_missing_node_go_after_quarantine(cluster, make_pod):
    cluster.client.add(PODS, make_pod("p"))
    controller = cluster.start(PodGCController)
    await until(lambda: controller.reconciled)
    assert cluster.client.all(PODS)
    cluster.clock.advance(QUARANTINE + 1)
    await until(lambda: not cluster.client.all(PODS))


async def test_deleted_pod_without_a_node_goes_at_once(cluster, make_pod):
    pod = make_pod("p")
    del pod["spec"]["nodeName"]
    pod["metadata"]["deletionTimestamp"] = "2026-01-02T03:00:00Z"
    cluster.client.add(PODS, pod)
    cluster.start(PodGCController)
    await until(lambda: not cluster.client.all(PODS))
