"""What is wrong with expressions is said in cel-go's words, at cel-go's places."""

import pytest

from minik.api.cel.declarations import Declarations
from minik.api.cel.engine import CelError, Types, check

TEXT = {"type": "string"}
SCHEMA = {
    "type": "object",
    "properties": {
        "s": TEXT,
        "i": {"type": "integer"},
        "l": {"type": "array", "items": TEXT},
        "m": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
}


def _wrong(expression: str) -> list[tuple[int, str]]:
    """Columns and texts."""
    declarations = Declarations()
    own = declarations.type_of(SCHEMA)
    with pytest.raises(CelError) as caught:
        check(expression, Types({"self": own}, declarations.pool()))
    lines = [line for line in str(caught.value).splitlines() if line.startswith("ERROR: ")]
    return [(int(line.split(":")[3]), line.split(": ", 2)[2]) for line in lines]


def _undeclared(name: str) -> str:
    return f"undeclared reference to '{name}' (in container '')"


@pytest.mark.parametrize(
    ("expression", "column", "text"),
    [
        ("self.s.startsWith(1)", 18, "found no matching overload for 'startsWith' applied to 'string.(int)'"),
        ("self.s + 1", 8, "found no matching overload for '_+_' applied to '(string, int)'"),
        (
            "'%s %d'.format([1, self.s]) == ''",
            24,
            "error during formatting: decimal clause can only be used on integers, was given string",
        ),
        ("'%s'.format([]) == ''", 12, "index 0 out of range"),
        (
            "'%s'.format([self.s, 1]) == ''",
            12,
            "too many arguments supplied to string.format (expected 1, got 2)",
        ),
        (
            "'%z'.format([1]) == ''",
            12,
            'could not parse formatting clause: unrecognized formatting clause "z"',
        ),
        ("self.s == null", 8, "found no matching overload for '_==_' applied to '(string, null)'"),
        ("self.true == 1", 6, "Syntax error: mismatched input 'true' expecting IDENTIFIER"),
        ("{?'a': optional.of(1), 'b': 'c'}", 29, "expected type 'int' but found 'string'"),
        ("self.s.startsWith()", 18, "found no matching overload for 'startsWith' applied to 'string.()'"),
        ("self.l.isSorted(1)", 16, "found no matching overload for 'isSorted' applied to 'list(string).(int)'"),
        ("size(self.s, 1) == 1", 5, "found no matching overload for 'size' applied to '(string, int)'"),
        ("lists.range() == []", 12, "found no matching overload for 'lists.range' applied to '()'"),
        ("self.l.all(x, x.trim(1) == '')", 21, _undeclared("trim")),
        ("self.m == self.l", 8, "found no matching overload for '_==_' applied to '(map(string, int), list(string))'"),
        ("self.foo.bar.x == 1", 5, "undefined field 'foo'"),
        ("foo.bar.baz == 1", 1, _undeclared("foo")),
        ("self.l.foo(bar)", 11, _undeclared("foo")),
        ("has(self.s.x)", 4, "type 'string' does not support field selection"),
        (
            "self.i.all(x, true)",
            5,
            "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
        ),
        ("has(self)", 5, "invalid argument to has() macro"),
        ("self.s.matches('[')", 16, "invalid matches argument"),
        ("duration('x') == duration('1s')", 10, "invalid duration argument"),
        ("{'a': 1, 'b': 'c'}", 15, "expected type 'int' but found 'string'"),
        ("[1, 2, 'a']", 8, "expected type 'int' but found 'string'"),
        ("quantity(self.s) + 1", 18, "found no matching overload for '_+_' applied to '(kubernetes.Quantity, int)'"),
        ("ip(self.s) == cidr(self.s)", 12, "found no matching overload for '_==_' applied to '(net.IP, net.CIDR)'"),
        ("self.l.sum()", 11, "found no matching overload for 'sum' applied to 'list(string).()'"),
        ("'a'.reverse()", 12, "found no matching overload for 'reverse' applied to 'string.()'"),
    ],
)
def test_texts_and_places(expression: str, column: int, text: str) -> None:
    assert _wrong(expression) == [(column, text)]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("math.greatest(1, 2) == 2", ["math", "greatest"]),
        ("cel.bind(x, 1, x) == 1", ["cel", "bind"]),
        ("base64.encode(b'a') == 'YQ=='", ["base64", "encode"]),
    ],
)
def test_libraries_that_kubernetes_lacks(expression: str, names: list[str]) -> None:
    assert [text for _, text in _wrong(expression)] == [_undeclared(name) for name in names]


@pytest.mark.parametrize(
    "expression",
    [
        "self.i >= 1.5 && 2.0 > self.i",
        "5 < 10.0 && self.l.size() > 0.5",
        "'%s is %d'.format([self.s, self.i]) == self.s",
        "['a', ?optional.none()] == ['a'] && {?'k': optional.of('v'), 'k2': 'v2'}.size() == 2",
        "[self.s, 'a'].isSorted() && ['b', 'a'].sortBy(x, x) == ['a', 'b']",
        "semver('1.2.3').isLessThan(semver('2.0.0')) && quantity('1').add(quantity('2')).sign() == 1",
        "cidr('10.0.0.0/8').containsIP(ip('10.0.0.1')) && string(ip('10.0.0.1')) == self.s",
        "!format.dns1123Label().validate(self.s).hasValue() && format.named('uri').hasValue()",
        "self.m.all(k, v, v > 1) && self.?s.orValue('a') == 'a' && [dyn(1), 'a'].size() == 2",
        "'cel.bind(x, y, z)' == self.s",
    ],
)
def test_what_kubernetes_has_is_taken(expression: str) -> None:
    declarations = Declarations()
    own = declarations.type_of(SCHEMA)
    assert check(expression, Types({"self": own}, declarations.pool())).result == "BOOL"
