"""kubectl's way from client-side to server-side apply."""

import json
from typing import Any

import pytest

from minik.api.patch import managed_fields
from minik.api.patch.apply import apply
from minik.api.patch.last_applied import ANNOTATION
from minik.api.schema import types
from minik.api.status import StatusError

SHAPE = types.get("io.k8s.api.core.v1.ConfigMap")
NOW = "2026-01-02T03:04:05Z"


def config_map(data: dict[str, str], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", **metadata}, "data": data}


def client_side(applied: dict[str, str], live: dict[str, str], version: str = "v1") -> dict[str, Any]:
    """An object that kubectl applied from the client's side, and that has these values now."""
    annotation = json.dumps({**config_map(applied), "apiVersion": version})
    new = config_map(live, annotations={ANNOTATION: annotation})
    manager = "kubectl-client-side-apply"
    return managed_fields.update(None, new, shape=SHAPE, manager=manager, api_version="v1", now=NOW)


def server_side(live: dict[str, Any], data: dict[str, str], manager: str = "kubectl") -> dict[str, Any]:
    return apply(live, config_map(data), shape=SHAPE, manager=manager, api_version="v1", now=NOW)


def test_kubectl_takes_over_what_it_applied_before() -> None:
    live = server_side(client_side({"a": "1"}, {"a": "1"}), {"a": "2"})
    assert live["data"] == {"a": "2"}


def test_and_keeps_the_annotation_current() -> None:
    live = server_side(client_side({"a": "1"}, {"a": "1"}), {"a": "2"})
    text = live["metadata"]["annotations"][ANNOTATION]
    assert text == '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"c"}}\n'


def test_the_annotation_is_dropped_when_it_gets_too_large() -> None:
    live = server_side(client_side({"a": "1"}, {"a": "1"}), {"a": "x" * 300_000})
    assert ANNOTATION not in live["metadata"]["annotations"]


def test_what_changed_since_is_a_conflict() -> None:
    with pytest.raises(StatusError, match=r"1 conflict: .*: \.data\.b$"):
        server_side(client_side({"a": "1", "b": "1"}, {"a": "1", "b": "changed"}), {"a": "2", "b": "2"})


def test_other_managers_do_not_take_over() -> None:
    with pytest.raises(StatusError, match=r"\.data\.a$"):
        server_side(client_side({"a": "1"}, {"a": "1"}), {"a": "2"}, "somebody")


def test_an_annotation_of_another_version_does_not_count() -> None:
    with pytest.raises(StatusError, match=r"\.data\.a$"):
        server_side(client_side({"a": "1"}, {"a": "1"}, "v2"), {"a": "2"})
