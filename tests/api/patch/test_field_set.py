from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minik.api.patch import field_set
from minik.api.patch.field_set import FieldSet, Path

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ELEMENTS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'k:{"port":80}', 'v:"s"', "i:1"])
PATHS = st.frozensets(st.lists(ELEMENTS, min_size=1, max_size=3).map(tuple), max_size=6)


def build(paths: frozenset[Path]) -> FieldSet:
    return field_set.from_paths(*paths)


def content(fields: FieldSet) -> set[Path]:
    return set(field_set.paths(fields))


@UNHURRIED
@given(PATHS, PATHS)
def test_sets_behave_as_sets_of_paths(left: frozenset[Path], right: frozenset[Path]) -> None:
    a, b = build(left), build(right)
    assert content(a) == left
    assert content(field_set.union(a, b)) == left | right
    assert content(field_set.intersection(a, b)) == left & right
    assert content(field_set.difference(a, b)) == left - right
    beneath = {path for path in left if any(path[: len(other)] == other for other in right)}
    assert content(field_set.without(a, b)) == left - beneath
    for path in left | right:
        assert field_set.contains(a, path) == (path in left)


@UNHURRIED
@given(PATHS, PATHS, PATHS)
def test_laws(one: frozenset[Path], two: frozenset[Path], three: frozenset[Path]) -> None:
    a, b, c = build(one), build(two), build(three)
    union, intersection, difference = field_set.union, field_set.intersection, field_set.difference
    assert union(a, b) == union(b, a)
    assert union(a, union(b, c)) == union(union(a, b), c)
    assert union(a, a) == a == union(a, {})
    assert intersection(a, b) == intersection(b, a)
    assert union(intersection(a, b), difference(a, b)) == a
    assert difference(a, union(b, c)) == difference(difference(a, b), c)
    assert difference(a, a) == {}


@UNHURRIED
@given(PATHS)
def test_what_is_written_is_read_again(paths: frozenset[Path]) -> None:
    fields = build(paths)
    written = orjson.dumps(field_set.in_order(fields))
    assert field_set.parse(orjson.loads(written)) == fields


def test_the_written_form() -> None:
    fields = field_set.from_paths(
        ("f:spec", "f:ports", 'k:{"port":443}'),
        ("f:spec", "f:ports", 'k:{"port":80}'),
        ("f:spec", "f:ports"),
        ("f:data",),
    )
    assert orjson.dumps(field_set.in_order(fields)).decode() == (
        '{"f:data":{},"f:spec":{"f:ports":{".":{},"k:{\\"port\\":80}":{},"k:{\\"port\\":443}":{}}}}'
    )


@pytest.mark.parametrize(
    ("given_set", "expected"),
    [
        ({}, {}),
        ({".": {}, "f:a": {}}, {"f:a": {}}),
        ({"f:a": {".": {}}}, {"f:a": {}}),
        ({"f:a": {"f:b": {}, ".": {}}}, {"f:a": {".": {}, "f:b": {}}}),
        ({'k:{"b": 1, "a": 2}': {}}, {'k:{"a":2,"b":1}': {}}),
        ({"v: 5": {}}, {"v:5": {}}),
        ({"i:007": {}}, {"i:7": {}}),
    ],
)
def test_what_clients_send_is_normalised(given_set: Any, expected: FieldSet) -> None:
    assert field_set.parse(given_set) == expected


@pytest.mark.parametrize(
    "invalid", ["x", [], {"a": {}}, {"q:a": {}}, {"k:[]": {}}, {"k:{": {}}, {"i:x": {}}, {"f:a": 1}]
)
def test_what_is_no_field_set(invalid: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reason
        field_set.parse(invalid)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", "f:replicas"), ".spec.replicas"),
        (("f:a", 'k:{"name":"c1"}', "f:args"), '.a[name="c1"].args'),
        (("f:p", 'k:{"containerPort":80,"protocol":"TCP"}'), '.p[containerPort=80,protocol="TCP"]'),
        (("f:f", 'v:"a/b"'), '.f[="a/b"]'),
        (("f:f", "i:3"), ".f[3]"),
    ],
)
def test_paths_in_messages(path: Path, text: str) -> None:
    assert field_set.show(path) == text


def test_paths_come_with_the_short_ones_first() -> None:
    fields = field_set.from_paths(("f:a", "f:b"), ("f:z",), ("f:a",), ("f:a", 'k:{"n":2}'), ("f:a", 'k:{"n":10}'))
    assert list(field_set.paths(fields)) == [
        ("f:a",),
        ("f:z",),
        ("f:a", "f:b"),
        ("f:a", 'k:{"n":2}'),
        ("f:a", 'k:{"n":10}'),
    ]
