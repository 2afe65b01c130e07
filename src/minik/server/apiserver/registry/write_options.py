"""CreateOptions, UpdateOptions and PatchOptions: read from the query, checked as upstream checks them.

Rules: apimachinery's metav1 validation package.
"""

from dataclasses import dataclass

from minik.api.object_meta import validate_field_manager
from minik.api.patch.managers import name_from
from minik.api.types import Obj
from minik.api.validation import NOT_SUPPORTED, FieldError, forbidden, invalid, not_supported, required
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.request_info import truthy

_FIELD_VALIDATION = ("", "Ignore", "Strict", "Warn")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """`field_manager` is the one given or made from the user agent; `field_validation` "Warn" unless said."""

    dry_run: bool
    field_manager: str
    field_validation: str
    force: bool
    raw: Obj  # the decoded options, for admission


def dry_run_errors(values: list[str]) -> list[FieldError]:
    if all(value == "All" for value in values):
        return []
    return [FieldError(NOT_SUPPORTED, "dryRun", values, 'supported values: "All"')]


def parse(call: Call, kind: str, *, apply: bool = False) -> WriteOptions:
    """`kind` is CreateOptions, UpdateOptions or PatchOptions. Raises StatusError 422."""
    dry_run = list(call.parameters("dryRun"))
    manager = call.parameter("fieldManager")
    validation = call.parameter("fieldValidation")
    force = truthy(call.request.query, "force")
    if call.request.query:
        errors = _errors(kind, dry_run, manager, validation, apply=apply, force_given=bool(call.parameters("force")))
        if errors:
            raise invalid("meta.k8s.io", kind, "", errors)
    elif apply:
        raise invalid("meta.k8s.io", kind, "", [required("fieldManager", "is required for apply patch")])
    raw: Obj = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if dry_run:
        raw["dryRun"] = dry_run
    if call.parameters("force"):
        raw["force"] = force
    if manager:
        raw["fieldManager"] = manager
    if validation:
        raw["fieldValidation"] = validation
    user_agent = call.request.headers.get("user-agent", "")
    return WriteOptions(bool(dry_run), name_from(manager, user_agent), validation or "Warn", force, raw)


def _errors(
    kind: str, dry_run: list[str], manager: str, validation: str, *, apply: bool, force_given: bool
) -> list[FieldError]:
    errors: list[FieldError] = []
    if kind == "PatchOptions":
        if apply and not manager:
            errors.append(required("fieldManager", "is required for apply patch"))
        if not apply and force_given:
            errors.append(forbidden("force", "may not be specified for non-apply patch"))
    errors += validate_field_manager(manager, "fieldManager")
    errors += dry_run_errors(dry_run)
    if validation not in _FIELD_VALIDATION:
        errors.append(not_supported("fieldValidation", validation, _FIELD_VALIDATION))
    return errors
