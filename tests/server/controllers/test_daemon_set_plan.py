from datetime import UTC, datetime

import pytest

from minik.client.resources import DAEMON_SETS
from minik.server.controllers.claims import Owner
from minik.server.controllers.daemon_set_plan import (
    build_pod,
    by_node,
    fits,
    new_status,
    plan,
    plan_update,
    target_node,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HASH = "controller-revision-hash"


def daemon_set(strategy: dict | None = None, **pod_spec) -> dict:
    spec = {"containers": [{"name": "c", "image": "i"}], **pod_spec}
    return {
        "metadata": {"name": "ds", "namespace": "ns", "uid": "ds", "generation": 2},
        "spec": {
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec},
            "updateStrategy": strategy or {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
        },
    }


def node(name: str, *taints: tuple[str, str], **labels: str) -> dict:
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [{"key": key, "effect": effect} for key, effect in taints]},
    }


@pytest.fixture
def running(make_pod):
    def make(node: str, revision: str = "new", **kwargs) -> dict:
        pod = make_pod(f"{node}-{revision}", **kwargs)
        pod["spec"]["nodeName"] = node
        pod["metadata"]["labels"][HASH] = revision
        return pod

    return make


@pytest.mark.parametrize(
    ("pod_spec", "obj", "expected"),
    [
        ({}, node("n"), (True, True)),
        ({}, node("n", ("x", "NoSchedule")), (False, True)),
        ({}, node("n", ("x", "NoExecute")), (False, False)),
        ({}, node("n", ("node.kubernetes.io/unreachable", "NoExecute")), (True, True)),
        ({}, node("n", ("node.kubernetes.io/unschedulable", "NoSchedule")), (True, True)),
        ({"nodeSelector": {"disk": "ssd"}}, node("n"), (False, False)),
        ({"nodeSelector": {"disk": "ssd"}}, node("n", disk="ssd"), (True, True)),
        ({"nodeName": "other"}, node("n"), (False, False)),
        ({"tolerations": [{"operator": "Exists"}]}, node("n", ("x", "NoExecute")), (True, True)),
        ({}, node("n", ("node.kubernetes.io/network-unavailable", "NoSchedule")), (False, True)),
        ({"hostNetwork": True}, node("n", ("node.kubernetes.io/network-unavailable", "NoSchedule")), (True, True)),
    ],
)
def test_which_nodes_run_a_daemon(pod_spec, obj, expected):
    assert fits(daemon_set(**pod_spec), obj) == expected


def test_pod_is_bound_to_its_node_by_affinity():
    pod = build_pod(Owner(DAEMON_SETS, "DaemonSet", daemon_set()), "n1", "abc")
    assert target_node(pod) == "n1"
    assert pod["metadata"]["labels"][HASH] == "abc"
    assert "nodeName" not in pod["spec"]


def test_starts_where_missing_and_stops_where_unwanted(running):
    nodes = [node("a"), node("b"), node("c", ("x", "NoExecute"))]
    stays, goes = running("a"), running("c")
    todo = plan(daemon_set(), nodes, by_node([stays, goes]), "new", NOW)
    assert todo.create == ["b"]
    assert todo.delete == [goes]


def test_second_pod_of_a_node_goes(running):
    first, second = running("a"), running("a")
    second["metadata"] |= {"name": "later", "creationTimestamp": "2026-01-02T03:00:00Z"}
    assert plan(daemon_set(), [node("a")], by_node([first, second]), "new", NOW).delete == [second]


def test_failed_pod_is_deleted_and_not_yet_replaced(running):
    failed = running("a", phase="Failed")
    todo = plan(daemon_set(), [node("a")], by_node([failed]), "new", NOW)
    assert (todo.delete, todo.ended, todo.create) == ([failed], [failed], [])


def test_rolling_update_respects_max_unavailable(running):
    nodes = [node(name) for name in "abc"]
    pods = [running(name, "old") for name in "abc"]
    assert len(plan_update(daemon_set(), nodes, by_node(pods), "new", NOW).delete) == 1
    two = daemon_set({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "67%"}})
    assert len(plan_update(two, nodes, by_node(pods), "new", NOW).delete) == 3


def test_rolling_update_replaces_unavailable_pods_without_waiting(running):
    nodes = [node(name) for name in "abc"]
    pods = [running("a", "old"), running("b", "old", ready=False), running("c", "old")]
    assert [p["metadata"]["name"] for p in plan_update(daemon_set(), nodes, by_node(pods), "new", NOW).delete] == [
        "b-old"
    ]


def test_surge_starts_the_new_pod_first(running):
    surging = daemon_set({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    nodes = [node(name) for name in "ab"]
    old = [running(name, "old") for name in "ab"]
    todo = plan_update(surging, nodes, by_node(old), "new", NOW)
    assert (todo.create, todo.delete) == (["a"], [])
    both = [*old, running("a", "new")]
    assert [p["metadata"]["name"] for p in plan(surging, nodes, by_node(both), "new", NOW).delete] == ["a-old"]


def test_a_pod_that_was_deleted_is_no_second_one_on_its_node(running):
    surging = daemon_set({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    going = running("a", "new")
    going["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:00Z"
    assert plan_update(surging, [node("a")], by_node([running("a", "old"), going]), "new", NOW).create == ["a"]


@pytest.mark.parametrize(
    ("strategy", "others", "goes"),
    [
        ({"maxUnavailable": 1}, [("b", "new")], True),
        ({"maxUnavailable": 1}, [], False),  # b has none yet
        ({"maxUnavailable": 0, "maxSurge": 1}, [("b", "new")], True),
        ({"maxUnavailable": 0, "maxSurge": 1}, [], False),  # nobody else serves
    ],
)
def test_an_old_pod_goes_where_none_would_be_started(running, strategy, others, goes):
    tainted = [node("a", ("x", "NoSchedule")), node("b")]
    old, kind = running("a", "old"), {"type": "RollingUpdate", "rollingUpdate": strategy}
    pods = by_node([old, *(running(*other) for other in others)])
    todo = plan_update(daemon_set(kind), tainted, pods, "new", NOW)
    assert (todo.create, todo.delete) == ([], [old] if goes else [])


def test_an_old_pod_that_failed_is_replaced_by_the_update(running):
    failed = running("a", "old", ready=False, phase="Failed")
    assert plan_update(daemon_set(), [node("a")], by_node([failed]), "new", NOW).delete == [failed]


def test_a_pod_that_ended_and_is_kept_by_a_finalizer_is_replaced(running):
    ended = running("a", phase="Succeeded")
    ended["metadata"] |= {"deletionTimestamp": "2026-01-02T03:04:00Z", "finalizers": ["example.com/hold"]}
    assert plan(daemon_set(), [node("a")], by_node([ended]), "new", NOW).create == ["a"]


def test_on_delete_replaces_nothing(running):
    waiting = daemon_set({"type": "OnDelete"})
    assert plan_update(waiting, [node("a")], by_node([running("a", "old")]), "new", NOW).delete == []


def test_status(running):
    nodes = [node("a"), node("b"), node("c", ("x", "NoSchedule"))]
    pods = by_node([running("a"), running("b", "old", ready=False), running("c")])
    assert new_status(daemon_set(), nodes, pods, "new", NOW) == {
        "currentNumberScheduled": 2,
        "numberMisscheduled": 1,
        "desiredNumberScheduled": 2,
        "numberReady": 1,
        "observedGeneration": 2,
        "updatedNumberScheduled": 1,
        "numberAvailable": 1,
        "numberUnavailable": 1,
    }
