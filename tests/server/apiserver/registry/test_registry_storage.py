"""Where objects are kept, under which leases, and which writes need not wait for the disk."""

from pathlib import Path
from typing import Any

import pytest

from minik.api.groups import load
from minik.server.apiserver.registry.keys import collection_prefix, object_key
from minik.server.apiserver.registry.storage import EVENT_TTL, Storage
from minik.store.open import open_store

SCHEME = load()


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "key"),
    [
        (("", "v1", "pods"), "ns", "p", "/registry/pods/ns/p"),
        (("", "v1", "nodes"), "", "n", "/registry/minions/n"),
        (("", "v1", "services"), "ns", "s", "/registry/services/specs/ns/s"),
        (("", "v1", "endpoints"), "ns", "s", "/registry/services/endpoints/ns/s"),
        (("apps", "v1", "deployments"), "ns", "d", "/registry/deployments/ns/d"),
        (("networking.k8s.io", "v1", "ingresses"), "ns", "i", "/registry/ingress/ns/i"),
        (("events.k8s.io", "v1", "events"), "ns", "e", "/registry/events/ns/e"),
        (("autoscaling", "v1", "horizontalpodautoscalers"), "ns", "h", "/registry/horizontalpodautoscalers/ns/h"),
    ],
)
def test_keys_are_upstreams(resource: tuple[str, str, str], namespace: str, name: str, key: str) -> None:
    found = SCHEME.get(*resource)
    assert found is not None
    assert object_key(found, namespace, name) == key.encode()
    assert key.encode().startswith(collection_prefix(found, namespace))


async def test_events_live_for_an_hour(api: Any) -> None:
    event = {"involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "R", "type": "Normal"}
    for name in ("a", "b"):
        status, answer = await api("POST", "/api/v1/namespaces/default/events", {"metadata": {"name": name}, **event})
        assert status == 201, answer
    store = api.server.registry.storage.store
    leases = {store.get(f"/registry/events/default/{name}".encode()).lease for name in ("a", "b")}
    assert len(leases) == 1, "Events of the same minute share a lease"
    assert EVENT_TTL <= store.lease_status(leases.pop()).granted_ttl <= EVENT_TTL + 60


@pytest.mark.parametrize(("ttl", "least"), [(60, 60), (0, None)])
async def test_events_live_as_long_as_is_set(tmp_path: Path, ttl: int, least: int | None) -> None:
    events = SCHEME.get("", "v1", "events")
    assert events is not None
    async with open_store(tmp_path) as store:
        kv = await Storage(store, event_ttl=ttl).insert(events, b"/registry/events/ns/e", b"{}")
        assert kv is not None
        if least is None:
            assert not kv.lease
        else:
            assert least <= store.lease_status(kv.lease).granted_ttl <= least + 60


async def test_renewals_of_node_leases_do_not_wait_for_the_disk(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store = api.server.registry.storage.store
    soft: list[bool] = []
    txn = store.txn

    async def watched(request: Any, **options: Any) -> Any:
        soft.append(options.get("soft", False))
        return await txn(request, **options)

    monkeypatch.setattr(store, "txn", watched)
    for namespace in ("kube-node-lease", "other"):
        path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        lease = {"metadata": {"name": "n"}, "spec": {"holderIdentity": "n", "renewTime": "2026-01-02T03:04:05.000000Z"}}
        assert (await api("POST", path, lease))[0] == 201
        assert (await api.patch(f"{path}/n", {"spec": {"renewTime": "2026-01-02T03:04:15.000000Z"}}))[0] == 200
    assert soft == [False, True, False, False]
