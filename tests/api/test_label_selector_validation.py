from typing import Any

import pytest

from minik.api.label_selector_validation import validate_label_selector


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ({"key": "a", "operator": "In", "values": ["b"]}, None),
        ({"key": "a", "operator": "Exists"}, None),
        (
            {"key": "a", "operator": "NotIn"},
            "s.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"key": "a", "operator": "Exists", "values": ["b"]},
            "s.matchExpressions[0].values: Forbidden: "
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        (
            {"key": "a", "operator": "Odd"},
            's.matchExpressions[0].operator: Invalid value: "Odd": not a valid selector operator',
        ),
    ],
)
def test_operators_and_values_go_together(expression: dict[str, Any], complaint: str | None) -> None:
    errors = validate_label_selector({"matchExpressions": [expression]}, "s")
    assert [str(error) for error in errors] == ([complaint] if complaint else [])


def test_values_that_no_label_has_can_be_tolerated() -> None:
    selector = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c"]}]}
    assert [error.field for error in validate_label_selector(selector, "s")] == ["s.matchExpressions[0].values[0]"]
    assert validate_label_selector(selector, "s", allow_invalid_values=True) == []
