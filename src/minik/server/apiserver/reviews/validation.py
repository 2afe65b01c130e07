"""Validation of access reviews: upstream's pkg/apis/authorization/validation."""

from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value
from minik.server.apiserver.reviews.selectors import validate_selector


def validate_spec(review: Obj) -> list[FieldError]:
    """Of SubjectAccessReview and LocalSubjectAccessReview."""
    errors, spec = _validate_question(review), review.get("spec") or {}
    if not spec.get("user") and not spec.get("groups"):
        errors.append(invalid_value("spec.user", "", "at least one of user or group must be specified"))
    return errors + _validate_selectors(spec)


def validate_self_spec(review: Obj) -> list[FieldError]:
    return _validate_question(review) + _validate_selectors(review.get("spec") or {})


def _validate_question(review: Obj) -> list[FieldError]:
    """It is about a resource or about a path."""
    spec = review.get("spec") or {}
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    errors: list[FieldError] = []
    if resource is not None and path is not None:
        text = "cannot be specified in combination with resourceAttributes"
        errors.append(invalid_value("spec.nonResourceAttributes", _go_path(path), text))
    if resource is None and path is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        errors.append(invalid_value("spec.resourceAttributes", None, text))
    return errors


def _validate_selectors(spec: Obj) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in ("fieldSelector", "labelSelector"):
        selector = (spec.get("resourceAttributes") or {}).get(field)
        if selector is not None:
            errors += validate_selector(selector, f"spec.resourceAttributes.{field}", labels=field == "labelSelector")
    return errors


def validate_metadata(review: Obj, *, without: tuple[str, ...] = ()) -> list[FieldError]:
    """A review has no name; `without` are fields that may be there."""
    metadata = review["metadata"]
    given = {key for key in metadata if key not in ("managedFields", *without)}
    if not given:
        return []
    shown = {key: value for key, value in metadata.items() if key not in without}
    return [invalid_value("metadata", shown, "must be empty")]


def validate_local_review(review: Obj) -> list[FieldError]:
    errors = validate_spec(review) + validate_metadata(review, without=("namespace",))
    spec = review.get("spec") or {}
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and resource.get("namespace", "") != review["metadata"].get("namespace", ""):
        text = "must match metadata.namespace"
        errors.append(invalid_value("spec.resourceAttributes.namespace", resource.get("namespace", ""), text))
    if path is not None:
        text = "disallowed on this kind of request"
        errors.append(invalid_value("spec.nonResourceAttributes", _go_path(path), text))
    return errors


def _go_path(path: Obj) -> Obj:
    """As upstream prints its internal type."""
    return {"Path": path.get("path", ""), "Verb": path.get("verb", "")}
