import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minik.api.patch import json_patch
from minik.api.status import StatusError

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

DOCUMENT = {"data": {"a": "1", "b": "2"}, "list": [{"n": 1}, {"n": 2}], "metadata": {"labels": {"l": "1"}}}


@pytest.mark.parametrize(
    ("operations", "path", "expected"),
    [
        ([{"op": "add", "path": "/data/c", "value": "3"}], ("data",), {"a": "1", "b": "2", "c": "3"}),
        ([{"op": "add", "path": "/data/a", "value": "9"}], ("data", "a"), "9"),
        ([{"op": "remove", "path": "/data/a"}], ("data",), {"b": "2"}),
        ([{"op": "replace", "path": "/data/a", "value": "x"}], ("data", "a"), "x"),
        ([{"op": "replace", "path": "/data/new", "value": "x"}], ("data", "new"), "x"),
        ([{"op": "replace", "path": "/data", "value": {"only": "this"}}], ("data",), {"only": "this"}),
        ([{"op": "move", "from": "/data/a", "path": "/data/z"}], ("data",), {"b": "2", "z": "1"}),
        ([{"op": "copy", "from": "/data/a", "path": "/data/z"}], ("data", "z"), "1"),
        ([{"op": "copy", "from": "/data/nope", "path": "/data/z"}], ("data", "z"), None),
        ([{"op": "add", "path": "/list/-", "value": 3}], ("list",), [{"n": 1}, {"n": 2}, 3]),
        ([{"op": "add", "path": "/list/0", "value": 3}], ("list",), [3, {"n": 1}, {"n": 2}]),
        ([{"op": "add", "path": "/list/2", "value": 3}], ("list",), [{"n": 1}, {"n": 2}, 3]),
        ([{"op": "remove", "path": "/list/-1"}], ("list",), [{"n": 1}]),
        ([{"op": "replace", "path": "/list/1/n", "value": 5}], ("list", 1, "n"), 5),
        ([{"op": "add", "path": "/metadata/labels/a~1b~0c", "value": "v"}], ("metadata", "labels", "a/b~c"), "v"),
        ([{"op": "add", "path": "/data/null"}], ("data", "null"), None),
        ([{"op": "test", "path": "/data/none", "value": None}], ("data", "a"), "1"),
        ([{"op": "replace", "path": "", "value": {"x": 1}}], ("x",), 1),
    ],
)
def test_operations(operations: list[Any], path: tuple[str | int, ...], expected: object) -> None:
    before = copy.deepcopy(DOCUMENT)
    result: Any = json_patch.apply(DOCUMENT, operations)
    for step in path:
        result = result[step]
    assert result == expected
    assert before == DOCUMENT, "the argument stays as it is"


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "jump", "path": "/data/a"},
        {"path": "/data/a"},
        {"op": "remove", "path": "/data/nope"},
        {"op": "move", "from": "/data/nope", "path": "/data/z"},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "add", "path": "/list/x", "value": 1},
        {"op": "remove", "path": "/list/2"},
        {"op": "replace", "path": "/list/2", "value": 1},
        {"op": "add", "path": "/nope/deep", "value": 1},
        {"op": "add", "path": "/data/a/deep", "value": 1},
        {"op": "add", "path": "", "value": {}},
        {"op": "test", "path": "/data/a", "value": "9"},
        {"op": "test", "path": "/list/0/n", "value": True},
        {"op": "test", "path": "/list/0/n", "value": 1.0},
    ],
)
def test_what_cannot_be_done_is_refused_without_details(operation: dict[str, Any]) -> None:
    with pytest.raises(StatusError) as refused:
        json_patch.apply(DOCUMENT, [operation])
    assert refused.value.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the server rejected our request due to an error in our request",
        "reason": "Invalid",
        "details": {},
        "code": 422,
    }


def test_too_many_operations() -> None:
    with pytest.raises(StatusError, match="maximum operations in a JSON patch is 10000, got 10001") as refused:
        json_patch.apply({}, [{"op": "add", "path": "/a", "value": 1}] * 10001)
    assert refused.value.code == 413


@pytest.mark.parametrize(
    ("patch", "text"),
    [
        ({"op": "add"}, "json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
        ("x", "json: cannot unmarshal string into Go value of type []handlers.jsonPatchOp"),
        ([1], "json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
        (
            [{"op": "add", "path": 1}],
            "json: cannot unmarshal number into Go struct field jsonPatchOp.path of type string",
        ),
    ],
)
def test_a_patch_of_the_wrong_type(patch: object, text: str) -> None:
    with pytest.raises(StatusError) as refused:
        json_patch.check(patch)
    assert (refused.value.code, refused.value.message) == (400, f"error decoding patch: {text}")


def test_touched_levels_are_sorted() -> None:
    patched = json_patch.apply(
        {"z": {"b": 1, "a": 2}, "a": {"y": 1, "x": 2}}, [{"op": "add", "path": "/z/0", "value": 3}]
    )
    assert list(patched) == ["a", "z"]
    assert list(patched["z"]) == ["0", "a", "b"]
    assert list(patched["a"]) == ["y", "x"], "what is not touched keeps its order"


KEYS = st.text(alphabet="ab/~", min_size=1, max_size=3)


@UNHURRIED
@given(st.dictionaries(KEYS, st.integers(), max_size=4), KEYS, st.integers())
def test_an_added_member_can_be_tested_and_removed(document: dict[str, Any], key: str, value: int) -> None:
    path = "/" + key.replace("~", "~0").replace("/", "~1")
    add, test, remove = (
        {"op": "add", "path": path, "value": value},
        {"op": "test", "path": path, "value": value},
        {"op": "remove", "path": path},
    )
    assert json_patch.apply(document, [add, test]) == {**document, key: value}
    assert json_patch.apply(document, [add, remove]) == {k: v for k, v in document.items() if k != key}
