"""Who has to go: one row a rule."""

from typing import Any

import pytest

from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info
from minik.server.scheduler.preemption import Victims, cheapest, sample_size, select_victims, violating

Obj = dict[str, Any]


def pod(name: str, priority: int = 0, *, cpu: int = 1, app: str = "", started: str = "") -> PodInfo:
    metadata: Obj = {"name": name, "namespace": "ns", "uid": name, "labels": {"app": app} if app else {}}
    container = {"name": "c", "resources": {"requests": {"cpu": str(cpu)}}}
    status = {"startTime": f"2026-01-01T00:00:{started}Z"} if started else {}
    return pod_info({"metadata": metadata, "spec": {"containers": [container], "priority": priority}, "status": status})


def node(*pods: PodInfo, cpu: int = 4) -> NodeInfo:
    found = NodeInfo("n")
    allocatable = {"cpu": str(cpu), "pods": "10"}
    found.set_node({"metadata": {"name": "n"}, "spec": {}, "status": {"allocatable": allocatable}})
    for one in pods:
        found.add(one)
    return found


def budget(app: str, allowed: int, *, disrupted: str = "") -> Obj:
    status: Obj = {"disruptionsAllowed": allowed}
    if disrupted:
        status["disruptedPods"] = {disrupted: "2026-01-01T00:00:00Z"}
    selector = {"matchLabels": {"app": app}} if app else {}
    return {"metadata": {"name": app, "namespace": "ns"}, "spec": {"selector": selector}, "status": status}


def names(victims: Victims | None) -> list[str] | None:
    return victims and sorted(victim.name for victim in victims.pods)


@pytest.mark.parametrize(
    ("pods", "wanted", "budgets", "expected", "violations"),
    [
        ([pod("a", 9), pod("b", 9)], 4, [], None, 0),  # nobody of lower priority
        ([pod("a", 9, cpu=2), pod("b")], 4, [], None, 0),  # not enough even so
        ([pod("a"), pod("b", 1, cpu=3)], 1, [], ["a"], 0),  # the important one stays
        ([pod("a", started="01"), pod("b", started="02", cpu=3)], 1, [], ["b"], 0),  # who started first stays
        ([pod("a", 1, app="x", cpu=3), pod("b")], 1, [budget("x", 1)], ["b"], 0),
        ([pod("a", app="x", cpu=2), pod("b", 1, cpu=2)], 2, [budget("x", 0)], ["b"], 0),  # the protected one stays
        ([pod("a", app="x", cpu=2), pod("b", app="x", cpu=2)], 4, [budget("x", 1)], ["a", "b"], 1),
    ],
)
def test_victims(pods: list[PodInfo], wanted: int, budgets: list[Obj], expected: list[str], violations: int) -> None:
    def fits(left: NodeInfo) -> bool:
        return left.requested.get("cpu", 0) + wanted * 1000 <= 4000

    found = select_victims(pod("new", 5), node(*pods), fits, budgets)
    assert names(found) == expected
    assert found is None or found.violations == violations


@pytest.mark.parametrize(
    ("budgets", "expected"),
    [
        ([budget("x", 1)], {"b"}),
        ([budget("x", 2)], set()),
        ([budget("x", 0)], {"a", "b"}),
        ([budget("x", 1, disrupted="a")], set()),  # its eviction is under way and counted
        ([budget("x", 2), budget("x", 0)], {"a", "b"}),
        ([budget("", 3)], {"d"}),  # selects all of its namespace
        ([{**budget("x", 0), "spec": {}}], set()),  # selects nothing
        ([{**budget("x", 0), "metadata": {"name": "x", "namespace": "other"}}], set()),
    ],
)
def test_budgets_that_would_be_exceeded(budgets: list[Obj], expected: set[str]) -> None:
    assert violating([pod("a", app="x"), pod("b", app="x"), pod("c", app="y"), pod("d")], budgets) == expected


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ({"n1": Victims((pod("a"),), 1), "n2": Victims((pod("b", 9),), 0)}, "n2"),  # fewest violations
        ({"n1": Victims((pod("a", 3),)), "n2": Victims((pod("b", 2), pod("c", 2)))}, "n2"),  # lowest highest priority
        ({"n1": Victims((pod("a", 3), pod("c", 2))), "n2": Victims((pod("b", 3), pod("d", 1)))}, "n2"),  # lowest sum
        ({"n1": Victims((pod("a", 3), pod("c", 0))), "n2": Victims((pod("b", 3),))}, "n2"),  # fewest
        ({"n1": Victims((pod("a", started="01"),)), "n2": Victims((pod("b", started="02"),))}, "n2"),  # latest start
        ({"n1": Victims((pod("a"),)), "n2": Victims((pod("b"),))}, "n1"),
    ],
)
def test_the_node_where_it_costs_least(candidates: dict[str, Victims], expected: str) -> None:
    assert cheapest(candidates) == expected


@pytest.mark.parametrize(
    ("nodes", "size"),
    [(5, 5), (200, 100), (5000, 500)],
)
def test_candidates_are_sampled_in_large_clusters(nodes: int, size: int) -> None:
    assert sample_size(nodes, percentage=10, absolute=100) == size
