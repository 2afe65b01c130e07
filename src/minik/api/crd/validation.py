"""Everything one version of a custom resource demands of its objects, in upstream's order.

schema -> scale's numbers -> embedded objects -> list sets and maps -> CEL rules (only when nothing above is fatal)
"""

from dataclasses import replace
from typing import Any

from minik.api.crd import embedded, list_types, schema_validation
from minik.api.crd.correlation import Correlated
from minik.api.crd.schema_validation import NOWHERE
from minik.api.patch import go_print
from minik.api.types import Obj
from minik.api.validation import (
    INVALID,
    NOT_SUPPORTED,
    REQUIRED,
    TOO_LONG,
    TOO_MANY,
    TYPE_INVALID,
    FieldError,
    invalid_value,
)

_BLOCKING = {NOT_SUPPORTED, REQUIRED, TOO_LONG, TOO_MANY, TYPE_INVALID}
_MAX_INT32 = (1 << 31) - 1
_UNCHECKED = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


def nested(obj: Any, path: str) -> Any:
    """The value at a simple path such as `.spec.replicas`; None when it is not there."""
    for name in path.removeprefix(".").split("."):
        if not isinstance(obj, dict) or name not in obj:
            return None
        obj = obj[name]
    return obj


class Validator:
    """Holds objects of one version to its schema (None: anything goes)."""

    def __init__(self, schema: Obj | None, scale: Obj | None) -> None:
        self._schema = _own_part(schema)
        self._scale = scale or {}
        self._has_rules = _has_rules(schema)
        self._typed: frozenset[int] | None = None

    def create(self, obj: Obj) -> list[FieldError]:
        errors = self._against_schema(obj, None)
        errors += self._scale_numbers(obj, "specReplicasPath")
        errors += self._scale_status(obj)
        errors += embedded.validate(obj, self._schema)
        errors += list_types.duplicates(obj, self._schema)
        return errors + self._rules(obj, None, errors)

    def update(self, new: Obj, old: Obj) -> list[FieldError]:
        errors = self._against_schema(new, old)
        errors += self._scale_numbers(new, "specReplicasPath")
        errors += self._scale_status(new)
        errors += embedded.validate(new, self._schema)
        return errors + self._last(new, old, errors)

    def status(self, new: Obj, old: Obj) -> list[FieldError]:
        errors = self._status_against_schema(new, old)
        errors += self._scale_status(new)
        return errors + self._last(new, old, errors)

    def _last(self, new: Obj, old: Obj, errors: list[FieldError]) -> list[FieldError]:
        repeated = list_types.duplicates(new, self._schema)
        if repeated and list_types.duplicates(old, self._schema):
            repeated = []  # what was accepted before is not refused now
        return repeated + self._rules(new, old, errors + repeated)

    def _against_schema(self, obj: Obj, old: Obj | None) -> list[FieldError]:
        if not self._schema:
            return []
        before = None if old is None else Correlated(obj, old, self._schema)
        return schema_validation.validate(obj, self._schema, before=before)

    def _status_against_schema(self, new: Obj, old: Obj) -> list[FieldError]:
        """Status alone, as if it was a whole object: so upstream's texts have it."""
        schema = ((self._schema or {}).get("properties") or {}).get("status")
        if schema is None or self._schema is None or "status" not in new:
            return []
        before = Correlated(new, old, self._schema).key("status")
        found = schema_validation.validate(new["status"], schema, before=before)
        return [replace(e, field="status" if e.field == NOWHERE else f"status.{e.field}") for e in found]

    def _scale_status(self, obj: Obj) -> list[FieldError]:
        errors = self._scale_numbers(obj, "statusReplicasPath")
        path = self._scale.get("labelSelectorPath")
        if path:
            try:
                _value_at(obj, path, "string", "")
            except ValueError as error:
                errors.append(invalid_value(path, "", str(error)))
        return errors

    def _scale_numbers(self, obj: Obj, key: str) -> list[FieldError]:
        path = self._scale.get(key)
        if not path:
            return []
        try:
            replicas = _value_at(obj, path, "int64", 0)
        except ValueError as error:
            return [invalid_value(path, 0, str(error))]
        if replicas < 0:
            return [invalid_value(path, replicas, "should be a non-negative integer")]
        if replicas > _MAX_INT32:
            return [invalid_value(path, replicas, f"should be less than or equal to {_MAX_INT32}")]
        return []

    def _rules(self, new: Obj, old: Obj | None, errors: list[FieldError]) -> list[FieldError]:
        if not self._has_rules or self._schema is None:
            return []
        if any(error.reason in _BLOCKING for error in errors):
            return [FieldError(INVALID, NOWHERE, None, _UNCHECKED)]
        from minik.api.crd import rules  # the CEL engine is only loaded for schemas with rules

        if self._typed is None:
            self._typed = rules.with_list_types(self._schema)
        return rules.validate(self._schema, new, old, self._typed)


def _value_at(obj: Any, path: str, kind: str, absent: Any) -> Any:
    """The value of a Go type at a simple path, or `absent`. Raises ValueError in apimachinery's words."""
    seen = ""
    for name in path.removeprefix(".").split("."):
        if not isinstance(obj, dict):
            text = f"{go_print.plain(obj)} is of the type {go_print.type_name(obj)}, expected map[string]interface {{}}"
            raise ValueError(f"{seen} accessor error: {text}")
        seen += f".{name}"
        if name not in obj:
            return absent
        obj = obj[name]
    if go_print.type_name(obj) != kind:
        found = f"{go_print.plain(obj)} is of the type {go_print.type_name(obj)}"
        raise ValueError(f"{seen} accessor error: {found}, expected {kind}")
    return obj


def _own_part(schema: Obj | None) -> Obj | None:
    """The schema with what every object has: kind, version and metadata are checked elsewhere."""
    if not schema:
        return None
    properties = dict(schema.get("properties") or {})
    for name in ("apiVersion", "kind"):
        properties.setdefault(name, {"type": "string"})
    properties.setdefault("metadata", {"type": "object"})
    return {**schema, "properties": properties}


def _has_rules(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(_has_rules(part) for part in schema)
    if not isinstance(schema, dict):
        return False
    return bool(schema.get("x-kubernetes-validations")) or any(_has_rules(part) for part in schema.values())
