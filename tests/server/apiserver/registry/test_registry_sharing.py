"""What decoded objects share: equal sets of managed fields, and never what differs."""

from typing import Any

import orjson
import pytest

from minik.server.apiserver.registry.sharing import share


def _pod(name: str, ip: str) -> Any:
    fields = {
        "f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:name": {}},
        "f:status": {"f:podIPs": {f'k:{{"ip":"{ip}"}}': {".": {}, "f:ip": {}}}, "f:phase": {}},
        "f:type": {},
    }
    return {"metadata": {"name": name, "managedFields": [{"manager": "m", "fieldsV1": fields}]}}


def _sets(obj: Any) -> Any:
    return obj["metadata"]["managedFields"][0]["fieldsV1"]


def test_equal_sets_are_one_and_others_stay_apart() -> None:
    one, two = _pod("a", "10.0.0.1"), _pod("b", "10.0.0.2")
    before = orjson.dumps([one, two])
    share(one)
    share(two)
    assert orjson.dumps([one, two]) == before
    assert _sets(one)["f:metadata"]["f:labels"] is _sets(two)["f:metadata"]["f:labels"]
    assert _sets(one)["f:type"] is _sets(two)["f:metadata"]["f:name"], "there is but one empty set"
    assert _sets(one)["f:status"]["f:podIPs"] != _sets(two)["f:status"]["f:podIPs"]


def test_objects_without_managed_fields_stay_as_they_are() -> None:
    for metadata in ({}, {"managedFields": None}, {"managedFields": [{"manager": "m"}]}):
        obj = {"metadata": metadata}
        before = orjson.dumps(obj)
        share(obj)
        assert orjson.dumps(obj) == before


async def test_readers_of_two_objects_get_shared_sets_and_writers_their_own(api: Any) -> None:
    for name in ("a", "b"):
        await api.config_map(name, metadata={"labels": {"app": "web"}})
    registry = api.server.registry
    resource = registry.scheme.get("", "v1", "configmaps")
    layout = registry.layout(resource)
    kvs = [registry.storage.get(resource, "default", name) for name in ("a", "b")]
    one, two = (_sets(layout.decode(kv))["f:metadata"]["f:labels"] for kv in kvs)
    assert one is two
    assert _sets(layout.fresh(kvs[0]))["f:metadata"]["f:labels"] is not one


async def test_events_are_not_kept_decoded(api: Any) -> None:
    event = {"involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"}, "reason": "R", "type": "Normal"}
    path = "/api/v1/namespaces/default/events"
    assert (await api("POST", path, {"metadata": {"name": "a"}, **event}))[0] == 201
    status, found = await api("GET", f"{path}?fieldSelector=involvedObject.name%3Dp")
    assert (status, [item["metadata"]["name"] for item in found["items"]]) == (200, ["a"])
    kv = api.server.registry.storage.store.get(b"/registry/events/default/a")
    assert kv.memo is None or not kv.memo.objects


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("involvedObject.name=p", ["a", "c"]),
        ("involvedObject.name=p,reason=R", ["a"]),
        ("involvedObject.name!=p", ["b"]),
        ("source=kubelet", ["b"]),
        ("reason=", ["b"]),
        ("reason=of%20%22course%22", ["c"]),
        ("reason=p", []),
        ("metadata.name=b", ["b"]),
    ],
)
@pytest.mark.parametrize("limit", ["", "&limit=2"])
async def test_events_are_found_by_their_fields(api: Any, selector: str, names: list[str], limit: str) -> None:
    path = "/api/v1/namespaces/default/events"
    for name, about, reason in (("a", "p", "R"), ("b", "q", ""), ("c", "p", 'of "course"')):
        event = {"involvedObject": {"kind": "Pod", "name": about, "namespace": "default"}, "reason": reason}
        source = {"component": "kubelet"} if name == "b" else {}
        assert (await api("POST", path, {"metadata": {"name": name}, "source": source, **event}))[0] == 201
    status, found = await api("GET", f"{path}?fieldSelector={selector}{limit}")
    assert (status, [item["metadata"]["name"] for item in found["items"]]) == (200, names)
