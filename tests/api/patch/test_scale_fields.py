from typing import Any

from minik.api.patch import scale_fields

REPLICAS = {"apps/v1": ("spec", "replicas")}
NOW = "2026-01-02T03:04:05Z"


def entry(manager: str, operation: str, version: str, fields: Any, *, time: str = "", subresource: str = "") -> Any:
    written = {"manager": manager, "operation": operation, "apiVersion": version}
    if time:
        written["time"] = time
    written |= {"fieldsType": "FieldsV1", "fieldsV1": fields}
    return {**written, "subresource": subresource} if subresource else written


SPEC = {"f:spec": {"f:replicas": {}, "f:selector": {}}}
ONLY = {"f:spec": {"f:replicas": {}}}
PARENT = [
    entry("a", "Apply", "apps/v1", {"f:metadata": {"f:labels": {"f:x": {}}}}, time=NOW),
    entry("u", "Update", "apps/v1", SPEC, time=NOW),
]


def test_the_scale_sees_who_owns_the_replicas() -> None:
    assert scale_fields.of_scale(PARENT, REPLICAS) == [entry("u", "Update", "autoscaling/v1", ONLY, time=NOW)]


def test_managers_in_unknown_versions_are_not_seen() -> None:
    assert scale_fields.of_scale([entry("u", "Update", "apps/v0", SPEC)], REPLICAS) == []


def test_replicas_are_taken_from_who_lost_them() -> None:
    scale = [entry("m", "Apply", "autoscaling/v1", ONLY, time=NOW, subresource="scale")]
    assert scale_fields.of_parent(PARENT, scale, REPLICAS, "apps/v1") == [
        entry("m", "Apply", "apps/v1", ONLY, subresource="scale"),
        PARENT[0],
        entry("u", "Update", "apps/v1", {"f:spec": {"f:selector": {}}}, time=NOW),
    ]


def test_who_keeps_them_keeps_the_entry() -> None:
    scale = scale_fields.of_scale(PARENT, REPLICAS)
    assert scale_fields.of_parent(PARENT, scale, REPLICAS, "apps/v1") == PARENT


def test_a_manager_of_nothing_else_is_gone() -> None:
    assert scale_fields.of_parent([entry("u", "Update", "apps/v1", ONLY)], [], REPLICAS, "apps/v1") == []
