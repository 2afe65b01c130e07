from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minik.api.patch import merge_patch
from minik.api.status import StatusError

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

JSON = st.recursive(
    st.sampled_from([0, 1, "x", "y"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [  # the table of RFC 7386, appendix A, as far as targets are objects
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merges(target: dict[str, Any], patch: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merge_patch.apply(target, patch) == expected


@pytest.mark.parametrize(
    ("patch", "found"), [("x", "string"), ([], "array"), (1, "number"), (1.5, "number"), (True, "bool")]
)
def test_only_objects_are_patches(patch: object, found: str) -> None:
    with pytest.raises(StatusError) as refused:
        merge_patch.check(patch)
    text = f"error decoding patch: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
    assert (refused.value.code, refused.value.message) == (400, text)


@pytest.mark.parametrize("patch", [None, [], 1])
def test_what_is_no_object_merges_with_nothing(patch: object) -> None:
    with pytest.raises(StatusError) as refused:
        merge_patch.apply({}, patch)
    assert (refused.value.code, refused.value.message) == (400, "Invalid JSON Patch")


def test_touched_levels_are_sorted() -> None:
    merged = merge_patch.apply({"b": {"z": 1, "y": 2}, "a": {"d": 1, "c": 2}}, {"b": {"x": 1}})
    assert [list(merged), list(merged["b"]), list(merged["a"])] == [["a", "b"], ["x", "y", "z"], ["d", "c"]]


@UNHURRIED
@given(OBJECTS, OBJECTS)
def test_the_difference_of_two_objects_leads_from_one_to_the_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    patch = merge_patch.diff(old, new)
    assert merge_patch.apply(old, patch) == new
    assert merge_patch.apply(new, patch) == new, "a merge patch can be repeated"
