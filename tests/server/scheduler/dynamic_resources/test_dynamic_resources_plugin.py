import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "client"))

from fake_client import FakeClient, FakeClock, until

from minik.api.status import StatusError
from minik.client.informer import Informers
from minik.client.resources import DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES
from minik.server.scheduler.framework import CycleState, Diagnosis, Enabled, Profile, Snapshot
from minik.server.scheduler.handle import Handle
from minik.server.scheduler.node_info import NodeInfo, PodInfo, pod_info
from minik.server.scheduler.plugins.dynamic_resources import DynamicResources

Obj = dict[str, Any]
ARGUMENTS = {"filterTimeout": "10s", "bindingTimeout": "10m0s"}


@pytest.fixture
async def client() -> FakeClient:
    found = FakeClient()
    found.add(DEVICE_CLASSES, {"metadata": {"name": "gpu"}, "spec": {}})
    for node in ("n1", "n2"):
        pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
        spec = {"driver": "d", "nodeName": node, "pool": pool, "devices": [{"name": "a"}]}
        found.add(RESOURCE_SLICES, {"metadata": {"name": f"of-{node}"}, "spec": spec})
    return found


@pytest.fixture
async def plugin(client: FakeClient) -> AsyncIterator[DynamicResources]:
    informers = Informers(client)
    found = DynamicResources(ARGUMENTS, Handle(client, informers, FakeClock()))
    task = asyncio.create_task(informers.run(asyncio.Event()))
    await informers.wait_synced()
    yield found
    task.cancel()


def claim(name: str, status: Obj | None = None) -> Obj:
    request = {"name": "r", "exactly": {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1}}
    found: Obj = {"metadata": {"name": name, "namespace": "ns"}, "spec": {"devices": {"requests": [request]}}}
    return {**found, "status": status} if status else found


def allocated(node: str, *consumers: str) -> Obj:
    selector = {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]}
    results = [{"request": "r", "driver": "d", "pool": node, "device": "a"}]
    reserved = [{"resource": "pods", "name": name, "uid": name} for name in consumers]
    return {"allocation": {"devices": {"results": results}, "nodeSelector": selector}, "reservedFor": reserved}


def pod(name: str, *claims: str) -> PodInfo:
    references = [{"name": each, "resourceClaimName": each} for each in claims]
    metadata = {"name": name, "namespace": "ns", "uid": name}
    return pod_info({"metadata": metadata, "spec": {"containers": [{"name": "c"}], "resourceClaims": references}})


def nodes(*names: str) -> Snapshot:
    found = {}
    for name in names:
        found[name] = NodeInfo(name)
        found[name].set_node({"metadata": {"name": name, "labels": {}}, "spec": {}, "status": {}})
    return Snapshot(found)


def feasible(plugin: DynamicResources, subject: PodInfo, state: CycleState | None = None) -> tuple[list[str], str]:
    profile = Profile("t", (Enabled(plugin),))
    fitting, diagnosis = profile.feasible({} if state is None else state, subject, nodes("n1", "n2"))
    return [node.name for node in fitting], diagnosis.message(2)


async def test_nothing_is_loaded_for_pods_without_claims(plugin: DynamicResources) -> None:
    state: CycleState = {}
    assert feasible(plugin, pod("p"), state)[0] == ["n1", "n2"]
    assert plugin.name not in state
    assert plugin._loaded is None


async def test_what_was_decided_counts_before_it_is_written(plugin: DynamicResources, client: FakeClient) -> None:
    for name in ("one", "two"):
        client.add(RESOURCE_CLAIMS, claim(name))
    first: CycleState = {}
    await until(lambda: feasible(plugin, pod("p", "one"), first)[0] == ["n1", "n2"])
    await until(lambda: feasible(plugin, pod("q", "two"))[0] == ["n1", "n2"])
    await plugin.reserve(first, pod("p", "one"), "n1")
    assert feasible(plugin, pod("q", "two"))[0] == ["n2"]
    assert feasible(plugin, pod("r", "one"))[0] == []  # decided for, but nobody may use it before it is written
    await plugin.unreserve(first, pod("p", "one"), "n1")
    assert feasible(plugin, pod("q", "two"))[0] == ["n1", "n2"]


async def test_binding_writes_the_allocation_and_the_reservation(plugin: DynamicResources, client: FakeClient) -> None:
    client.add(RESOURCE_CLAIMS, claim("one"))
    state: CycleState = {}
    await until(lambda: feasible(plugin, pod("p", "one"), state)[0] == ["n1", "n2"])
    await plugin.reserve(state, pod("p", "one"), "n2")
    await plugin.pre_bind(state, pod("p", "one"), "n2")
    written = client.find(RESOURCE_CLAIMS, "one", "ns") or {}
    assert written["metadata"]["finalizers"] == ["resource.kubernetes.io/delete-protection"]
    assert written["status"]["allocation"]["devices"]["results"][0]["pool"] == "n2"
    assert [consumer["name"] for consumer in written["status"]["reservedFor"]] == ["p"]
    assert feasible(plugin, pod("q", "one"))[0] == ["n2"]  # may be shared, where it is
    await plugin.unreserve(state, pod("p", "one"), "n2")
    assert "reservedFor" not in (client.find(RESOURCE_CLAIMS, "one", "ns") or {})["status"]


async def test_a_claim_that_somebody_else_allocated_meanwhile_fails_the_binding(
    plugin: DynamicResources, client: FakeClient
) -> None:
    client.add(RESOURCE_CLAIMS, claim("one"))
    state: CycleState = {}
    await until(lambda: feasible(plugin, pod("p", "one"), state)[0] == ["n1", "n2"])
    client.change(RESOURCE_CLAIMS, "one", "ns", {"status": allocated("n2", "q")})
    with pytest.raises(StatusError, match="claim one was changed meanwhile"):
        await plugin.pre_bind(state, pod("p", "one"), "n1")


async def test_an_idle_claim_that_is_in_the_way_is_freed(plugin: DynamicResources, client: FakeClient) -> None:
    client.add(RESOURCE_CLAIMS, claim("one", allocated("n1")))
    client.add(RESOURCE_CLAIMS, claim("held", allocated("n2", "q")))
    message = "0/2 nodes are available: 2 resourceclaim not available on the node."
    await until(lambda: feasible(plugin, pod("p", "one", "held")) == ([], message))
    state: CycleState = {}
    feasible(plugin, pod("p", "one", "held"), state)
    found = await plugin.post_filter(Profile("t", ()), state, pod("p"), nodes(), Diagnosis({}))
    assert (found.message, found.is_helped) == ("deallocation of ResourceClaim completed", True)
    assert "allocation" not in (client.find(RESOURCE_CLAIMS, "one", "ns") or {})["status"]
    await until(lambda: feasible(plugin, pod("p", "one", "held"))[1].count("cannot allocate") == 1)
    assert "allocation" in (client.find(RESOURCE_CLAIMS, "held", "ns") or {})["status"]


async def test_claims_that_cannot_be_used_are_named(plugin: DynamicResources, client: FakeClient) -> None:
    assert feasible(plugin, pod("p", "none"))[1] == '0/2 nodes are available: resourceclaim "none" not found.'
    wrong = claim("wrong")
    wrong["spec"]["devices"]["requests"][0]["exactly"]["deviceClassName"] = "nope"
    client.add(RESOURCE_CLAIMS, wrong)
    await until(lambda: "request r: device class nope does not exist" in feasible(plugin, pod("p", "wrong"))[1])
