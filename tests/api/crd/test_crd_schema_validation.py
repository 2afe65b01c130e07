"""Values against structural schemas, in kube-openapi's words."""

from typing import Any

import pytest

from minik.api.crd import list_types
from minik.api.crd.correlation import Correlated
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
        (NUMBER, 1 << 63, 'a: Invalid value: "number": a in body must be of type integer: "number"'),
        (
            {"type": "number", "maximum": 1000000},
            2500000.5,
            "a: Invalid value: 2.5000005e+06: a in body should be less than or equal to 1e+06",
        ),
        (
            {"type": "number", "maximum": 1000000},
            2500000,
            "a: Invalid value: 2500000: a in body should be less than or equal to 1000000",
        ),
        ({"type": "number", "multipleOf": 3}, 4.5, "a: Invalid value: 4.5: a in body should be a multiple of 3"),
        (
            {"enum": [{"b": 1, "a": 2}]},
            {"d": [1.0], "c": 3},
            'a: Unsupported value: {"c":3,"d":[1]}: supported values: "{\\"a\\":2,\\"b\\":1}"',
        ),
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
        ({**NUMBER, "minimum": 0.5}, 0, ""),  # limits of whole numbers are cut
        (
            {"type": "number", "minimum": 0.5},
            0.25,
            "a: Invalid value: 0.25: a in body should be greater than or equal to 0.5",
        ),
        (
            {"type": "number", "maximum": 1e20},
            1e22,
            "a: Invalid value: 1e+22: a in body should be less than or equal to 1e+20",
        ),
        ({"type": "number", "multipleOf": 0.5}, 1.5, ""),
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
        (
            {**NUMBER, "allOf": [{"minimum": 10}, {"minimum": 20}], "minimum": 10},
            5,
            "a: Invalid value: 5: a in body should be greater than or equal to 10, "
            "a: Invalid value: 5: a in body should be greater than or equal to 20, "
            '<nil>: Invalid value: "": "a" must validate all the schemas (allOf). None validated',
        ),
        (
            {"type": "object", "additionalProperties": False},
            {"b": 1},
            'a: Invalid value: "b": a.b in body is a forbidden property',
        ),
        (
            {"type": "object", "minProperties": 1, "required": ["b"]},
            {},
            "a: Invalid value: 0: a in body should have at least 1 properties, a.b: Required value",
        ),
        ({**TEXT, "enum": ["x"], "nullable": True}, None, 'a: Unsupported value: null: supported values: "x"'),
        ({**TEXT, "format": "uri"}, 5, 'a: Invalid value: "int64": a in body must be of type uri: "int64"'),
        ({**TEXT, "format": "uri"}, True, 'a: Invalid value: "": a in body must be of type uri: ""'),
        ({**TEXT, "format": "uri"}, ["x"], ""),  # kube-openapi leaves it to the format, which is for strings
        ({**TEXT, "format": "odd"}, 5, 'a: Invalid value: "integer": a in body must be of type string: "integer"'),
        ({**NUMBER, "format": "int64"}, True, 'a: Invalid value: "": a in body must be of type int64: ""'),
        (
            {**TEXT, "maxLength": 2, "format": "ipv4"},
            "abc",
            'a: Too long: may not be more than 2 bytes, a: Invalid value: "abc": a in body must be of type ipv4: "abc"',
        ),
        ({**TEXT, "not": {"enum": ["x"]}}, "x", '<nil>: Invalid value: "": "a" must not validate the schema (not)'),
    ],
)
def test_a_value_is_held_to_its_schema(schema: Any, value: Any, complaint: str) -> None:
    assert ", ".join(str(error) for error in validate(value, schema, path="a")) == complaint


def _changed(new: Any, old: Any, schema: Any) -> list[str]:
    return [error.field for error in validate(new, schema, before=Correlated(new, old, schema))]


KEYED = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["k"],
    "items": {"type": "object", "properties": {"k": TEXT, "n": {"type": "integer", "minimum": 5}}},
}
FREE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "required": ["a"]}


@pytest.mark.parametrize(
    ("schema", "new", "old", "refused"),
    [
        ({"type": "integer", "minimum": 5}, 1, 1, False),
        ({"type": "integer", "minimum": 5}, 1, 2, True),
        ({"type": "array", "items": {"type": "integer", "minimum": 5}}, [1], [1], False),
        ({"type": "array", "items": {"type": "integer", "minimum": 5}}, [1], [1, 2], True),  # has no old item
        (KEYED, [{"k": "b", "n": 9}, {"k": "a", "n": 1}], [{"k": "a", "n": 1}], False),
        (KEYED, [{"k": "a", "n": 2}], [{"k": "a", "n": 1}], True),
        (FREE, {}, {}, False),
        (FREE, {"b": 1}, {"b": 1}, True),  # what the schema does not know counts as changed
        ({"allOf": [{"properties": {"a": {"minimum": 5}}}]}, {"a": 1}, {"a": 1}, True),
    ],
)
def test_what_did_not_change_is_not_refused(schema: Any, new: Any, old: Any, refused: bool) -> None:
    whole = {"type": "object", "properties": {"p": schema, "other": NUMBER}}
    assert bool(_changed({"p": new, "other": 2}, {"p": old, "other": 1}, whole)) is refused


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
