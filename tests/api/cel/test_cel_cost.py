"""Estimated costs are those of Kubernetes, to the last digit: authors of definitions plan with them."""

from typing import Any

import pytest

from minik.api.cel.cost import estimate
from minik.api.cel.declarations import Declarations
from minik.api.cel.declared_sizes import declared
from minik.api.cel.engine import Types, check


def _estimated(rule: str, schema: Any) -> int:
    declarations = Declarations()
    own = declarations.type_of(schema)
    program = check(rule, Types({"self": own, "oldSelf": own}, declarations.pool()))
    return estimate(program.checked(), declared(schema)).most


def _list(of: Any, most: int | None = None) -> Any:
    return {"type": "array", "items": of, **({} if most is None else {"maxItems": most})}


def _map(of: Any, most: int | None = None) -> Any:
    return {"type": "object", "additionalProperties": of, **({} if most is None else {"maxProperties": most})}


def _string(most: int | None = None, **more: Any) -> Any:
    return {"type": "string", **({} if most is None else {"maxLength": most}), **more}


NUMBER, BOOL, TEXT = {"type": "number"}, {"type": "boolean"}, _string()
EITHER = {"x-kubernetes-int-or-string": True}
NAMED = {"type": "object", "properties": {"required": TEXT, "optional": TEXT}, "required": ["required"]}


@pytest.mark.parametrize(
    ("rule", "schema", "cost"),
    [
        ("self.all(x, true)", _list(NUMBER), 4718591),
        ("self.all(x, true)", _list(NUMBER, 10), 32),
        ("self.all(x, true)", _list(TEXT), 3145727),
        ("self.all(x, true)", _list(BOOL), 1887437),
        ("self.all(x, true)", _list(_list(NUMBER)), 3145727),
        ("self.all(x, true)", _list(_list(NUMBER), 100), 302),
        ("self.all(x, true)", _map(NUMBER), 1348169),
        ("self.all(x, true)", _map(TEXT, 3), 11),
        ("self.all(x, true)", _list(EITHER), 4718591),
        ("self.contains('test')", TEXT, 314574),
        ("self.contains('test')", _string(10), 5),
        ("self.startsWith('test')", TEXT, 2),
        ("size(self + 'hello') > size('hello')", TEXT, 314578),
        ("size(self + 'hello') > size('hello')", _string(4), 7),
        ("self[1] == 0.0", _list(NUMBER), 2),
        ("self[1] == self[1]", _list(TEXT, 8), 314577),
        ("self.all(x, self.all(y, true))", _list(NUMBER, 10), 352),
        ("self.all(x, self.all(y, self.all(z, true)))", _list(NUMBER, 10), 3552),
        ("self.matches('x')", TEXT, 314574),
        ("self.matches('x')", _string(50), 22),
        ("''.matches('(((((((((())))))))))[0-9]')", TEXT, 7),
        ("self.matches('')", _string(100), 1),
        ("self.all(x, x.contains(self[x]))", _map(TEXT), 2752507),
        ("self.all(x, x.contains(self[x]))", _map(_string(10), 10), 72),
        ("self['x'] == 0.0", _map(NUMBER, 0), 2),
        ("self == 'x'", TEXT, 2),
        ("self == 'x'", _string(0), 1),
        ("self == b'x'", _string(format="byte"), 2),
        ("self.all(x, x == 0.0)", _list(NUMBER), 6291454),
        ("self.all(x, x == 0.0)", _list(NUMBER, 3 * 1024 * 2048), 25165826),
        ("self.all(x, x['y'].required == 'z')", _list(_map(NAMED)), 7340027),
        ("self.all(x, x['y'].required == 'z')", _list(_map(NAMED, 10), 10), 72),
        ("self[0] == 5", _list(EITHER, 10), 3),
        ("self[0] == false", _list(BOOL), 2),
        ("self.contains('keyword')", _string(enum=["a", "abcdefghij"]), 2),
        ("self.all(k, v, v > 1.0)", _map(NUMBER, 10), 52),
    ],
)
def test_estimates(rule: str, schema: Any, cost: int) -> None:
    assert _estimated(rule, schema) == cost


@pytest.mark.parametrize(
    ("expression", "least", "most"),
    [
        ("[1, 2, 3, 4, 5].sum()", 15, 15),
        ("[uint(1), uint(2), uint(3), uint(4), uint(5)].sum()", 20, 20),
        ("[1, 2, 3, 4, 5].indexOf(3)", 15, 15),
        ("'01234567890123456789012345678901234567890123456789'.indexOf('123')", 5, 5),
        ("url('https:://kubernetes.io/').getHost()", 4, 4),
        ("ip('192.168.0.1').family()", 3, 3),
        ("ip.isCanonical('2001:db8:3333:4444:5555:6666:7777:8888')", 8, 8),
        ("cidr('192.168.0.0/16').containsCIDR(cidr('192.0.0.0/30'))", 7 + 2, 11),
        ("quantity('12') == quantity('13')", 3, 3),
        ("'abc'.replace('b', 'xyz')", 1, 1),
    ],
)
def test_library_calls(expression: str, least: int, most: int) -> None:
    cost = estimate(check(expression, Types({})).checked(), None)
    assert (cost.most, cost.least) == (most, min(least, cost.least))
