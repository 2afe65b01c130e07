"""Malformed JSON is described in Go's words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.api.schema import syntax


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ("x", "invalid character 'x' looking for beginning of value"),
        ("\x08", r"invalid character '\b' looking for beginning of value"),
        ("\x01'", r"invalid character '\x01' looking for beginning of value"),
        ("'", r"invalid character '\'' looking for beginning of value"),
        ("{a", "invalid character 'a' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b"', "invalid character '\"' after object key:value pair"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("1 2", "invalid character '2' after top-level value"),
        ("nul1", "invalid character '1' in literal null (expecting 'l')"),
        ("-a", "invalid character 'a' in numeric literal"),
        ("1.a", "invalid character 'a' after decimal point in numeric literal"),
        ("1ea", "invalid character 'a' in exponent of numeric literal"),
        ('"\n"', "invalid character '\\n' in string literal"),
        ('"\\x"', "invalid character 'x' in string escape code"),
        ('"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape"),
    ],
)
def test_problem(text: str, problem: str) -> None:
    assert syntax.problem(text.encode()) == problem


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(_json, st.sampled_from([None, 2]))
def test_well_formed_json_has_no_problem(value: object, indent: int | None) -> None:
    assert syntax.problem(json.dumps(value, indent=indent).encode()) == ""


@given(_json)
def test_cut_off_objects_end_unexpectedly(value: object) -> None:
    text = json.dumps([value])
    assert syntax.problem(text[:-1].encode()) == "unexpected end of JSON input"
