"""Ownership in custom resources, whose types are somebody's and may change."""

from typing import Any

import pytest

from minik.api.patch.apply import apply
from minik.api.schema.types import Field, GroupVersionKind, Shape
from minik.api.status import StatusError

NOW = "2026-01-02T03:04:05Z"
TEXT = Field("", "string")


def widget(*fields: Field, preserve_unknown: bool = False) -> Shape:
    spec = Shape("com.example.v1.WidgetSpec", {field.name: field for field in fields}, None, None, preserve_unknown)
    declared = (
        Field("apiVersion", "string"),
        Field("kind", "string"),
        Field("metadata", "object", type_name="io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"),
        Field("spec", "object", _shape=spec),
    )
    kind = GroupVersionKind("example.com", "v1", "Widget")
    return Shape("com.example.v1.Widget", {field.name: field for field in declared}, kind)


def applied(live: dict[str, Any] | None, spec: Any, shape: Shape, manager: str = "m") -> dict[str, Any]:
    configuration = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}
    return apply(live, configuration, shape=shape, manager=manager, api_version="example.com/v1", now=NOW)


def owned(obj: dict[str, Any]) -> Any:
    return [entry["fieldsV1"]["f:spec"] for entry in obj["metadata"]["managedFields"]]


def test_lists_without_a_type_are_atomic() -> None:
    shape = widget(Field("plain", "list", item=TEXT))
    live = applied(None, {"plain": ["a"]}, shape, "one")
    with pytest.raises(StatusError, match=r'conflict with "one": \.spec\.plain$'):
        applied(live, {"plain": ["b"]}, shape, "two")


def test_sets_are_shared_by_value() -> None:
    shape = widget(Field("set", "list", item=TEXT, list_type="set"))
    live = applied(applied(None, {"set": ["a", "b"]}, shape, "one"), {"set": ["b", "c"]}, shape, "two")
    assert live["spec"]["set"] == ["a", "b", "c"]
    assert owned(live) == [{"f:set": {'v:"a"': {}, 'v:"b"': {}}}, {"f:set": {'v:"b"': {}, 'v:"c"': {}}}]
    assert applied(live, {"set": []}, shape, "one")["spec"]["set"] == ["b", "c"]


def test_free_json_merges_objects_and_replaces_lists() -> None:
    shape = widget(preserve_unknown=True)
    live = applied(None, {"l": ["a"], "m": {"x": {"y": 1}}}, shape, "one")
    assert owned(live) == [{"f:l": {}, "f:m": {".": {}, "f:x": {".": {}, "f:y": {}}}}]
    with pytest.raises(StatusError, match=r"\.spec\.l$"):
        applied(live, {"l": ["b"]}, shape, "two")
    assert applied(live, {"m": {"z": 2}}, shape, "two")["spec"] == {"l": ["a"], "m": {"x": {"y": 1}, "z": 2}}


def test_what_became_atomic_is_owned_whole() -> None:
    labels = Field("labels", "map", item=TEXT)
    live = applied(None, {"labels": {"a": "1"}}, widget(labels), "one")
    assert owned(live) == [{"f:labels": {"f:a": {}}}]
    atomic = widget(Field("labels", "map", item=TEXT, map_type="atomic"), Field("other", "string"))
    live = applied(live, {"other": "x"}, atomic, "two")
    assert owned(live) == [{"f:labels": {}}, {"f:other": {}}]
    with pytest.raises(StatusError, match=r'conflict with "one": \.spec\.labels$'):
        applied(live, {"labels": {"b": "1"}}, atomic, "two")
