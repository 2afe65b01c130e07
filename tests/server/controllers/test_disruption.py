from collections.abc import Callable
from typing import Any

import pytest
from fake_client import until

from minik.client.resources import DEPLOYMENTS, POD_DISRUPTION_BUDGETS, PODS, REPLICA_SETS
from minik.server.controllers.disruption import DisruptionController
from minik.server.controllers.disruption_plan import wanted

Obj = dict[str, Any]


@pytest.mark.parametrize(
    ("spec", "pods", "scale", "expected"),
    [
        ({"minAvailable": 2}, 5, 0, (5, 2)),
        ({"minAvailable": "50%"}, 5, 5, (5, 3)),
        ({"maxUnavailable": 1}, 3, 5, (5, 4)),
        ({"maxUnavailable": "30%"}, 3, 5, (5, 3)),
        ({"maxUnavailable": "100%"}, 3, 5, (5, 0)),
        ({}, 3, 0, (0, 0)),
    ],
)
def test_wanted_pods(spec: Obj, pods: int, scale: int, expected: tuple[int, int]) -> None:
    assert wanted(spec, pods, scale) == expected


def budget(**spec: object) -> Obj:
    metadata = {"name": "pdb", "namespace": "ns", "generation": 1}
    return {"metadata": metadata, "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec}}


def reference(kind: str, name: str) -> Obj:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}


def counts(cluster: Any) -> tuple[int, ...]:
    status = cluster.client.find(POD_DISRUPTION_BUDGETS, "pdb", "ns").get("status") or {}
    fields = ("expectedPods", "desiredHealthy", "currentHealthy", "disruptionsAllowed")
    return tuple(status.get(field, -1) for field in fields)


async def test_counts_against_the_deployment_behind_the_replica_set(cluster: Any, make_pod: Callable[..., Obj]) -> None:
    client = cluster.client
    meta: Obj = {"namespace": "ns", "name": "d", "uid": "uid-d"}
    client.add(DEPLOYMENTS, {"metadata": meta, "spec": {"replicas": 3}})
    meta = {"namespace": "ns", "name": "rs", "uid": "uid-rs", "ownerReferences": [reference("Deployment", "d")]}
    client.add(REPLICA_SETS, {"metadata": meta, "spec": {"replicas": 2}})
    for name in "abc":
        client.add(PODS, make_pod(name, owner=reference("ReplicaSet", "rs")))
    client.add(POD_DISRUPTION_BUDGETS, budget(maxUnavailable=1))
    cluster.start(DisruptionController)
    await until(lambda: counts(cluster) == (3, 2, 3, 1))
    client.remove(PODS, "a", "ns")
    await until(lambda: counts(cluster) == (3, 2, 2, 0))
    (condition,) = client.find(POD_DISRUPTION_BUDGETS, "pdb", "ns")["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "InsufficientPods")


async def test_an_evicted_pod_counts_again_after_two_minutes(cluster: Any, make_pod: Callable[..., Obj]) -> None:
    client = cluster.client
    client.add(PODS, make_pod("a"))
    client.add(POD_DISRUPTION_BUDGETS, {**budget(minAvailable=0), "status": {"disruptedPods": {"a": now(cluster)}}})
    cluster.start(DisruptionController)
    await until(lambda: counts(cluster) == (1, 0, 0, 0))
    cluster.clock.advance(121)
    await until(lambda: counts(cluster) == (1, 0, 1, 1))
    await until(lambda: "NotDeleted" in cluster.reasons())
    assert "disruptedPods" not in client.find(POD_DISRUPTION_BUDGETS, "pdb", "ns")["status"]


async def test_nothing_may_go_when_the_owner_is_unknown(cluster: Any, make_pod: Callable[..., Obj]) -> None:
    cluster.client.add(PODS, make_pod("a", owner=reference("ReplicaSet", "gone")))
    cluster.client.add(POD_DISRUPTION_BUDGETS, budget(maxUnavailable=1))
    cluster.start(DisruptionController)
    await until(lambda: "CalculateExpectedPodCountFailed" in cluster.reasons())
    await until(lambda: counts(cluster)[3] == 0)
    (condition,) = cluster.client.find(POD_DISRUPTION_BUDGETS, "pdb", "ns")["status"]["conditions"]
    assert condition["reason"] == "SyncFailed"
    assert condition["message"] == 'found no controllers for pod "a"'


async def test_a_pod_that_was_spared_is_no_target_any_more(cluster: Any, make_pod: Callable[..., Obj]) -> None:
    target = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": now(cluster)}
    cluster.client.add(PODS, make_pod("a", conditions=[target]))
    controller = cluster.start(DisruptionController)
    await until(lambda: controller.reconciled)
    cluster.clock.advance(121)
    await until(
        lambda: [c["status"] for c in cluster.client.find(PODS, "a", "ns")["status"]["conditions"]] == ["False"]
    )


def now(cluster: Any) -> str:
    return str(cluster.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
