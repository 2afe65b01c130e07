"""Validation of pod templates, for every kind that has one.

Rules: https://kubernetes.io/docs/concepts/workloads/pods/#pod-templates
"""

import orjson

from minik.api.groups.core.pod_annotations_validation import validate_pod_annotations, validate_profiles_match
from minik.api.groups.core.pod_spec_validation import validate_pod_spec
from minik.api.label_selector_validation import validate_labels
from minik.api.object_meta import validate_annotations
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden

_REMEMBERED = 256  # templates

_good: set[bytes] = set()  # templates as JSON


def validate_template_metadata(template: Obj, path: str) -> list[FieldError]:
    """Labels and annotations of the PodTemplateSpec at `path`."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    errors = validate_labels(metadata.get("labels"), f"{path}.labels")
    errors += validate_annotations(annotations, f"{path}.annotations")
    return errors + validate_pod_annotations(annotations, spec, f"{path}.annotations")


def validate_pod_template(template: Obj, path: str) -> list[FieldError]:
    """A PodTemplateSpec at `path`, on create and update. Which restart policies may be is the caller's rule.

    Most updates of a workload leave its template as it is, so those found to be good are remembered.
    """
    text = orjson.dumps(template)
    if text in _good:
        return []
    errors = _validate(template, path)
    if not errors:
        if len(_good) >= _REMEMBERED:
            _good.clear()
        _good.add(text)
    return errors


def _validate(template: Obj, path: str) -> list[FieldError]:
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    errors = validate_template_metadata(template, path)
    errors += validate_pod_spec(spec, f"{path}.spec")
    errors += validate_profiles_match(annotations, spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        text = "ephemeral containers not allowed in pod template"
        errors.append(forbidden(f"{path}.spec.ephemeralContainers", text))
    return errors
