"""Why a map does not become a struct."""

from typing import Any

import pytest

from minik.api.schema import types, unstructured

DEPLOYMENT = types.get("io.k8s.api.apps.v1.Deployment")
SECRET = types.get("io.k8s.api.core.v1.Secret")


def pod(**fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": fields}}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"spec": 1, "metadata": "x"}, "cannot restore struct from: string"),  # in Go's order
        ({"spec": {"replicas": "x"}}, "unrecognized type: int32"),
        ({"spec": {"replicas": 1.5}}, "cannot convert float64 to int32"),
        ({"spec": {"replicas": 2.0, "paused": "yes"}}, "unrecognized type: bool"),
        ({"metadata": {"labels": {"a": 1}}}, "cannot convert int64 to string"),
        ({"metadata": {"labels": {"a": True}}}, "unrecognized type: string"),
        ({"metadata": {"labels": []}}, "cannot restore map from slice"),
        ({"spec": {"selector": {"matchExpressions": {}}}}, "cannot restore slice from map"),
        (pod(containers=["c"]), "cannot restore struct from: string"),
        (pod(dnsPolicy=1), "cannot convert int64 to v1.DNSPolicy"),
        (pod(terminationGracePeriodSeconds=None, nodeSelector=None), ""),
        (
            {"spec": {"strategy": {"rollingUpdate": {"maxSurge": True}}}},
            "json: cannot unmarshal bool into Go value of type int32",
        ),
        ({"metadata": {"creationTimestamp": 1}}, "json: cannot unmarshal number into Go value of type string"),
    ],
)
def test_the_first_field_that_does_not_fit(value: Any, text: str) -> None:
    assert unstructured.mismatch(value, DEPLOYMENT) == text


def test_bytes_are_base64() -> None:
    text = "error decoding from json: illegal base64 data at input byte 0"
    assert unstructured.mismatch({"data": {"a": "!"}}, SECRET) == text
    assert unstructured.mismatch({"data": {"a": 1}}, SECRET) == "cannot restore slice from int64"
