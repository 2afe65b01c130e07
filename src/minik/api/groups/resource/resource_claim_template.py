"""ResourceClaimTemplate (resource.k8s.io/v1, v1beta2, v1beta1): claims made for each Pod."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.go_form import go_struct
from minik.api.groups.conversion import converting
from minik.api.groups.resource.claim_validation import validate_claim_spec
from minik.api.groups.resource.request_defaults import default_claim_template
from minik.api.groups.resource.v1beta1_conversion import template_from_v1, template_to_v1
from minik.api.label_selector_validation import validate_labels
from minik.api.object_meta import validate_annotations
from minik.api.scheme import Resource, Strategy
from minik.api.types import GVR, Obj
from minik.api.validation import FieldError, invalid_value

_STORED = GVR("resource.k8s.io", "v1", "resourceclaimtemplates")


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], age(obj, now)]


def _validate(obj: Obj) -> list[FieldError]:
    metadata = obj["spec"].get("metadata") or {}
    errors = validate_labels(metadata.get("labels"), "spec.metadata.labels")
    errors += validate_annotations(metadata.get("annotations"), "spec.metadata.annotations")
    return errors + validate_claim_spec(obj["spec"].get("spec") or {}, "spec.spec")


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    if new["spec"] == old["spec"]:
        return []
    claim = go_struct(new["spec"].get("spec") or {}, "io.k8s.api.resource.v1.ResourceClaimSpec")
    shown = {**(new["spec"].get("metadata") or {}), "Spec": claim}  # metadata is embedded there
    return [invalid_value("spec", shown, "field is immutable")]


def _resource(version: str) -> Resource:
    def rule(function: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
        return converting(template_to_v1, function) if version == "v1beta1" else function

    return Resource(
        group="resource.k8s.io",
        version=version,
        kind="ResourceClaimTemplate",
        plural="resourceclaimtemplates",
        singular="resourceclaimtemplate",
        type_name=f"io.k8s.api.resource.{version}.ResourceClaimTemplate",
        strategy=Strategy(
            default=default_claim_template, validate=rule(_validate), validate_update=rule(_validate_update)
        ),
        columns=(NAME, AGE),
        cells=_cells,
        storage_version_hash="TuzjC49aUfM=",
    )


RESOURCES = (
    _resource("v1"),
    replace(_resource("v1beta2"), storage=_STORED),
    replace(_resource("v1beta1"), storage=_STORED, from_storage=template_from_v1, to_storage=template_to_v1),
)
