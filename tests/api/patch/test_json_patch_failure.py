"""A patch that does not apply says which operation found what missing."""

from typing import Any

import pytest

from minik.api.patch import json_patch_failure
from minik.api.patch.json_patch_failure import PatchFailed, UnmetTest

DOCUMENT = {"a": {"b": [1, 2]}, "s": "text"}


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (
            {"op": "remove", "path": "/a/x"},
            "error in remove for path: '/a/x': Unable to remove nonexistent key: x: missing value",
        ),
        ({"op": "add", "path": "/x/y"}, 'add operation does not apply: doc is missing path: "/x/y": missing value'),
        (
            {"op": "add", "path": "/a/b/9"},
            "error in add for path: '/a/b/9': Unable to access invalid index: 9: invalid index",
        ),
        (
            {"op": "replace", "path": "/x/y"},
            "replace operation does not apply: doc is missing path: /x/y: missing value",
        ),
        (
            {"op": "copy", "from": "/x/y", "path": "/a/c"},
            "copy operation does not apply: doc is missing from path: /x/y: missing value",
        ),
        ({"op": "shuffle", "path": "/a"}, "Unexpected kind: shuffle"),
    ],
)
def test_reasons(operation: dict[str, Any], text: str) -> None:
    with pytest.raises(PatchFailed) as caught:
        json_patch_failure.apply(DOCUMENT, [operation])
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/s", "testing value /s failed: test failed"),
        ("/x/y", "test operation does not apply: is missing path: /x/y: missing value"),
        ("/a/b/9", "error in test for path: '/a/b/9': Unable to access invalid index: 9: invalid index"),
    ],
)
def test_a_failing_test_is_told_apart(path: str, text: str) -> None:
    with pytest.raises(UnmetTest) as caught:
        json_patch_failure.apply(DOCUMENT, [{"op": "test", "path": path, "value": "other"}])
    assert str(caught.value) == text


def test_operations_apply_in_order() -> None:
    operations = [{"op": "add", "path": "/a/c", "value": 1}, {"op": "move", "from": "/a/c", "path": "/d"}]
    assert json_patch_failure.apply(DOCUMENT, operations) == {**DOCUMENT, "d": 1}
