"""Selectors in access reviews."""

import pytest

from minik.api.types import Obj
from minik.server.apiserver.reviews.selectors import (
    evaluation_error,
    field_selector,
    label_selector,
    validate_selector,
)
from minik.server.apiserver.reviews.validation import validate_spec


def requirement(key: str, operator: str, *values: str) -> Obj:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


@pytest.mark.parametrize(
    ("selector", "text", "complete"),
    [
        ({"rawSelector": "spec.nodeName=n1"}, "spec.nodeName=n1", True),
        ({"rawSelector": "spec.nodeName"}, "", False),
        ({"requirements": [requirement("a", "In", "1")]}, "a=1", True),
        ({"requirements": [requirement("a", "NotIn", "1,2")]}, "a!=1\\,2", True),
        ({"requirements": [requirement("a", "In", "1", "2"), requirement("b", "In", "3")]}, "b=3", False),
        ({"requirements": [requirement("a", "Exists")]}, "", False),
    ],
)
def test_field_selectors(selector: Obj, text: str, complete: bool) -> None:
    assert field_selector(selector) == (text, complete)


@pytest.mark.parametrize(
    ("selector", "text", "complete"),
    [
        ({"rawSelector": "a=b,!c"}, "a=b,!c", True),
        ({"rawSelector": "a in"}, "", False),
        ({"requirements": [requirement("a", "In", "2", "1"), requirement("b", "Exists")]}, "a in (1,2),b", True),
        ({"requirements": [requirement("a", "Odd", "1"), requirement("b", "DoesNotExist")]}, "!b", False),
    ],
)
def test_label_selectors(selector: Obj, text: str, complete: bool) -> None:
    assert label_selector(selector) == (text, complete)


@pytest.mark.parametrize(
    ("about", "problem"),
    [
        ({}, ""),
        ({"fieldSelector": {"rawSelector": "x"}}, "spec.resourceAttributes.fieldSelector ignored due to parse error"),
        (
            {
                "fieldSelector": {"requirements": [requirement("a", "In", "1"), requirement("b", "Exists")]},
                "labelSelector": {"rawSelector": "a in"},
            },
            "[spec.resourceAttributes.fieldSelector partially ignored due to parse error, "
            "spec.resourceAttributes.labelSelector ignored due to parse error]",
        ),
    ],
)
def test_what_is_not_understood_is_told_of(about: Obj, problem: str) -> None:
    assert evaluation_error(about) == problem


@pytest.mark.parametrize(
    ("selector", "labels", "errors"),
    [
        ({}, True, ["s.requirements: Required value: when s is specified, requirements or rawSelector is required"]),
        (
            {"requirements": [requirement("", "In", "1")]},
            False,
            ["s.requirements[0].key: Required value: must be specified"],
        ),
        (
            {"requirements": [requirement("a", "In")]},
            True,
            ["s.requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
        ),
        (
            {"requirements": [requirement("a", "Exists", "1")]},
            False,
            ["s.requirements[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"],
        ),
        ({"requirements": [requirement("a", "Newer", "1")]}, True, []),
    ],
)
def test_requirements_must_make_sense(selector: Obj, labels: bool, errors: list[str]) -> None:
    assert [str(error) for error in validate_selector(selector, "s", labels=labels)] == errors


def test_selectors_are_looked_at_after_who_asks() -> None:
    review = {"metadata": {}, "spec": {"resourceAttributes": {"labelSelector": {}}}}
    at = "spec.resourceAttributes.labelSelector"
    assert [str(error) for error in validate_spec(review)] == [
        'spec.user: Invalid value: "": at least one of user or group must be specified',
        f"{at}.requirements: Required value: when {at} is specified, requirements or rawSelector is required",
    ]
