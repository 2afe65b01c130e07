"""Paths and queries both clients send."""

import pytest

from minik.api.types import GVR
from minik.client.paths import delete_options, list_query, path, status_error, watch_query
from minik.client.resources import DEPLOYMENTS, NODES, PODS


@pytest.mark.parametrize(
    ("resource", "namespace", "name", "subresource", "expected"),
    [
        (PODS, "ns", "p", "", "/api/v1/namespaces/ns/pods/p"),
        (PODS, None, "", "", "/api/v1/pods"),
        (PODS, "ns", "p", "binding", "/api/v1/namespaces/ns/pods/p/binding"),
        (NODES, "", "n", "status", "/api/v1/nodes/n/status"),
        (DEPLOYMENTS, "ns", "", "", "/apis/apps/v1/namespaces/ns/deployments"),
    ],
)
def test_paths(resource: GVR, namespace: str | None, name: str, subresource: str, expected: str) -> None:
    assert path(resource, namespace, name, subresource) == expected


def test_only_what_is_set_is_sent() -> None:
    assert list_query("a=b", "", "", 5, "") == {"labelSelector": ["a=b"], "limit": ["5"]}
    assert watch_query("7", "", "", True, False) == {
        "watch": ["true"],
        "resourceVersion": ["7"],
        "allowWatchBookmarks": ["true"],
    }
    assert watch_query("", "", "", True, True)["resourceVersionMatch"] == ["NotOlderThan"]
    assert delete_options(0, "", "u", "") == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u"},
    }


def test_a_status_survives_the_network() -> None:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "no",
        "reason": "Conflict",
        "details": {"name": "a", "kind": "pods"},
        "code": 409,
    }
    assert status_error(status).status() == status
