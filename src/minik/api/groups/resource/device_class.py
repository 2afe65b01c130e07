"""DeviceClass (resource.k8s.io/v1, v1beta2, v1beta1): devices of one kind, and how they are set up."""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.groups.resource.device_validation import validate_class_spec
from minik.api.scheme import Resource, Strategy
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError

_STORED = "v1"


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], age(obj, now)]


def _validate(obj: Obj) -> list[FieldError]:
    return validate_class_spec(obj["spec"])


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    return validate_class_spec(new["spec"], old["spec"])


def _resource(version: str) -> Resource:
    return Resource(
        group="resource.k8s.io",
        version=version,
        kind="DeviceClass",
        plural="deviceclasses",
        singular="deviceclass",
        type_name=f"io.k8s.api.resource.{version}.DeviceClass",
        namespaced=False,
        strategy=Strategy(
            validate=_validate,
            validate_update=_validate_update,
            has_generation=True,
            name_errors=names.declared_long_name,
        ),
        columns=(NAME, AGE),
        cells=_cells,
        storage=None if version == _STORED else GVR("resource.k8s.io", _STORED, "deviceclasses"),
        storage_version_hash="Yk2PTc1Ybxk=",
    )


RESOURCES = (_resource("v1"), _resource("v1beta2"), _resource("v1beta1"))
