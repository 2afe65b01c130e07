"""Which node a Pod may go to, and what it is told when none will do."""

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest

from minik.api.types import Obj
from minik.client.informer import Informers
from minik.server.scheduler.framework import Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info
from minik.server.scheduler.plugins.default_preemption import DefaultPreemption
from minik.server.scheduler.profiles import default_profile

PROFILE = default_profile(Mock(), Informers(Mock()))
PREEMPTION = next(each.plugin for each in PROFILE.at("post_filter") if isinstance(each.plugin, DefaultPreemption))


def node(name: str = "n1", *pods: PodInfo, cpu: str = "2", **spec: Any) -> NodeInfo:
    labels = spec.pop("labels", {})
    allocatable = {"cpu": cpu, "memory": "4Gi", "pods": "10"}
    info = NodeInfo(name)
    info.set_node({"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"allocatable": allocatable}})
    for pod in pods:
        info.add(pod)
    return info


def pod(name: str = "p", cpu: str = "", **spec: Any) -> PodInfo:
    container: Obj = {"name": "c", "image": "x"}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu}}
    container["ports"] = spec.pop("ports", [])
    meta = {"name": name, "namespace": "default", "uid": name}
    return pod_info({"metadata": meta, "spec": {"containers": [container], **spec}})


def message(subject: PodInfo, *nodes: NodeInfo) -> str:
    """The FailedScheduling text, or the names of the nodes that fit."""
    snapshot = Snapshot({n.name: n for n in nodes})
    state: dict[str, Any] = {}
    fitting, diagnosis = PROFILE.feasible(state, subject, snapshot)
    if fitting:
        return " ".join(n.name for n in fitting)
    preemption = asyncio.run(PREEMPTION.post_filter(PROFILE, state, subject, snapshot, diagnosis))
    return diagnosis.message(len(nodes), f" {preemption.message}")


NOT_HELPFUL = " preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
NO_VICTIMS = " preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
TAINT = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("subject", "target", "expected"),
    [
        (pod(), node(), "n1"),
        (pod(cpu="3"), node(), f"0/1 nodes are available: 1 Insufficient cpu.{NOT_HELPFUL}"),
        (pod(cpu="1500m"), node("n1", pod("q", "1")), f"0/1 nodes are available: 1 Insufficient cpu.{NO_VICTIMS}"),
        (pod(), node(unschedulable=True), f"0/1 nodes are available: 1 node(s) were unschedulable.{NOT_HELPFUL}"),
        (
            pod(tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]),
            node(unschedulable=True),
            "n1",
        ),
        (
            pod(),
            node(taints=[TAINT]),
            f"0/1 nodes are available: 1 node(s) had untolerated taint(s).{NOT_HELPFUL}",
        ),
        (pod(tolerations=[{"key": "dedicated", "value": "db"}]), node(taints=[TAINT]), "n1"),
        (pod(), node(taints=[TAINT | {"effect": "PreferNoSchedule"}]), "n1"),
        (
            pod(nodeSelector={"disk": "ssd"}),
            node(labels={"disk": "hdd"}),
            f"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.{NOT_HELPFUL}",
        ),
        (pod(nodeSelector={"disk": "ssd"}), node(labels={"disk": "ssd"}), "n1"),
        (
            pod(ports=[{"containerPort": 80, "hostPort": 80}]),
            node("n1", pod("q", ports=[{"containerPort": 8, "hostPort": 80}])),
            f"0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.{NO_VICTIMS}",
        ),
        (
            pod(ports=[{"containerPort": 80, "hostPort": 80, "protocol": "UDP"}]),
            node("n1", pod("q", ports=[{"containerPort": 8, "hostPort": 80}])),
            "n1",
        ),
        (
            pod(cpu="3", preemptionPolicy="Never"),
            node(),
            "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
        ),
    ],
)
def test_filters_say_what_upstream_says(subject: PodInfo, target: NodeInfo, expected: str) -> None:
    assert message(subject, target) == expected


def test_reasons_are_counted_and_sorted_over_nodes() -> None:
    nodes = [node("a", taints=[TAINT]), node("b", cpu="1"), node("c", cpu="1")]
    assert message(pod(cpu="2"), *nodes).startswith(
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu."
    )


def test_the_least_loaded_node_scores_best() -> None:
    nodes = [node("busy", pod("q", "1500m")), node("free")]
    snapshot = Snapshot({n.name: n for n in nodes})
    scores = PROFILE.score({}, pod(cpu="100m"), nodes, snapshot)
    assert scores["free"] > scores["busy"]


def test_preemption_removes_the_fewest_and_least_important_pods() -> None:
    low, middle, tiny = pod("low", "1", priority=1), pod("middle", "1", priority=5), pod("tiny", "0", priority=0)
    target = node("n1", low, middle, tiny)
    subject = pod("high", "1", priority=10)
    snapshot = Snapshot({"n1": target})
    state: dict[str, Any] = {}
    _, diagnosis = PROFILE.feasible(state, subject, snapshot)
    found = asyncio.run(PREEMPTION.post_filter(PROFILE, state, subject, snapshot, diagnosis))
    assert (found.node, [v.name for v in found.victims]) == ("n1", ["low"])
    assert set(target.pods) == {"low", "middle", "tiny"}  # asked what if, changed nothing


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [{"resources": {"requests": {"cpu": "1"}}}] * 2}, 2000),
        (
            {
                "containers": [{"resources": {"requests": {"cpu": "1"}}}],
                "initContainers": [{"resources": {"requests": {"cpu": "3"}}}],
            },
            3000,
        ),
        (
            {
                "containers": [{"resources": {"requests": {"cpu": "1"}}}],
                "initContainers": [
                    {"restartPolicy": "Always", "resources": {"requests": {"cpu": "500m"}}},
                    {"resources": {"requests": {"cpu": "2"}}},
                ],
            },
            2500,
        ),
        ({"containers": [{}], "overhead": {"cpu": "250m"}}, 250),
        ({"containers": [{"resources": {"requests": {"cpu": "1"}}}], "resources": {"requests": {"cpu": "4"}}}, 4000),
    ],
)
def test_requests_follow_the_rules_for_init_sidecar_and_pod_level_resources(spec: Obj, cpu: int) -> None:
    meta = {"name": "p", "namespace": "default", "uid": "p"}
    assert pod_info({"metadata": meta, "spec": spec}).requests["cpu"] == cpu
