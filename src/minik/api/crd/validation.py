"""Everything one version of a custom resource demands of its objects, in upstream's order.

schema -> scale's numbers -> embedded objects -> list sets and maps -> CEL rules (only when nothing above is fatal)
"""

from typing import Any

from minik.api.crd import embedded, list_types, schema_validation
from minik.api.crd.schema_validation import ABSENT
from minik.api.patch import go_print
from minik.api.types import Obj
from minik.api.validation import INVALID, REQUIRED, TOO_LONG, TOO_MANY, TYPE_INVALID, FieldError, invalid_value

_BLOCKING = {REQUIRED, TOO_LONG, TOO_MANY, TYPE_INVALID}
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

    def create(self, obj: Obj) -> list[FieldError]:
        errors = self._against_schema(obj, ABSENT)
        errors += self._scale_numbers(obj, "specReplicasPath")
        errors += self._scale_numbers(obj, "statusReplicasPath")
        errors += embedded.validate(obj, self._schema)
        errors += list_types.duplicates(obj, self._schema)
        return errors + self._rules(obj, None, errors)

    def update(self, new: Obj, old: Obj) -> list[FieldError]:
        errors = self._against_schema(new, old)
        errors += self._scale_numbers(new, "specReplicasPath")
        errors += self._scale_numbers(new, "statusReplicasPath")
        errors += embedded.validate(new, self._schema)
        if not list_types.duplicates(old, self._schema):
            errors += list_types.duplicates(new, self._schema)
        return errors + self._rules(new, old, errors)

    def status(self, new: Obj, old: Obj) -> list[FieldError]:
        errors = self._against_schema(new, old)
        errors += self._scale_numbers(new, "statusReplicasPath")
        errors += list_types.duplicates(new, self._schema)
        return errors + self._rules(new, old, errors)

    def _against_schema(self, obj: Obj, old: Any) -> list[FieldError]:
        return schema_validation.validate(obj, self._schema, old=old) if self._schema else []

    def _scale_numbers(self, obj: Obj, key: str) -> list[FieldError]:
        path = self._scale.get(key)
        if not path:
            return []
        try:
            replicas = _number_at(obj, path)
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
            return [FieldError(INVALID, schema_validation.NOWHERE, None, _UNCHECKED)]
        from minik.api.crd import rules  # the CEL engine is only loaded for schemas with rules

        return rules.validate(self._schema, new, old)


def _number_at(obj: Any, path: str) -> int:
    """The whole number at a simple path, 0 if there is none. Raises ValueError in apimachinery's words."""
    seen = ""
    for name in path.removeprefix(".").split("."):
        if not isinstance(obj, dict):
            text = f"{go_print.plain(obj)} is of the type {go_print.type_name(obj)}, expected map[string]interface {{}}"
            raise ValueError(f"{seen} accessor error: {text}")
        seen += f".{name}"
        if name not in obj:
            return 0
        obj = obj[name]
    if go_print.type_name(obj) != "int64":
        found = f"{go_print.plain(obj)} is of the type {go_print.type_name(obj)}"
        raise ValueError(f"{seen} accessor error: {found}, expected int64")
    return int(obj)


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
