"""The JSONPath of printer columns."""

from datetime import UTC, datetime
from typing import Any

import pytest

from minik.api.crd import columns
from minik.api.crd.json_path import JSONPathError, compile_path

OBJ = {
    "metadata": {"name": "x", "annotations": {"a.b/c": "dotted"}},
    "spec": {"list": [{"n": "a", "v": 1}, {"n": "b", "v": 2}], "deep": {"n": "z"}},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".metadata.name", ["x"]),
        ("{.metadata.name}", ["x"]),
        (".spec.list[0].n", ["a"]),
        (".spec.list[-1].n", ["b"]),
        (".spec.list[*].v", [1, 2]),
        (".spec.list[0:1].n", ["a"]),
        ('.spec.list[?(@.n=="b")].v', [2]),
        (".spec.list[?(@.v>1)].n", ["b"]),
        (r".metadata.annotations.a\.b/c", ["dotted"]),
        (".metadata.annotations['a.b/c']", ["dotted"]),
        (".spec..n", ["z", "a", "b"]),
        (".spec.nothing", []),
    ],
)
def test_paths_find_values(path: str, found: list[Any]) -> None:
    assert compile_path(path)(OBJ) == found


def test_what_is_no_path_is_refused() -> None:
    with pytest.raises(JSONPathError):
        compile_path(".spec[")


def test_cells_have_the_type_of_their_column() -> None:
    wanted = [
        {"name": "N", "type": "integer", "jsonPath": ".n"},
        {"name": "S", "type": "string", "jsonPath": ".s"},
        {"name": "D", "type": "date", "jsonPath": ".d"},
        {"name": "B", "type": "boolean", "jsonPath": ".b"},
    ]
    cells = columns.cells({"additionalPrinterColumns": wanted})
    now = datetime(2024, 1, 1, 1, tzinfo=UTC)
    obj = {"metadata": {"name": "x"}, "n": 3.7, "s": {"a": 1}, "d": "2024-01-01T00:00:00Z", "b": "true"}
    assert cells(obj, now) == ["x", 3, '{"a":1}', "60m", None]
