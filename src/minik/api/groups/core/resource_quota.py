"""ResourceQuota (v1): how much a namespace may have.

Behaviour: https://kubernetes.io/docs/concepts/policy/resource-quotas/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.core.resource_quota_validation import (
    validate_resource_quota,
    validate_resource_quota_status_update,
    validate_resource_quota_update,
)
from minik.api.quantity import parse
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_COLUMNS = (
    NAME,
    Column("Request", description="Request represents a minimum amount of cpu/memory that a container may consume."),
    Column(
        "Limit",
        description=(
            "Limits control the maximum amount of cpu/memory that a container may use independent of contention "
            "on the node."
        ),
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    status = obj.get("status") or {}
    used = status.get("used") or {}
    requests: list[str] = []
    limits: list[str] = []
    for name, hard in sorted((status.get("hard") or {}).items()):
        (limits if name.startswith("limits.") else requests).append(f"{name}: {used.get(name, '0')}/{hard}")
    return [obj["metadata"]["name"], ", ".join(requests), ", ".join(limits), age(obj, now)]


def _warn(new: Obj, old: Obj | None) -> list[str]:
    """Of new quotas only: more may be requested than there may be limits."""
    hard = {} if old is not None else (new.get("spec") or {}).get("hard") or {}
    warnings: list[str] = []
    for name in ("cpu", "memory", "storage", "ephemeral-storage"):
        request, limit = f"requests.{name}", f"limits.{name}"
        if request not in hard and name in ("cpu", "memory"):
            request = name
        if request in hard and limit in hard and parse(hard[limit]) < parse(hard[request]):
            warnings.append(f"ResourceQuota {request} ({hard[request]}) should be less than {limit} ({hard[limit]})")
    return warnings


def _prepare_create(obj: Obj) -> None:
    obj["status"] = {}


def _prepare_update(new: Obj, old: Obj) -> None:
    new["status"] = old.get("status") or {}


def _prepare_status(new: Obj, old: Obj) -> None:
    new["spec"] = old.get("spec") or {}


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="ResourceQuota",
        plural="resourcequotas",
        singular="resourcequota",
        type_name="io.k8s.api.core.v1.ResourceQuota",
        short_names=("quota",),
        strategy=Strategy(
            prepare_create=_prepare_create,
            prepare_update=_prepare_update,
            validate=validate_resource_quota,
            validate_update=validate_resource_quota_update,
            warn=_warn,
            reset_fields=frozenset({("status",)}),
        ),
        subresources=(
            Subresource(
                name="status",
                kind="ResourceQuota",
                strategy=Strategy(
                    prepare_update=_prepare_status,
                    validate_update=validate_resource_quota_status_update,
                    reset_fields=frozenset({("spec",)}),
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="8uhSgffRX6w=",
    ),
)
