import pytest
from fake_client import until

from minik.api.types import GVR
from minik.client.resources import CONFIG_MAPS, DEPLOYMENTS, NODES, PODS, REPLICA_SETS
from minik.server.controllers import garbage_collector
from minik.server.controllers.garbage_collector import CUSTOM_RESOURCES, GarbageCollector

THINGS = GVR("example.com", "v1", "things")


@pytest.fixture
def gc(cluster):
    cluster.serve(PODS, "Pod")
    cluster.serve(REPLICA_SETS, "ReplicaSet")
    cluster.serve(DEPLOYMENTS, "Deployment")
    cluster.serve(CONFIG_MAPS, "ConfigMap")
    cluster.serve(NODES, "Node", namespaced=False)
    return cluster


def owned(name: str, *owners: tuple[str, str], block: bool = False, namespace: str = "ns", **metadata) -> dict:
    references = [
        {
            "apiVersion": "v1" if kind == "Node" else "apps/v1",
            "kind": kind,
            "name": owner,
            "uid": f"uid-{owner}",
            "blockOwnerDeletion": block,
        }
        for kind, owner in owners
    ]
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "ownerReferences": references}
        | metadata
    }


def chain(cluster) -> None:
    cluster.client.add(DEPLOYMENTS, owned("d"))
    cluster.client.add(REPLICA_SETS, owned("rs", ("Deployment", "d"), block=True))
    cluster.client.add(PODS, owned("p", ("ReplicaSet", "rs"), block=True))


async def settled(cluster) -> GarbageCollector:
    """Every object has been seen and looked at."""
    collector = cluster.start(GarbageCollector)
    await until(
        lambda: (
            collector.reconciled
            or len(collector._graph) >= sum(len(cluster.client.all(r.gvr)) for r in cluster.resources)
        )
    )
    await until(lambda: not len(collector.queue))
    return collector


async def test_dependents_follow_their_owner_in_the_background(gc):
    chain(gc)
    await settled(gc)
    assert not gc.client.calls
    await gc.client.delete(DEPLOYMENTS, "d", "ns", propagation_policy="Background")
    await until(lambda: not gc.client.all(REPLICA_SETS) and not gc.client.all(PODS))


async def test_foreground_owner_waits_for_its_dependents(gc):
    chain(gc)
    await settled(gc)
    await gc.client.delete(DEPLOYMENTS, "d", "ns", propagation_policy="Foreground")
    await until(lambda: not gc.client.all(DEPLOYMENTS))
    assert not gc.client.all(PODS)
    deleted = [call for call in gc.client.calls if call[0] == "delete"]
    assert deleted[-1][1] == "pods"


async def test_orphaned_dependents_stay_without_owner(gc):
    chain(gc)
    await settled(gc)
    await gc.client.delete(DEPLOYMENTS, "d", "ns", propagation_policy="Orphan")
    await until(lambda: not gc.client.all(DEPLOYMENTS))
    assert not gc.client.find(REPLICA_SETS, "rs", "ns")["metadata"].get("ownerReferences")
    assert gc.client.find(PODS, "p", "ns")["metadata"]["ownerReferences"]


async def test_object_whose_owner_was_gone_before_is_deleted(gc):
    gc.client.add(CONFIG_MAPS, owned("c", ("Deployment", "never-was")))
    gc.start(GarbageCollector)
    await until(lambda: not gc.client.all(CONFIG_MAPS))


async def test_object_with_another_owner_stays_and_loses_the_reference(gc):
    gc.client.add(DEPLOYMENTS, owned("a"))
    gc.client.add(DEPLOYMENTS, owned("b"))
    gc.client.add(CONFIG_MAPS, owned("c", ("Deployment", "a"), ("Deployment", "b")))
    await settled(gc)
    await gc.client.delete(DEPLOYMENTS, "a", "ns")
    await until(lambda: len(gc.client.find(CONFIG_MAPS, "c", "ns")["metadata"]["ownerReferences"]) == 1)


async def test_owner_of_the_same_name_but_another_uid_is_no_owner(gc):
    gc.client.add(DEPLOYMENTS, owned("d") | {"metadata": {"name": "d", "namespace": "ns", "uid": "newer"}})
    gc.client.add(CONFIG_MAPS, owned("c", ("Deployment", "d")))
    gc.start(GarbageCollector)
    await until(lambda: not gc.client.all(CONFIG_MAPS))


async def test_cluster_scoped_owner_keeps_a_namespaced_object(gc):
    gc.client.add(NODES, {"metadata": {"name": "n", "uid": "uid-n"}})
    gc.client.add(CONFIG_MAPS, owned("c", ("Node", "n")))
    await settled(gc)
    assert gc.client.all(CONFIG_MAPS)
    gc.client.remove(NODES, "n")
    await until(lambda: not gc.client.all(CONFIG_MAPS))


async def test_owner_in_another_namespace_is_reported_and_no_owner(gc):
    gc.client.add(DEPLOYMENTS, owned("d", namespace="elsewhere"))
    gc.client.add(CONFIG_MAPS, owned("c", ("Deployment", "d")))
    gc.start(GarbageCollector)
    await until(lambda: not gc.client.all(CONFIG_MAPS))
    await until(lambda: "OwnerRefInvalidNamespace" in gc.reasons())


async def test_nothing_is_concluded_about_owners_of_unknown_kind(gc):
    reference = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": "w"}
    gc.client.add(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "ns", "ownerReferences": [reference]}})
    await settled(gc)
    assert gc.client.all(CONFIG_MAPS)


async def test_cycle_of_owners_does_not_block_foreground_deletion(gc):
    for name, owner in (("a", "c"), ("b", "a"), ("c", "b")):
        gc.client.add(REPLICA_SETS, owned(name, ("ReplicaSet", owner), block=True))
    await settled(gc)
    await gc.client.delete(REPLICA_SETS, "a", "ns", propagation_policy="Foreground")
    await until(lambda: not gc.client.all(REPLICA_SETS))


@pytest.mark.parametrize("defined_again", [False, True])
async def test_what_a_custom_resource_owned_goes_with_its_definition(gc, monkeypatch, defined_again):
    """Even if nobody saw the owner go: the watch ends with the definition. `defined_again`: owners may be there."""
    monkeypatch.setattr(garbage_collector, "RESYNC_DELAY", 0.0)
    spec = {"group": "example.com", "names": {"kind": "Thing"}, "versions": [{"name": "v1"}]}
    definition = {"metadata": {"name": "things.example.com", "uid": "uid-crd"}, "spec": spec}
    gc.serve(CUSTOM_RESOURCES, "CustomResourceDefinition", namespaced=False)
    gc.serve(THINGS, "Thing")
    gc.client.add(CUSTOM_RESOURCES, definition)
    gc.client.add(THINGS, owned("t"))
    reference = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": "uid-t"}
    gc.client.add(CONFIG_MAPS, owned("c", ownerReferences=[reference]))
    collector = await settled(gc)
    gc.client._objects[THINGS].clear()
    gc.resources.pop()
    gc.client.remove(CUSTOM_RESOURCES, "things.example.com")
    if defined_again:
        gc.client.add(CUSTOM_RESOURCES, {**definition, "metadata": {**definition["metadata"], "uid": "uid-new"}})
        await until(lambda: not collector._discovery.kinds.get(("example.com/v1", "Thing")))
        gc.client.add(CONFIG_MAPS, owned("d", ownerReferences=[{**reference, "uid": "uid-other"}]))
        gc.client.add(CONFIG_MAPS, owned("gone", ("ReplicaSet", "never")))
        await until(lambda: not gc.client.find(CONFIG_MAPS, "gone", "ns"))
        assert gc.client.find(CONFIG_MAPS, "d", "ns")
    else:
        await until(lambda: not gc.client.all(CONFIG_MAPS))
