"""APIServices of the group versions that definitions serve."""

from typing import Any

from minik.server.apiserver.apiextensions.api_services import changes

MANAGED = "kube-aggregator.kubernetes.io/automanaged"


def _api_service(name: str, **labels: str) -> Any:
    return {"metadata": {"name": name, "labels": labels}}


def test_what_is_missing_is_created_and_only_our_own_deleted() -> None:
    present = [
        _api_service("v1.example.com", **{MANAGED: "true"}),
        _api_service("v1.gone.com", **{MANAGED: "true"}),
        _api_service("v1.apps", **{MANAGED: "onstart"}),
        _api_service("v1.metrics.k8s.io"),
    ]
    new, gone = changes([("example.com", "v1"), ("example.com", "v2")], present)
    assert [obj["metadata"]["name"] for obj in new] == ["v2.example.com"]
    assert new[0]["spec"] == {
        "group": "example.com",
        "version": "v2",
        "groupPriorityMinimum": 1000,
        "versionPriority": 100,
    }
    assert gone == ["v1.gone.com"]
