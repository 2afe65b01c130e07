"""ResourceClaim (resource.k8s.io/v1, v1beta2, v1beta1): devices that Pods ask for.

Behaviour: https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.go_form import go_struct
from minik.api.groups.conversion import converting
from minik.api.groups.resource.claim_validation import validate_claim_spec
from minik.api.groups.resource.request_defaults import default_claim
from minik.api.groups.resource.v1beta1_conversion import claim_from_v1, claim_to_v1
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError, invalid_value

_STORED = GVR("resource.k8s.io", "v1", "resourceclaims")
_COLUMNS = (
    NAME,
    Column("State", description="A summary of the current state (allocated, pending, reserved, etc.)."),
    AGE,
)


def _state(obj: Obj) -> str:
    status, deleted = obj.get("status") or {}, bool(obj["metadata"].get("deletionTimestamp"))
    states = ["deleted"] if deleted else []
    if status.get("allocation") is None:
        states += [] if deleted else ["pending"]
    else:
        states += ["allocated", "reserved"] if status.get("reservedFor") else ["allocated"]
    return ",".join(states)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], _state(obj), age(obj, now)]


def _validate(obj: Obj) -> list[FieldError]:
    return validate_claim_spec(obj["spec"], "spec")


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    if new["spec"] == old["spec"]:
        return []
    shown = go_struct(new["spec"], "io.k8s.api.resource.v1.ResourceClaimSpec")
    return [invalid_value("spec", shown, "field is immutable")]


def _prepare_status(new: Obj, old: Obj) -> None:
    from minik.api.groups.resource.claim_status_validation import forget_devices  # few clusters have devices

    keep_spec_and_metadata(new, old)
    forget_devices(new, old)


def _validate_status(new: Obj, old: Obj) -> list[FieldError]:
    from minik.api.groups.resource.claim_status_validation import validate_claim_status

    return validate_claim_status(new, old)


def _resource(version: str) -> Resource:
    type_name = f"io.k8s.api.resource.{version}.ResourceClaim"

    def rule(function: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        return converting(claim_to_v1, function) if version == "v1beta1" else function

    return Resource(
        group="resource.k8s.io",
        version=version,
        kind="ResourceClaim",
        plural="resourceclaims",
        singular="resourceclaim",
        type_name=type_name,
        strategy=Strategy(
            default=default_claim,
            prepare_create=reset_status(type_name),
            prepare_update=keep_status,
            validate=rule(_validate),
            validate_update=rule(_validate_update),
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="ResourceClaim",
                strategy=status_strategy(
                    default=default_claim,
                    prepare_update=_prepare_status,
                    validate_update=rule(_validate_status),
                    reset_fields=frozenset({("metadata",), ("spec",)}),
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="wgAZaHcZxUg=",
    )


RESOURCES = (
    _resource("v1"),
    replace(_resource("v1beta2"), storage=_STORED),
    replace(_resource("v1beta1"), storage=_STORED, from_storage=claim_from_v1, to_storage=claim_to_v1),
)
