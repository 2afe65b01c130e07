"""Where Pods may go, through the API, as upstream's conformance tests walk it (e2e/scheduling/predicates.go)."""

from typing import Any

import pytest

from harness.cluster import eventually
from harness.scheduling import Ground, Refused, on_nodes, pod, replica_set, spread, unschedulable

NODES = ("fake-0000", "fake-0001", "fake-0002")
FIRST, SECOND, THIRD = NODES
_NO_HELP = "no new claims to deallocate, preemption: 0/3 nodes are available: {}."
_ONE_FULL = "1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling"


def counts(ground: Ground) -> tuple[int, int]:
    """Scheduled and unschedulable Pods."""
    pods = ground.pods()
    assert all(bool(each["spec"].get("nodeName")) != bool(unschedulable(each)) for each in pods)
    return sum(bool(each["spec"].get("nodeName")) for each in pods), sum(bool(unschedulable(each)) for each in pods)


@pytest.mark.parametrize(
    ("resource", "most", "half"), [("cpu", "7", "5"), ("ephemeral-storage", "70Gi", "50Gi"), ("memory", "45Gi", "32Gi")]
)
def test_requests_may_not_exceed_what_nodes_have(ground: Ground, resource: str, most: str, half: str) -> None:
    with ground.labelled({node: {"node": node} for node in NODES}):
        for node in NODES:
            ground.create(pod(f"filler-{node}", requests={resource: most}, affinity=on_nodes("node", node)))
        for node in NODES:
            assert ground.running(f"filler-{node}")["spec"]["nodeName"] == node
        ground.create(pod("additional", requests={resource: half}))
        expected = f"0/3 nodes are available: 3 Insufficient {resource}. "
        expected += _NO_HELP.format("3 No preemption victims found for incoming pod")
        assert ground.refusal("additional") == expected
        assert ground.event("additional", "FailedScheduling")["message"] == expected
        assert counts(ground) == (3, 1)


def test_the_overhead_of_a_runtime_class_counts(ground: Ground) -> None:
    runtime = {"kind": "RuntimeClass", "metadata": {"name": "heavy"}, "handler": "heavy"}
    overhead = {"podFixed": {"example.com/beardsecond": "250"}}
    with (
        ground.offering("example.com/beardsecond", {FIRST: "1000"}),
        ground.leaving({"apiVersion": "node.k8s.io/v1", **runtime, "overhead": overhead}),
    ):
        ground.run(pod("filler", requests={"example.com/beardsecond": "700"}))
        made = ground.create(pod("additional", requests={"example.com/beardsecond": "200"}, runtimeClassName="heavy"))
        assert made["spec"]["overhead"] == overhead["podFixed"]
        assert ground.refusal("additional") == (
            "0/3 nodes are available: 3 Insufficient example.com/beardsecond. " + _NO_HELP.format(_ONE_FULL)
        )
        ground.run(pod("light", requests={"example.com/beardsecond": "200"}))
        assert counts(ground) == (2, 1)


@pytest.mark.parametrize(
    "restriction",
    [
        {"nodeSelector": {"label": "nonempty"}},
        {"affinity": on_nodes("foo", "bar", "value2")},
        {"affinity": on_nodes("metadata.name", "nobody", field=True)},
    ],
)
def test_a_selector_that_no_node_matches(ground: Ground, restriction: dict[str, Any]) -> None:
    ground.create(pod("restricted", **restriction))
    message = ground.refusal("restricted")
    assert message == (
        "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. "
        + _NO_HELP.format("3 Preemption is not helpful for scheduling")
    )
    event = ground.event("restricted", "FailedScheduling")
    assert (event["type"], event["message"], event["source"]) == (
        "Warning",
        message,
        {"component": "default-scheduler"},
    )
    assert counts(ground) == (0, 1)


@pytest.mark.parametrize("kind", ["nodeSelector", "affinity"])
def test_a_selector_that_one_node_matches(ground: Ground, kind: str) -> None:
    key, value = "kubernetes.io/e2e-random", "42"
    restriction = {"nodeSelector": {key: value}} if kind == "nodeSelector" else {"affinity": on_nodes(key, value)}
    ground.create(pod("early", **restriction))
    ground.refusal("early")
    with ground.labelled({SECOND: {key: value}}):
        ground.create(pod("with-labels", **restriction))
        assert ground.node_of("with-labels") == SECOND
        assert ground.node_of("early") == SECOND, "a label that comes wakes the Pod"
    event = ground.event("with-labels", "Scheduled")
    assert event["message"] == f"Successfully assigned {ground.namespace}/with-labels to {SECOND}"
    assert (event["type"], event["action"]) == ("Normal", "Binding")
    assert event["reportingComponent"] == "default-scheduler"
    scheduled = [c for c in ground.get("Pod", "early")["status"]["conditions"] if c["type"] == "PodScheduled"]
    assert [(c["status"], c.get("reason")) for c in scheduled] == [("True", None)]


def test_taints_and_tolerations(ground: Ground) -> None:
    taint = {"key": "kubernetes.io/e2e-taint", "value": "testing", "effect": "NoSchedule"}
    choice = {"nodeSelector": {"label": "testing"}}
    with ground.labelled({FIRST: {"label": "testing"}}):
        with ground.tainted({FIRST: [taint]}):
            ground.create(pod("tolerating", tolerations=[taint], **choice))
            assert ground.node_of("tolerating") == FIRST
            ground.create(pod("plain", **choice))
            assert ground.refusal("plain") == (
                "0/3 nodes are available: 1 node(s) had untolerated taint(s), "
                "2 node(s) didn't match Pod's node affinity/selector. "
                + _NO_HELP.format("3 Preemption is not helpful for scheduling")
            )
            assert counts(ground) == (1, 1)
        assert ground.node_of("plain") == FIRST, "the taint went"


def port(number: int, address: str = "", protocol: str = "TCP") -> list[dict[str, Any]]:
    return [{"containerPort": 8080, "hostPort": number, "hostIP": address, "protocol": protocol}]


def test_host_ports_of_other_addresses_and_protocols_do_not_conflict(ground: Ground) -> None:
    address = ground.get("Node", FIRST)["status"]["addresses"][0]["address"]
    here = {"nodeSelector": {"kubernetes.io/hostname": FIRST}}
    for name, ports in {
        "pod1": port(54321, "127.0.0.1"),
        "pod2": port(54321, address),
        "pod3": port(54321, address, "UDP"),
        "pod4": port(54322),
    }.items():
        ground.create(pod(name, ports=ports, **here))
        assert ground.node_of(name) == FIRST
    for name, ports in {"pod5": port(54322, address), "pod6": port(54321), "pod7": port(54321, address)}.items():
        ground.create(pod(name, ports=ports, **here))
        assert ground.refusal(name).startswith(
            "0/3 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, "
            "2 node(s) didn't match Pod's node affinity/selector. " + _NO_HELP.format(_ONE_FULL)
        )
    ground.delete("Pod", "pod4")
    assert ground.node_of("pod5") == FIRST, "the port is free now"


def test_four_pods_of_a_replica_set_spread_evenly_over_two_nodes(ground: Ground) -> None:
    key = "kubernetes.io/e2e-pts-filter"
    with ground.labelled({node: {key: node} for node in (FIRST, SECOND)}):
        template = pod(
            "spread",
            labels={"e2e-pts-filter": ""},
            affinity=on_nodes(key, FIRST, SECOND),
            topologySpreadConstraints=[spread(key, "e2e-pts-filter")],
        )
        ground.create(replica_set(template, 4))
        ground.create(pod("probe"))
        ground.node_of("probe")

        def placed() -> list[str]:
            return sorted(each["spec"].get("nodeName", "") for each in ground.pods("e2e-pts-filter"))

        assert eventually(lambda: len(found := placed()) == 4 and all(found) and found) == [FIRST] * 2 + [SECOND] * 2


def test_gates_keep_a_pod_out_of_the_queue(ground: Ground) -> None:
    made = ground.create(pod("gated", schedulingGates=[{"name": "example.com/a"}, {"name": "example.com/b"}]))
    condition = made["status"]["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"], condition["message"]) == (
        "PodScheduled",
        "False",
        "SchedulingGated",
        "Scheduling is blocked due to non-empty scheduling gates",
    )
    ground.patch("Pod", "gated", {"spec": {"schedulingGates": [{"name": "example.com/b"}]}}, merge=True)
    ground.patch("Pod", "gated", {"spec": {"nodeSelector": {"kubernetes.io/hostname": THIRD}}})
    with pytest.raises(Refused, match="only deletion is allowed"):
        ground.patch("Pod", "gated", {"spec": {"schedulingGates": [{"name": "example.com/c"}]}}, merge=True)
    assert "nodeName" not in ground.get("Pod", "gated")["spec"]
    ground.patch("Pod", "gated", {"spec": {"schedulingGates": None}}, merge=True)
    assert ground.node_of("gated") == THIRD


def test_needed_features_must_be_declared_by_the_node(ground: Ground) -> None:
    needy = pod("needy")
    rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}
    needy["spec"]["containers"][0] |= {"restartPolicy": "Never", "restartPolicyRules": [rule]}
    ground.create(needy)
    assert ground.refusal("needy") == (
        "0/3 nodes are available: 3 node(s) didn't match Pod's required features. "
        + _NO_HELP.format("3 Preemption is not helpful for scheduling")
    )
    feature = {"status": {"declaredFeatures": ["RestartAllContainersOnContainerExits"]}}
    try:
        ground.patch("Node", THIRD, feature, subresource="status")
        assert ground.node_of("needy") == THIRD
    finally:
        ground.patch("Node", THIRD, {"status": {"declaredFeatures": None}}, subresource="status")
