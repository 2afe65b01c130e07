"""Validation of Pods on creation: the spec, and what only a Pod and no template must obey."""

from minik.api.groups.core.container_validation import validate_image_padding
from minik.api.groups.core.pod_annotations_validation import (
    MIRROR,
    validate_pod_annotations,
    validate_profiles_match,
)
from minik.api.groups.core.pod_spec_validation import validate_pod_spec
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden


def validate_pod_content(pod: Obj, old: Obj | None = None) -> list[FieldError]:
    """What is demanded of a Pod at any time. `old`: the Pod that an update replaces."""
    metadata, spec = pod["metadata"], pod["spec"]
    annotations = metadata.get("annotations") or {}
    before = None if old is None else old["metadata"].get("annotations") or {}
    errors = validate_pod_annotations(annotations, spec, "metadata.annotations", before)
    name, is_mirror = metadata.get("name", ""), MIRROR in annotations
    errors += validate_pod_spec(spec, "spec", pod_name=name, is_pod=True, is_mirror=is_mirror)
    if not spec.get("serviceAccountName"):
        errors += _validate_no_tokens(spec)
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            errors += validate_image_padding(container, f"spec.{kind}[{index}]")
    return errors


def _validate_no_tokens(spec: Obj) -> list[FieldError]:
    text = "must not be specified when serviceAccountName is not set"
    return [
        forbidden(f"spec.volumes[{index}].projected.sources[{number}].serviceAccountToken", text)
        for index, volume in enumerate(spec.get("volumes") or ())
        for number, source in enumerate((volume.get("projected") or {}).get("sources") or ())
        if source.get("serviceAccountToken") is not None
    ]


def validate_pod(pod: Obj) -> list[FieldError]:
    """Strategy.validate of Pods."""
    spec = pod["spec"]
    errors = validate_pod_content(pod)
    if spec.get("ephemeralContainers"):
        errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        errors.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    return errors + validate_profiles_match(pod["metadata"].get("annotations") or {}, spec, "spec")
