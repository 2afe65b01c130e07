"""Custom resources: shapes, pruning and defaults from structural schemas."""

import json
from typing import Any

import pytest

from minik.api.schema import decode, structural
from minik.api.schema.types import GroupVersionKind, Shape
from minik.api.status import StatusError
from minik.api.types import Obj

KIND = GroupVersionKind("shop.example.com", "v1", "Widget")


def _shape(spec: Obj) -> Shape:
    return structural.shape({"type": "object", "properties": {"spec": spec}}, KIND)


def _decoded(spec_schema: Obj, spec: Any, **more: Any) -> tuple[Obj, list[str]]:
    body = {"apiVersion": "shop.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}
    validation = more.pop("field_validation", "Warn")
    raw = json.dumps(body | more).encode()
    return decode.decode_body(raw, "application/json", _shape(spec_schema), field_validation=validation)


PORTS = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["port", "protocol"],
    "items": {
        "type": "object",
        "properties": {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}},
    },
}


def test_shape_knows_keys_defaults_and_atomic_maps() -> None:
    spec = {
        "type": "object",
        "properties": {"ports": PORTS, "m": {"type": "object", "x-kubernetes-map-type": "atomic"}},
    }
    shape = _shape(spec).fields["spec"].shape
    assert shape is not None
    ports = shape.fields["ports"]
    assert (ports.list_type, ports.map_keys) == ("map", ("port", "protocol"))
    assert ports.item is not None
    assert ports.item.shape is not None
    assert ports.item.shape.fields["protocol"].default == "TCP"
    assert shape.fields["m"].map_type == "atomic"


def test_metadata_is_typed_as_for_built_in_kinds() -> None:
    assert _shape({}).fields["metadata"].shape is not None


def test_empty_values_are_kept() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "l": {"type": "array", "items": {}}}}
    obj, _ = _decoded(schema, {"a": "", "l": []})
    assert obj["spec"] == {"a": "", "l": []}


def test_unknown_fields_are_pruned_with_their_paths() -> None:
    schema = {
        "type": "object",
        "properties": {
            "free": {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": True,
                "properties": {"k": {"type": "object", "properties": {"x": {"type": "string"}}}},
            },
            "l": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
        },
    }
    given = {"free": {"any": 1, "k": {"x": "y", "z": 1}}, "b": 2, "l": [{"a": "1", "c": 2}]}
    obj, warnings = _decoded(schema, given)
    assert obj["spec"] == {"free": {"any": 1, "k": {"x": "y"}}, "l": [{"a": "1"}]}
    paths = ("spec.b", "spec.free.k.z", "spec.l[0].c")
    assert warnings == [f'unknown field "{path}"' for path in paths]


def test_unknown_fields_are_refused_when_strict() -> None:
    with pytest.raises(StatusError) as caught:
        _decoded({"type": "object"}, {"z": 1}, field_validation="Strict")
    expected = 'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.z"'
    assert caught.value.message == expected


def test_metadata_of_embedded_resources_is_pruned() -> None:
    schema = {
        "type": "object",
        "properties": {
            "t": {
                "type": "object",
                "x-kubernetes-embedded-resource": True,
                "x-kubernetes-preserve-unknown-fields": True,
            }
        },
    }
    given = {"t": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "odd": 1}, "spec": {"y": "z"}}}
    obj, warnings = _decoded(schema, given)
    assert obj["spec"]["t"]["metadata"] == {"name": "x"}
    assert obj["spec"]["t"]["spec"] == {"y": "z"}
    assert warnings == ['unknown field "spec.t.metadata.odd"']


def test_metadata_of_the_wrong_type() -> None:
    with pytest.raises(StatusError) as caught:
        _decoded({"type": "object"}, {}, metadata={"name": "w", "labels": {"a": 1}})
    expected = "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string"
    assert caught.value.message.endswith(expected)


def test_defaults_fill_what_is_absent_or_a_forbidden_null() -> None:
    schema = {
        "type": "object",
        "default": {},
        "properties": {
            "a": {"type": "string", "default": "dflt"},
            "o": {"type": "object", "default": {}, "properties": {"p": {"type": "boolean", "default": True}}},
            "n": {"type": "string", "nullable": True, "default": "x"},
            "dropped": {"type": "string"},
        },
    }
    obj, _ = _decoded(schema, {"a": None, "n": None, "dropped": None})
    assert obj["spec"] == {"a": "dflt", "o": {"p": True}, "n": None}


def test_repeated_keys_are_reported() -> None:
    raw = b'{"apiVersion":"shop.example.com/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"x":1,"x":2}}'
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}}
    obj, warnings = decode.decode_body(raw, "application/json", _shape(schema))
    assert obj["spec"] == {"x": 2}
    assert warnings == ['duplicate field "spec.x"']


def test_prune_of_a_patched_object_keeps_its_empty_values_and_its_argument() -> None:
    shape = _shape({"type": "object", "properties": {"a": {"type": "string"}}})
    given = {"metadata": {"name": "w"}, "spec": {"a": "", "b": 1}}
    assert decode.prune(given, shape) == {"metadata": {"name": "w"}, "spec": {"a": ""}}
    assert given["spec"] == {"a": "", "b": 1}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            b'{"apiVersion":"shop.example.com/v1"}',
            "the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in "
            '\'{"apiVersion":"shop.example.com/v1"}\' ({"apiVersion":"shop.example.co ...)',
        ),
        (
            b'{"kind":"Widget"}',
            "the API version in the data () does not match the expected API version (shop.example.com/v1)",
        ),
    ],
)
def test_objects_say_themselves_what_they_are(given: bytes, message: str) -> None:
    with pytest.raises(StatusError) as caught:
        decode.decode_body(given, "application/json", _shape({"type": "object"}))
    assert (caught.value.code, caught.value.message) == (400, message)
