"""Macros with two variables over lists and maps."""

from typing import Any

import pytest
from cel_expr_python import cel

from minik.api.cel import engine, two_variables

VALUES: dict[str, Any] = {"l": [3, 1, 2], "m": {"a": 1, "b": 2}, "n": {"x": {"y": [1, 2]}}}
TYPES = engine.Types(
    {"l": cel.Type.List(cel.Type.INT), "m": cel.Type.Map(cel.Type.STRING, cel.Type.INT), "n": cel.Type.DYN}
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("l.all(i, v, v > i - 5)", True),
        ("l.exists(i, v, i == 0 && v == 3)", True),
        ("l.existsOne(i, v, v > 1)", False),
        ("m.exists_one(k, v, k == 'a' && v == 1)", True),
        ("l.transformList(i, v, v * 2)", [6, 2, 4]),
        ("l.transformList(i, v, i > 0, v * 2)", [2, 4]),
        ("m.transformList(k, v, k)", ["a", "b"]),
        ("m.transformMap(k, v, v + 1)", {"a": 2, "b": 3}),
        ("m.transformMap(k, v, v > 1, v + 1)", {"b": 3}),
        ("m.transformMapEntry(k, v, {v: k})", {1: "a", 2: "b"}),
        ("n.x.y.all(i, v, v == i + 1)", True),
        ("[[1, 2], [3]].all(i, inner, inner.all(j, v, v > i + j))", True),
        ("l.transformList(i, v, v).all(i, v, v == l[i])", True),
        ("{'.all(a, b, c)': 1}.all(k, v, k == '.all(a, b, c)')", True),
        ("l.all(v, v > 0) && l.all(i, v, v > 0)", True),
    ],
)
def test_values(expression: str, value: Any) -> None:
    engine.check(expression, TYPES)
    assert engine.compile_dynamic(expression, tuple(VALUES)).evaluate(VALUES) == value


def test_keys_that_meet_are_an_error() -> None:
    with pytest.raises(engine.CelError, match="insert failed: key 1 already exists"):
        engine.compile_dynamic("m.transformMapEntry(k, v, {1: k})", ("m",)).evaluate({"m": VALUES["m"]})


@pytest.mark.parametrize("expression", ["l.all(v, v > 0)", "'.all(a, b, c)' == x", "l.all(f(a, b), c)", "l.exists("])
def test_other_expressions_are_left_alone(expression: str) -> None:
    assert two_variables.rewritten(expression) == expression
