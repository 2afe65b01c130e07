import copy
from typing import Any

import pytest

from minik.api.patch import managed_fields
from minik.api.schema import types
from minik.api.schema.types import Shape

NOW, LATER = "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"
CONFIG_MAP = types.get("io.k8s.api.core.v1.ConfigMap")
POD = types.get("io.k8s.api.core.v1.Pod")

Obj = dict[str, Any]


def config_map(data: Any = None, **metadata: Any) -> Obj:
    obj: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "uid": "u", **metadata}}
    return obj if data is None else {**obj, "data": data}


def update(live: Obj | None, new: Obj, manager: str = "m", *, now: str = NOW, **options: Any) -> Obj:
    options = {"shape": CONFIG_MAP, "api_version": "v1", **options}
    before = copy.deepcopy((live, new))
    result = managed_fields.update(live, new, manager=manager, now=now, **options)
    assert before == (live, new), "arguments stay as they are"
    return result


def entries(obj: Obj) -> list[Obj]:
    found: list[Obj] = obj["metadata"].get("managedFields", [])
    return found


def owned(obj: Obj) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in entries(obj)}


def resent(live: Obj, **changes: Any) -> Obj:
    return {**copy.deepcopy(live), **changes}


def test_a_creator_owns_what_it_sets_but_not_what_the_server_does() -> None:
    created = update(None, config_map({"a": "1"}, labels={"l": "1"}, generateName="c", resourceVersion="5"))
    assert entries(created) == [
        {
            "manager": "m",
            "operation": "Update",
            "apiVersion": "v1",
            "time": NOW,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:data": {".": {}, "f:a": {}},
                "f:metadata": {"f:generateName": {}, "f:labels": {".": {}, "f:l": {}}},
            },
        }
    ]
    assert list(entries(created)[0]["fieldsV1"]) == ["f:data", "f:metadata"]


def test_what_go_always_writes_is_not_owned() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": [{"name": "c", "resources": {}}]}}
    created = update(None, {**pod, "status": {}}, shape=POD)
    items = {'k:{"name":"c"}': {".": {}, "f:name": {}, "f:resources": {}}}
    assert owned(created) == {"m": {"f:spec": {"f:containers": items}}}


def test_an_empty_object_has_no_managers() -> None:
    assert "managedFields" not in update(None, config_map())["metadata"]


def test_a_change_moves_ownership_and_time() -> None:
    live = update(None, config_map({"a": "1", "b": "2"}), "one")
    live = update(live, resent(live, data={"a": "x", "b": "2", "c": "3"}), "two", now=LATER)
    assert owned(live) == {"one": {"f:data": {".": {}, "f:b": {}}}, "two": {"f:data": {"f:a": {}, "f:c": {}}}}
    assert [entry["time"] for entry in entries(live)] == [NOW, LATER]


def test_removed_fields_belong_to_nobody() -> None:
    live = update(None, config_map({"a": "1", "b": "2"}))
    live = update(live, resent(live, data={"a": "1"}), "other", now=LATER)
    assert owned(live) == {"m": {"f:data": {".": {}, "f:a": {}}}}
    assert entries(live)[0]["time"] == NOW


def test_nothing_changes_when_nothing_changes() -> None:
    live = update(None, config_map({"a": "1"}))
    assert update(live, resent(live), "other", now=LATER) == live


def test_entries_are_kept_apart_by_subresource_and_version() -> None:
    live = update(None, config_map({"a": "1"}))
    live = update(live, resent(live, data={"a": "2"}), subresource="status", now=LATER)
    live = update(live, resent(live, data={"a": "2", "b": "1"}), api_version="v2", now=LATER)
    found = [(entry["apiVersion"], entry.get("subresource")) for entry in entries(live)]
    assert found == [("v1", None), ("v1", "status"), ("v2", None)]


def test_reset_fields_are_nobodys() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"hostname": "h"}, "status": {"phase": "Running"}}
    assert owned(update(None, pod, shape=POD, reset_fields=frozenset({("status",)}))) == {
        "m": {"f:spec": {"f:hostname": {}}}
    }


class TestWhatClientsSend:
    live = update(None, config_map({"a": "1"}))

    def sent(self, managed: Any, **options: Any) -> Obj:
        new = resent(self.live)
        new["metadata"]["managedFields"] = managed
        return update(self.live, new, "other", now=LATER, **options)

    @pytest.mark.parametrize(
        "managed",
        [
            None,
            [{"operation": "Odd", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}],
            [{"operation": "Update", "fieldsType": "FieldsV1"}],
            [{"operation": "Update", "apiVersion": "v1"}],
            [{"operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV2"}],
            [{"operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"x": {}}}],
            ["x"],
        ],
    )
    def test_nothing_or_nonsense_leaves_them_alone(self, managed: Any) -> None:
        assert self.sent(managed) == self.live

    @pytest.mark.parametrize("managed", [[], [{}]])
    def test_an_empty_list_or_entry_clears_them_for_good(self, managed: Any) -> None:
        cleared = self.sent(managed)
        assert "managedFields" not in cleared["metadata"]
        assert "managedFields" not in update(cleared, resent(cleared, data={"a": "2"}))["metadata"]

    def test_valid_ones_replace_them(self) -> None:
        entry = {
            "manager": "x",
            "operation": "Apply",
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {".": {}}},
        }
        assert entries(self.sent([entry])) == [{**entry, "fieldsV1": {"f:data": {}}}]

    def test_a_subresource_cannot_replace_them(self) -> None:
        assert self.sent([{}], subresource="status") == self.live


def test_more_than_ten_updaters_are_folded() -> None:
    live = update(None, config_map({"k00": "x"}), "m00", now="2026-01-01T00:00:00Z")
    for number in range(1, 13):
        data = {**live["data"], f"k{number:02}": "x"}
        live = update(live, resent(live, data=data), f"m{number:02}", now=f"2026-01-01T00:00:{number:02}Z")
    names = [entry["manager"] for entry in entries(live)]
    assert names == ["ancient-changes", *(f"m{number:02}" for number in range(4, 13))]
    folded = entries(live)[0]
    assert folded["time"] == "2026-01-01T00:00:03Z"
    assert folded["fieldsV1"] == {"f:data": {".": {}, "f:k00": {}, "f:k01": {}, "f:k02": {}, "f:k03": {}}}


def test_managers_of_another_version_are_compared_in_that_version() -> None:
    def in_version(obj: Obj, version: str) -> tuple[Obj, Shape] | None:
        if version == "gone/v1":
            return None
        renamed = {"old-" + key: value for key, value in obj.get("data", {}).items()}
        return {**obj, "data": renamed}, CONFIG_MAP

    def entry(manager: str, version: str) -> Obj:
        fields = {"f:data": {"f:old-a": {}, "f:old-b": {}}}
        return {
            "manager": manager,
            "operation": "Update",
            "apiVersion": version,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        }

    live = config_map({"a": "1", "b": "2"}, managedFields=[entry("old", "v0"), entry("gone", "gone/v1")])
    found = owned(update(live, resent(live, data={"a": "x", "b": "2"}), convert=in_version))
    assert found == {"old": {"f:data": {"f:old-b": {}}}, "m": {"f:data": {"f:a": {}}}}


class TestKeepTimes:
    def test_a_time_alone_is_no_change(self) -> None:
        old = update(None, config_map({"a": "1"}))
        new = copy.deepcopy(old)
        new["metadata"]["managedFields"][0]["time"] = LATER
        managed_fields.keep_times(old, new)
        assert new == old

    def test_times_move_with_everything_else(self) -> None:
        old = update(None, config_map({"a": "1"}))
        new = update(old, resent(old, data={"a": "2"}), now=LATER)
        managed_fields.keep_times(old, new)
        assert entries(new)[0]["time"] == LATER
