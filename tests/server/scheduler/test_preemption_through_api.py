"""Who has to go for whom, through the API, as upstream's conformance tests walk it (e2e/scheduling/preemption.go)."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from harness.cluster import eventually
from harness.scheduling import Ground, Refused, on_nodes, pod, priority_class, replica_set, spread

Obj = dict[str, Any]

NODES = ("fake-0000", "fake-0001", "fake-0002")
FIRST, SECOND, THIRD = NODES
FOO = "scheduling.k8s.io/foo"
LOW, MEDIUM, HIGH = "sched-preemption-low", "sched-preemption-medium", "sched-preemption-high"


@pytest.fixture(autouse=True)
def classes(ground: Ground) -> Iterator[None]:
    with ground.leaving(priority_class(LOW, 1), priority_class(MEDIUM, 100), priority_class(HIGH, 1000)):
        yield


def names(pods: Sequence[Obj]) -> list[str]:
    return sorted(each["metadata"]["name"] for each in pods)


def is_leaving(ground: Ground, name: str) -> bool:
    return not ground.exists("Pod", name) or "deletionTimestamp" in ground.get("Pod", name)["metadata"]


def victims(ground: Ground) -> list[str]:
    """One on each node, with 2 of its 5; the first of low priority."""
    made = []
    for node, which in zip(NODES, (LOW, MEDIUM, MEDIUM), strict=True):
        made.append(f"pod-{node}")
        here = on_nodes("metadata.name", node, field=True)
        ground.create(pod(made[-1], requests={FOO: "2"}, priorityClassName=which, affinity=here))
    for name in made:
        ground.running(name)
    return made


def test_the_lowest_priority_goes(ground: Ground) -> None:
    with ground.offering(FOO, dict.fromkeys(NODES, "3")):
        first, *others = victims(ground)
        uid = ground.get("Pod", first)["metadata"]["uid"]
        preemptor = ground.run(pod("preemptor-pod", requests={FOO: "2"}, priorityClassName=HIGH))
        assert preemptor["spec"]["nodeName"] == FIRST
        assert is_leaving(ground, first)
        assert not any(is_leaving(ground, other) for other in others)
        event = ground.event(first, "Preempted")
        assert event["message"] == f"Preempted by pod {preemptor['metadata']['uid']} on node {FIRST}"
        assert (event["type"], event["action"], event["involvedObject"]["uid"]) == ("Normal", "Preempting", uid)
        assert event["related"]["name"] == "preemptor-pod"
        refused = ground.event("preemptor-pod", "FailedScheduling")["message"]
        assert refused == f"0/3 nodes are available: 3 Insufficient {FOO}."


def test_a_critical_pod_of_the_system_goes_first(ground: Ground) -> None:
    with ground.offering(FOO, dict.fromkeys(NODES, "3")):
        first, *others = victims(ground)
        critical = pod(
            "critical-pod",
            namespace="kube-system",
            requests={FOO: "2"},
            priorityClassName="system-cluster-critical",
        )
        try:
            assert ground.run(critical)["spec"]["priority"] == 2_000_000_000
            assert is_leaving(ground, first)
            assert not any(is_leaving(ground, other) for other in others)
        finally:
            ground.delete("Pod", "critical-pod", namespace="kube-system")


def test_a_victim_is_told_why(ground: Ground) -> None:
    with ground.offering(FOO, {FIRST: "1"}):
        here = {"affinity": on_nodes("metadata.name", FIRST, field=True), "requests": {FOO: "1"}}
        ground.run(pod("victim-pod", priorityClassName=LOW, finalizers=["example.com/test"], **here))
        ground.create(pod("preemptor-pod", priorityClassName=HIGH, **here))
        eventually(lambda: is_leaving(ground, "victim-pod"), every=0.03)
        found = ground.get("Pod", "victim-pod")
        condition = next(c for c in found["status"]["conditions"] if c["type"] == "DisruptionTarget")
        assert (condition["status"], condition["reason"], condition["message"]) == (
            "True",
            "PreemptionByScheduler",
            "default-scheduler: preempting to accommodate a higher priority pod",
        )
        assert condition["observedGeneration"] == found["metadata"]["generation"] - 1, "deletion is a new generation"
        ground.patch("Pod", "victim-pod", {"metadata": {"finalizers": None}}, merge=True)


@pytest.fixture
def silent(ground: Ground) -> Iterator[str]:
    """A node without a kubelet, so that deleted Pods stay until their time is over."""
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "10", FOO: "1"}
    status = {"capacity": amounts, "allocatable": amounts, "conditions": [{"type": "Ready", "status": "True"}]}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "silent"}, "status": status}
    with ground.leaving(node):
        eventually(lambda: not ground.get("Node", "silent")["spec"].get("taints"), every=0.03)
        yield "silent"
        ground.delete("Pod", *names(ground.pods()))


def test_a_nomination_stands_until_the_victim_is_gone(ground: Ground, silent: str) -> None:
    slow = {"requests": {FOO: "1"}, "terminationGracePeriodSeconds": 600}
    ground.create(pod("victim", priorityClassName=LOW, **slow))
    assert ground.node_of("victim") == silent
    ground.create(pod("preemptor", priorityClassName=MEDIUM, requests={FOO: "1"}))
    eventually(lambda: nomination(ground, "preemptor") == silent, every=0.03)
    eventually(lambda: is_leaving(ground, "victim"), every=0.03)
    ground.create(pod("late", priorityClassName=LOW, requests={FOO: "1"}))
    assert "1 No preemption victims found for incoming pod, 3 Preemption is not helpful" in ground.refusal("late")
    ground.create(pod("second", priorityClassName=MEDIUM, requests={FOO: "1"}))
    ground.refusal("second")
    ground.create(pod("urgent", priorityClassName=HIGH, requests={FOO: "1"}))
    eventually(lambda: nomination(ground, "urgent") == silent, every=0.03)
    eventually(lambda: not nomination(ground, "preemptor"), every=0.03, what="the outbid Pod losing its nomination")
    ground.delete("Pod", "victim")
    assert ground.node_of("urgent") == silent
    eventually(lambda: not nomination(ground, "urgent"), every=0.03, what="binding clearing the nomination")
    ground.delete("Pod", "urgent", "late")
    assert ground.node_of("preemptor") == silent, "of equals the one that came first"
    ground.delete("Pod", "preemptor", "second")


def nomination(ground: Ground, name: str) -> str:
    return str(ground.get("Pod", name)["status"].get("nominatedNodeName") or "")


def test_who_may_not_preempt_waits(ground: Ground) -> None:
    polite = priority_class("polite", 1000, preemptionPolicy="Never")
    with ground.offering(FOO, {FIRST: "1"}), ground.leaving(polite):
        ground.run(pod("low", requests={FOO: "1"}, priorityClassName=LOW))
        ground.create(pod("patient", requests={FOO: "1"}, priorityClassName="polite"))
        assert ground.refusal("patient") == (
            f"0/3 nodes are available: 3 Insufficient {FOO}. no new claims to deallocate, "
            "preemption: not eligible due to preemptionPolicy=Never."
        )
        assert not is_leaving(ground, "low")
        ground.delete("Pod", "low")
        assert ground.node_of("patient") == FIRST


def test_as_many_go_as_an_even_spread_takes(ground: Ground) -> None:
    key, label, resource = "kubernetes.io/e2e-pts-preemption", "e2e-pts-preemption", "example.com/fakepts"
    two = (FIRST, SECOND)
    with ground.labelled({node: {key: node} for node in two}), ground.offering(resource, dict.fromkeys(two, "10")):
        choice = {"affinity": on_nodes(key, *two), "labels": {label: ""}}
        ground.run(pod("high", requests={resource: "9"}, priorityClassName=HIGH, **choice))
        for number in range(3):
            ground.run(pod(f"low-{number}", requests={resource: "3"}, priorityClassName=LOW, **choice))
        even = {"topologySpreadConstraints": [spread(key, label)]}
        ground.run(pod("medium", requests={resource: "3"}, priorityClassName=MEDIUM, **choice, **even))
        eventually(lambda: len(ground.pods()) == 3, every=0.03)
        assert [name.partition("-")[0] for name in names(ground.pods())] == ["high", "low", "medium"]


def test_preemption_path_of_replica_sets(ground: Ground) -> None:
    """200 + 300 + 450 of 1000 are taken; 500 more cost the two lowest, once, and spare the third."""
    resource = "example.com/fakecpu"
    here = {"nodeSelector": {"kubernetes.io/hostname": FIRST}}

    def one(number: int, amount: str) -> Obj:
        name = f"pod{number}"
        return pod(name, labels={"name": name}, requests={resource: amount}, priorityClassName=f"p{number}", **here)

    with ExitStack() as stack:
        stack.enter_context(ground.offering(resource, {FIRST: "1000"}))
        stack.enter_context(ground.leaving(*(priority_class(f"p{number}", number) for number in range(1, 5))))
        for number, amount in enumerate(("200", "300", "450"), 1):
            ground.create(replica_set(one(number, amount), 1))
            eventually(lambda at=number: available(ground, f"rs-pod{at}"), every=0.03)
        first = set(names(ground.pods()))
        ground.create(one(4, "500"))
        assert ground.node_of("pod4") == FIRST
        expected = {"rs-pod1": 2, "rs-pod2": 2, "rs-pod3": 1}
        eventually(lambda: created(ground) == expected, every=0.03, what="one more Pod of the two lowest")
        eventually(lambda: len(ground.pods()) == 4, every=0.03, what="the victims being gone")
        for name in ("pod1", "pod2"):
            pending = names(ground.pods(f"name={name}"))[0]
            assert f"Insufficient {resource}" in ground.refusal(pending)
        assert names(ground.pods("name=pod3"))[0] in first, "spared"
        assert created(ground) == expected


def created(ground: Ground) -> dict[str, int]:
    """How many Pods each ReplicaSet says it has made."""
    path, query = f"/api/v1/namespaces/{ground.namespace}/events", {"fieldSelector": "reason=SuccessfulCreate"}
    made: dict[str, int] = {}
    for event in ground.call("GET", path, query=query)["items"]:
        owner = event["involvedObject"]["name"]
        made[owner] = made.get(owner, 0) + event["count"]
    return made


def available(ground: Ground, name: str) -> bool:
    return bool(ground.get("ReplicaSet", name).get("status", {}).get("availableReplicas"))


def test_priority_classes_keep_their_value(ground: Ground) -> None:
    with ground.leaving(priority_class("p1", 1), priority_class("p2", 2)):
        with pytest.raises(Refused, match="may not be changed in an update") as refused:
            ground.patch("PriorityClass", "p1", {"value": 10})
        assert str(refused.value) == (
            'PriorityClass.scheduling.k8s.io "p1" is invalid: value: Forbidden: may not be changed in an update.'
        )
        second = ground.get("PriorityClass", "p2")
        with pytest.raises(Refused, match="value: Forbidden: may not be changed in an update"):
            ground.update({**second, "value": 20})
        with pytest.raises(Refused, match=r"preemptionPolicy: Invalid value: .*: field is immutable"):
            ground.update({**second, "preemptionPolicy": "Never"})
        ground.patch("PriorityClass", "p1", {"description": "updated"})
        ground.update({**second, "description": "updated"})
        listed = ground.call("GET", ground.path("PriorityClass"))["items"]
        found = {each["metadata"]["name"]: (each["value"], each.get("description")) for each in listed}
        assert (found["p1"], found["p2"]) == ((1, "updated"), (2, "updated"))
        assert found["system-node-critical"][0] == 2_000_001_000


def test_priorities_are_resolved_at_creation(ground: Ground) -> None:
    with pytest.raises(Refused, match="no PriorityClass with name none was found"):
        ground.create(pod("x", priorityClassName="none"))
    with ground.leaving(priority_class("everybody", 7, globalDefault=True)):
        made = ground.create(pod("x"))
        assert (made["spec"]["priority"], made["spec"]["priorityClassName"]) == (7, "everybody")
    assert ground.create(pod("y"))["spec"]["priority"] == 0
