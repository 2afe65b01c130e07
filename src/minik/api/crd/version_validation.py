"""Validation of printer columns, subresources and selectable fields of a definition."""

from collections.abc import Sequence

from minik.api.crd.field_paths import FieldPathError, follow
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, required, too_many

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_MOST_SELECTABLE = 8


def _path_errors(path: str, where: str) -> list[FieldError]:
    """No more than this: a path that cannot be read makes no column."""
    return [] if path.startswith(".") else [invalid_value(where, path, "must be a simple json path starting with .")]


def columns_errors(columns: Sequence[Obj] | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, column in enumerate(columns or ()):
        where, kind, form = f"{path}[{index}]", column.get("type", ""), column.get("format", "")
        if not column.get("name"):
            errors.append(required(f"{where}.name"))
        if not kind:
            errors.append(required(f"{where}.type", f"must be one of {','.join(_COLUMN_TYPES)}"))
        elif kind not in _COLUMN_TYPES:
            errors.append(invalid_value(f"{where}.type", kind, f"must be one of {','.join(_COLUMN_TYPES)}"))
        if form and form not in _COLUMN_FORMATS:
            errors.append(invalid_value(f"{where}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}"))
        if not column.get("jsonPath"):
            errors.append(required(f"{where}.JSONPath"))
        else:
            errors += _path_errors(column["jsonPath"], f"{where}.JSONPath")
    return errors


def subresources_errors(subresources: Obj, path: str) -> list[FieldError]:
    scale = subresources.get("scale")
    if scale is None:
        return []
    errors = _under(scale.get("specReplicasPath"), f"{path}.scale.specReplicasPath", (".spec.",), ".spec")
    errors += _under(scale.get("statusReplicasPath"), f"{path}.scale.statusReplicasPath", (".status.",), ".status")
    if scale.get("labelSelectorPath"):
        where = f"{path}.scale.labelSelectorPath"
        errors += _under(scale["labelSelectorPath"], where, (".spec.", ".status."), "either .spec or .status")
    return errors


def _under(given: str | None, where: str, prefixes: tuple[str, ...], named: str) -> list[FieldError]:
    if not given:
        return [required(where)]
    errors = _path_errors(given, where)
    if not errors and not given.startswith(prefixes):
        errors = [invalid_value(where, given, f"should be a json path under {named}")]
    return errors


def selectable_errors(fields: Sequence[Obj] | None, schema: Obj | None, path: str, missing: str) -> list[FieldError]:
    """`missing`: what is said of fields without a schema beside them."""
    if not fields:
        return []
    if schema is None:
        return [invalid_value(path, "", missing)]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, field in enumerate(fields):
        where, given = f"{path}[{index}].jsonPath", field.get("jsonPath", "")
        if not given:
            errors.append(required(where))
            continue
        try:
            found = follow(given, schema, brackets=False)
        except FieldPathError as error:
            errors.append(invalid_value(where, given, f"is an invalid path: {error}"))
            continue
        if found.shown.partition(".")[0] == "metadata":
            errors.append(invalid_value(where, given, "must not point to fields in metadata"))
        if found.schema.get("type") not in ("string", "boolean", "integer"):
            text = (
                "must point to a field of type string, boolean or integer. "
                "Enum string fields and strings with formats are allowed."
            )
            errors.append(invalid_value(where, given, text))
        if found.shown in seen:
            errors.append(duplicate(where, given))
        seen.add(found.shown)
    if len(seen) > _MOST_SELECTABLE:
        errors.append(too_many(path, len(seen), _MOST_SELECTABLE))
    return errors
