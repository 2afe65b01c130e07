"""How plugins score and what they overlook, by their arguments."""

from typing import Any

import pytest

from minik.server.scheduler.configuration.plugin_arguments import with_defaults
from minik.server.scheduler.framework import CycleState, Snapshot
from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info
from minik.server.scheduler.plugins.node_affinity import NodeAffinity
from minik.server.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from minik.server.scheduler.plugins.node_resources_fit import NodeResourcesFit

Obj = dict[str, Any]
SHAPE = {"shape": [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]}


def plugin(**arguments: Any) -> NodeResourcesFit:
    return NodeResourcesFit(with_defaults("NodeResourcesFit", arguments))


def pod(**requests: str) -> PodInfo:
    named = {key.replace("_", "/"): value for key, value in requests.items()}
    container = {"name": "c", "resources": {"requests": named}}
    metadata = {"name": "p", "namespace": "ns", "uid": "p"}
    return pod_info({"metadata": metadata, "spec": {"containers": [container]}})


def node(**allocatable: str) -> NodeInfo:
    found = NodeInfo("n")
    named = {key.replace("_", "/"): value for key, value in allocatable.items()} | {"pods": "10"}
    found.set_node({"metadata": {"name": "n"}, "spec": {}, "status": {"allocatable": named}})
    return found


def strategy(kind: str, *resources: Obj, **more: Any) -> Obj:
    return {"scoringStrategy": {"type": kind, "resources": [*resources], **more}}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, 70),  # (75 + 65) / 2, rounded down
        (strategy("LeastAllocated", {"name": "cpu"}), 75),
        (strategy("MostAllocated", {"name": "cpu"}), 25),
        (strategy("MostAllocated", {"name": "cpu"}, {"name": "memory", "weight": 3}), 32),
        (strategy("RequestedToCapacityRatio", {"name": "cpu"}, requestedToCapacityRatio=SHAPE), 25),
        (strategy("MostAllocated", {"name": "x/gpu"}), 50),
        (strategy("MostAllocated", {"name": "x/nic"}), 0),  # the Pod does not ask for it
        (strategy("MostAllocated", {"name": "x/none"}), 0),  # the node has none
    ],
)
def test_strategies(arguments: Obj, expected: int) -> None:
    subject = pod(cpu="1", memory="35", x_gpu="1")
    assert plugin(**arguments).score({}, subject, node(cpu="4", memory="100", x_gpu="2", x_nic="1")) == expected


@pytest.mark.parametrize(
    ("utilization", "expected"),
    [(0, 0), (10, 0), (20, 10), (50, 100), (60, 100), (90, 50), (100, 50), (150, 50)],
)
def test_a_shape_is_drawn_with_straight_lines(utilization: int, expected: int) -> None:
    points = [(20, 1), (50, 10), (70, 10), (90, 5)]
    shape = [{"utilization": 10, "score": 0}, *({"utilization": u, "score": s} for u, s in points)]
    subject = plugin(**strategy("RequestedToCapacityRatio", {"name": "cpu"}, requestedToCapacityRatio={"shape": shape}))
    assert subject.score({}, pod(cpu=f"{utilization * 10}m"), node(cpu="1")) == expected


@pytest.mark.parametrize(
    ("arguments", "fits"),
    [
        ({}, False),
        ({"ignoredResources": ["x/gpu"]}, True),
        ({"ignoredResourceGroups": ["x"]}, True),
        ({"ignoredResources": ["x/other"]}, False),
    ],
)
def test_extended_resources_may_be_overlooked(arguments: Obj, fits: bool) -> None:
    assert (plugin(**arguments).filter({}, pod(x_gpu="1"), node(cpu="1")) is None) is fits


@pytest.mark.parametrize(
    ("resources", "subject", "expected"),
    [
        ([], pod(cpu="2", memory="50"), 100),
        ([], pod(cpu="4"), 50),
        ([{"name": "cpu"}, {"name": "x/gpu"}], pod(cpu="4", x_gpu="1"), 75),
        ([{"name": "cpu"}, {"name": "x/gpu"}], pod(cpu="4"), 100),  # the Pod does not ask for the other
    ],
)
def test_balance(resources: list[Obj], subject: PodInfo, expected: int) -> None:
    found = NodeResourcesBalancedAllocation(with_defaults("NodeResourcesBalancedAllocation", {"resources": resources}))
    assert found.score({}, subject, node(cpu="4", memory="100", x_gpu="2")) == expected


def test_a_profile_may_add_affinity_for_all_its_pods() -> None:
    named = {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}]}
    other = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "x", "operator": "Exists"}]}]}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    preferred = {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 7, "preference": named["nodeSelectorTerms"][0]}]
    }
    assert NodeAffinity({"addedAffinity": {required: named}}).filter({}, pod(), node()) is None
    refusal = NodeAffinity({"addedAffinity": {required: other}}).filter({}, pod(), node())
    assert refusal is not None
    assert refusal.reasons == ("node(s) didn't match scheduler-enforced node affinity",)
    state: CycleState = {}
    plugin = NodeAffinity({"addedAffinity": preferred})
    plugin.pre_score(state, pod(), [node()], Snapshot({}))
    assert plugin.score(state, pod(), node()) == 7
