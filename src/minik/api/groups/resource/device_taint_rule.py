"""DeviceTaintRule (resource.k8s.io/v1beta2, v1alpha3): taints devices from the side (KEP-5055)."""

from datetime import UTC, datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.condition_validation import validate_conditions
from minik.api.groups.resource.device_names import validate_device_name, validate_driver, validate_pool_name
from minik.api.groups.resource.device_validation import validate_device_taint
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.scheme import Resource, Strategy, Subresource
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError

_STORED = "v1alpha3"


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], age(obj, now)]


def _default(obj: Obj) -> None:
    taint = (obj.get("spec") or {}).get("taint") or {}
    if taint.get("key") and not taint.get("timeAdded"):
        taint["timeAdded"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _validate_selector(selector: Obj) -> list[FieldError]:
    rules = {"driver": validate_driver, "pool": validate_pool_name, "device": validate_device_name}
    return [
        error
        for key, rule in rules.items()
        if selector.get(key) is not None
        for error in rule(selector[key], f"spec.deviceSelector.{key}")
    ]


def _validate(obj: Obj) -> list[FieldError]:
    errors = _validate_selector(obj["spec"].get("deviceSelector") or {})
    return errors + validate_device_taint(obj["spec"].get("taint") or {}, "spec.taint")


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return _validate(new)


def _validate_status(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_conditions((new.get("status") or {}).get("conditions"), "status.conditions")


def _resource(version: str) -> Resource:
    type_name = f"io.k8s.api.resource.{version}.DeviceTaintRule"
    return Resource(
        group="resource.k8s.io",
        version=version,
        kind="DeviceTaintRule",
        plural="devicetaintrules",
        singular="devicetaintrule",
        type_name=type_name,
        namespaced=False,
        strategy=Strategy(
            default=_default,
            prepare_create=reset_status(type_name),
            prepare_update=keep_status,
            validate=_validate,
            validate_update=_validate_update,
            has_generation=True,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="DeviceTaintRule",
                strategy=status_strategy(
                    prepare_update=keep_spec_and_metadata,
                    validate_update=_validate_status,
                    reset_fields=frozenset({("metadata",), ("spec",)}),
                ),
            ),
        ),
        columns=(NAME, AGE),
        cells=_cells,
        storage=None if version == _STORED else GVR("resource.k8s.io", _STORED, "devicetaintrules"),
        storage_version_hash="DJ3UJ0fj8MI=",
    )


RESOURCES = (_resource("v1beta2"), _resource("v1alpha3"))
