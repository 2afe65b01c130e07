from fake_client import until

from minik.api.status import forbidden
from minik.client.resources import PODS, REPLICA_SETS
from minik.server.controllers.replica_set import ReplicaSetController


def replica_set(replicas: int = 2) -> dict:
    return {
        "metadata": {"name": "rs", "namespace": "ns", "generation": 1, "uid": "rs-uid"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        },
    }


def writes(cluster, verb: str, resource: str) -> int:
    return sum(call[:2] == (verb, resource) for call in cluster.client.calls)


async def test_creates_missing_pods_with_owner_and_event(cluster):
    cluster.client.add(REPLICA_SETS, replica_set())
    cluster.start(ReplicaSetController)
    await until(lambda: len(cluster.client.all(PODS)) == 2)
    created = cluster.client.all(PODS)[0]
    assert created["metadata"]["ownerReferences"][0]["uid"] == "rs-uid"
    await until(lambda: cluster.reasons() == ["SuccessfulCreate"] * 2)
    await until(lambda: cluster.client.find(REPLICA_SETS, "rs", "ns").get("status", {}).get("replicas") == 2)
    assert writes(cluster, "create", "pods") == 2


async def test_deletes_surplus_pods(cluster):
    cluster.client.add(REPLICA_SETS, replica_set())
    cluster.start(ReplicaSetController)
    await until(lambda: len(cluster.client.all(PODS)) == 2)
    cluster.client.change(REPLICA_SETS, "rs", "ns", {"spec": {"replicas": 1}})
    await until(lambda: len(cluster.client.all(PODS)) == 1)
    assert writes(cluster, "delete", "pods") == 1


async def test_adopts_matching_orphan_instead_of_creating(cluster, make_pod):
    cluster.client.add(PODS, make_pod("orphan"))
    cluster.client.add(REPLICA_SETS, replica_set(1))
    cluster.start(ReplicaSetController)
    await until(lambda: cluster.client.find(PODS, "orphan", "ns")["metadata"].get("ownerReferences"))
    assert writes(cluster, "create", "pods") == 0


async def test_releases_pod_that_no_longer_matches_and_replaces_it(cluster):
    cluster.client.add(REPLICA_SETS, replica_set(1))
    cluster.start(ReplicaSetController)
    await until(lambda: cluster.client.all(PODS))
    name = cluster.client.all(PODS)[0]["metadata"]["name"]
    cluster.client.change(PODS, name, "ns", {"metadata": {"labels": {"app": "other"}}})
    await until(lambda: not cluster.client.find(PODS, name, "ns")["metadata"].get("ownerReferences"))
    await until(lambda: len(cluster.client.all(PODS)) == 2)


async def test_refused_pods_show_in_the_condition(cluster):
    def refuse(verb, resource, name):
        return forbidden("", "pods", "", "exceeded quota") if (verb, resource) == ("create", PODS) else None

    cluster.client.fail = refuse
    cluster.client.add(REPLICA_SETS, replica_set())
    cluster.start(ReplicaSetController)
    await until(lambda: cluster.client.find(REPLICA_SETS, "rs", "ns").get("status", {}).get("conditions"))
    condition = cluster.client.find(REPLICA_SETS, "rs", "ns")["status"]["conditions"][0]
    assert (condition["type"], condition["reason"]) == ("ReplicaFailure", "FailedCreate")
    assert "FailedCreate" in cluster.reasons()
    cluster.client.fail = lambda verb, resource, name: None
    for _ in range(20):
        cluster.clock.advance(1)
    await until(lambda: len(cluster.client.all(PODS)) == 2)
