"""Values against structural schemas, in kube-openapi's words."""

from typing import Any

import pytest

from minik.api.crd import list_types
from minik.api.crd.schema_validation import validate

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}


@pytest.mark.parametrize(
    ("schema", "value", "complaint"),
    [
        (TEXT, 1, 'a: Invalid value: "integer": a in body must be of type string: "integer"'),
        (TEXT, None, 'a: Invalid value: "null": a in body must be of type string: "null"'),
        ({**TEXT, "nullable": True}, None, ""),
        ({"type": "number"}, 3, ""),
        (NUMBER, 3.0, ""),
        (NUMBER, 3.5, 'a: Invalid value: "number": a in body must be of type integer: "number"'),
        ({"x-kubernetes-int-or-string": True}, "5%", ""),
        ({**TEXT, "minLength": 2}, "x", 'a: Invalid value: "x": a in body should be at least 2 chars long'),
        ({**TEXT, "maxLength": 2}, "xyz", "a: Too long: may not be more than 2 bytes"),
        ({**TEXT, "pattern": "^[a-z]+$"}, "A", "a: Invalid value: \"A\": a in body should match '^[a-z]+$'"),
        ({**TEXT, "pattern": "^[a-z]+$"}, "a\n", "a: Invalid value: \"a\\n\": a in body should match '^[a-z]+$'"),
        ({**TEXT, "enum": ["x", "y"]}, "z", 'a: Unsupported value: "z": supported values: "x", "y"'),
        ({**TEXT, "format": "ipv4"}, "1.2", 'a: Invalid value: "1.2": a in body must be of type ipv4: "1.2"'),
        ({**NUMBER, "minimum": 1}, 0, "a: Invalid value: 0: a in body should be greater than or equal to 1"),
        (
            {**NUMBER, "maximum": 5, "exclusiveMaximum": True},
            5,
            "a: Invalid value: 5: a in body should be less than 5",
        ),
        ({**NUMBER, "multipleOf": 3}, 4, "a: Invalid value: 4: a in body should be a multiple of 3"),
        (
            {**NUMBER, "format": "int32"},
            1 << 40,
            '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in a',
        ),
        (
            {"type": "array", "minItems": 1, "items": TEXT},
            [],
            "a: Invalid value: 0: a in body should have at least 1 items",
        ),
        ({"type": "array", "maxItems": 1, "items": TEXT}, ["x", "y"], "a: Too many: 2: must have at most 1 items"),
        ({"type": "object", "required": ["b"]}, {}, "a.b: Required value"),
        (
            {**NUMBER, "anyOf": [{"minimum": 10}, {"maximum": 2}]},
            5,
            '<nil>: Invalid value: "": "a" must validate at least one schema (anyOf), '
            "a: Invalid value: 5: a in body should be greater than or equal to 10",
        ),
        (
            {**NUMBER, "oneOf": [{"minimum": 5}, {"maximum": 7}]},
            6,
            '<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives',
        ),
        ({**TEXT, "not": {"enum": ["x"]}}, "x", '<nil>: Invalid value: "": "a" must not validate the schema (not)'),
    ],
)
def test_a_value_is_held_to_its_schema(schema: Any, value: Any, complaint: str) -> None:
    assert ", ".join(str(error) for error in validate(value, schema, path="a")) == complaint


def test_what_did_not_change_is_not_validated_again() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 5}, "b": NUMBER}}
    assert validate({"a": 1, "b": 2}, schema, old={"a": 1, "b": 1}) == []
    assert [e.field for e in validate({"a": 2, "b": 2}, schema, old={"a": 1, "b": 1})] == ["a"]


def test_items_of_a_map_list_are_matched_by_their_keys() -> None:
    item = {"type": "object", "properties": {"k": TEXT, "n": {"type": "integer", "minimum": 5}}}
    schema = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        "items": item,
    }
    assert validate([{"k": "b", "n": 9}, {"k": "a", "n": 1}], schema, path="l", old=[{"k": "a", "n": 1}]) == []


@pytest.mark.parametrize(
    ("kind", "value", "fields"),
    [
        ("set", ["x", "y"], []),
        ("set", ["x", "y", "x", "x"], ["l[2]"]),
        ("map", [{"k": "a", "v": 1}, {"k": "b"}], []),
        ("map", [{"k": "a", "v": 1}, {"k": "a", "v": 2}], ["l[1]"]),
        ("atomic", ["x", "x"], []),
    ],
)
def test_sets_and_maps_have_nothing_twice(kind: str, value: Any, fields: list[str]) -> None:
    schema = {"type": "array", "x-kubernetes-list-type": kind, "x-kubernetes-list-map-keys": ["k"]}
    assert [error.field for error in list_types.duplicates(value, schema, "l")] == fields
