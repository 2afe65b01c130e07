"""The numbers of a custom resource's scale are whole and not negative."""

from typing import Any

import pytest

from minik.api.crd.validation import Validator

SCALE = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        ({}, ""),
        ({"spec": {"replicas": 3}}, ""),
        ({"spec": {"replicas": "3"}}, "0: .spec.replicas accessor error: 3 is of the type string, expected int64"),
        ({"spec": {"replicas": None}}, "0: .spec.replicas accessor error: <nil> is of the type <nil>, expected int64"),
        ({"spec": {"replicas": 1.5}}, "0: .spec.replicas accessor error: 1.5 is of the type float64, expected int64"),
        ({"spec": [1]}, "0: .spec accessor error: [1] is of the type []interface {}, expected map[string]interface {}"),
        ({"spec": {"replicas": -1}}, "-1: should be a non-negative integer"),
        ({"spec": {"replicas": 1 << 31}}, "2147483648: should be less than or equal to 2147483647"),
    ],
)
def test_spec_replicas(obj: Any, text: str) -> None:
    found = [str(error) for error in Validator(None, SCALE).create(obj)]
    assert found == ([f".spec.replicas: Invalid value: {text}"] if text else [])
