"""The interpreter agrees with the engine, and counts as Kubernetes does."""

from typing import Any

import pytest

from minik.api.cel.engine import CelError, compile_dynamic
from minik.api.cel.interpreter import Meter, TooExpensive

LIST_MAP = [{"k": "a1", "v": "b1"}, {"k": "a2", "v": "b2"}, {"k": "a3", "v": "b3", "v2": "z"}]
SELF = {
    "text": "Rook takes 👑",
    "a": {"b": 1, "c": 4.5},
    "ints": [1, 2, 3],
    "val": {"b": 1, "d": 2},
    "listMap": LIST_MAP,
    "none": None,
}


def _interpreted(expression: str, limit: int = 1_000_000) -> tuple[Any, int]:
    meter = Meter(limit)
    return compile_dynamic(expression, ("self",)).interpret({"self": SELF}, meter), meter.spent


@pytest.mark.parametrize(
    "expression",
    [
        "self.ints.map(x, x * 2).filter(x, x > 2)",
        "['a', ?self.?a.?x, ?self.?text].size() + {?'k': self.?nothing, 'l': 1}.size()",
        "self.ints.exists(x, x == 2) && !self.ints.all(x, x == 2) && self.ints.exists_one(x, x > 2)",
        "self.listMap.exists(m, m.v2 == 'z')",
        "self.listMap.map(m, has(m.v2) ? m.v2 : 'none')",
        "self.val.all(k, v, v > 0) && self.val.transformMap(k, v, v + 1)['b'] == 2",
        "self.?a.?x.orValue(5) == 5 && self.ints[?7].hasValue() == false && self.?a.b.value() == 1",
        "(7 / -2) * 10 + (-7 % 3)",
        "self.text.startsWith('Rook') && self.text.matches('^R.*') && self.text.size() == 12",
        "quantity('1Gi').isGreaterThan(quantity('1Mi')) && ip('10.0.0.1').family() == 4",
        "timestamp('2020-01-01T00:00:00Z') + duration('1h') > timestamp('2020-01-01T00:30:00Z')",
        "type(self.a.b) == int && type(self.text) == string && type(self.none) == null_type",
        "self.a.b == 1.0 && self.a.b < self.a.c",
        "[1, 2] == self.ints || {'b': 1, 'd': 2} == self.val",
        "'b' in self.val && !('x' in self.val) && 3 in self.ints && self.none == null",
        "true == (1 == 2) || [true] == [dyn(1)]",
    ],
)
def test_values_are_those_of_the_engine(expression: str) -> None:
    assert _interpreted(expression)[0] == compile_dynamic(expression, ("self",)).evaluate({"self": SELF})


@pytest.mark.parametrize("expression", ["self.ints[5]", "self.x", "1 / (self.a.b - 1)", "self.text + 1"])
def test_errors_are_those_of_the_engine(expression: str) -> None:
    program = compile_dynamic(expression, ("self",))
    with pytest.raises(CelError) as ours:
        program.interpret({"self": SELF}, Meter(1000))
    with pytest.raises(CelError) as theirs:
        program.evaluate({"self": SELF})
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    ("expression", "cost"),
    [
        ("self.text.startsWith('Rook')", 4),
        ("self.text.matches('^[^0-9]*$')", 8),
        ("size(self.text) == 12", 4),
        ("has(self.a.b)", 2),
        ("'b' in self.val", 3),
        ("self.val.all(k, self.val[k] > 0)", 17),
        ("self.val.exists_one(k, self.val[k] == 2)", 14),
        ("size(self.val.filter(k, self.val[k] > 1)) == 1", 26),
        ("self.listMap.all(m, m.k.startsWith('a'))", 21),
        ("self.listMap.exists(m, m.k.endsWith('1'))", 13),
        ("self.listMap.exists_one(m, m.k == 'a3')", 15),
        ("self.listMap.map(m, m.v).exists(v, v == 'b1')", 55),
        ("1 in self.ints", 5),
    ],
)
def test_costs_are_those_of_kubernetes(expression: str, cost: int) -> None:
    assert _interpreted(expression)[1] == cost


def test_it_stops_at_the_limit() -> None:
    with pytest.raises(TooExpensive, match="operation cancelled: actual cost limit exceeded"):
        _interpreted("self.ints.all(x, self.ints.all(y, self.ints.all(z, x + y + z > 0)))", 100)


def test_loops_may_be_longer_than_the_engine_takes() -> None:
    program = compile_dynamic("self.all(x, x >= 0)", ("self",))
    assert program.evaluate({"self": list(range(15_000))}) is True
