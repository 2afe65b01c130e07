"""Objects of custom resources: decoding, pruning and defaulting by the structural schema.

Unlike built-in types they never pass through Go structs: values keep their form, only metadata is typed. Rules:
apiextensions-apiserver's structural schema packages (pruning, defaulting, objectmeta).
"""

import copy
from collections.abc import Iterator
from typing import Any

import orjson

from minik.api.schema import strict, structs, types, values
from minik.api.schema.body import Body, cannot_handle, group_version, repeats_keys, stated_kind, unrecognized
from minik.api.schema.types import GroupVersionKind, Shape
from minik.api.status import StatusError, bad_request, internal_error
from minik.api.types import Obj
from minik.api.validation import invalid_value

_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_INTEGERS = float(1 << 63)  # beyond them numbers are floats, however they are written
_TYPE_META = ("apiVersion", "kind", "metadata")


def decode(
    body: Body, shape: Shape, expected: GroupVersionKind, field_validation: str, *, any_version: bool = False
) -> tuple[Obj, list[str]]:
    """The pruned and defaulted object in a body, and warnings. Raises StatusError (400).

    An object of another kind comes as it is: it is for validation to refuse it. `any_version`: so does one of another
    version, or group.
    """
    filled = stated_kind(body, expected)
    value = body.value or {}
    if not value.get("kind"):
        raise _without_kind(body, filled, expected, field_validation)
    actual = filled if value.get("apiVersion") else GroupVersionKind("", "", filled.kind)
    matches = actual == expected
    obj: Obj = {**value}
    complaints = list(body.repeats)
    if body.is_json and repeats_keys(body.raw, body.value, _seen(body.value)):
        complaints += strict.repeated_fields(strict.with_duplicates(body.raw.decode(errors="replace")))
    try:
        schema = shape.structural_schema if matches else None
        complaints += [f'unknown field "{path}"' for path in prune(obj, schema)]
    except (values.TypeMismatch, values.BadValue) as error:
        raise cannot_handle(actual, expected, str(error)) from None
    if complaints and field_validation == "Strict":
        raise cannot_handle(actual, expected, f"strict decoding error: {', '.join(complaints)}")
    if not any_version and (actual.group, actual.version) != (expected.group, expected.version):
        raise bad_request(
            f"the API version in the data ({group_version(actual)}) does not match"
            f" the expected API version ({group_version(expected)})"
        )
    if any_version and not actual.version:
        raise internal_error("Object 'apiVersion' is missing in 'object has no apiVersion field'")
    if schema is not None:
        set_defaults(obj, schema)
    return obj, strict.as_warnings(complaints) if field_validation != "Ignore" else []


def _without_kind(
    body: Body, filled: GroupVersionKind, expected: GroupVersionKind, field_validation: str
) -> StatusError:
    """Objects without structs must say themselves what they are; a lenient reader finds out later than a strict one."""
    text = f"Object 'Kind' is missing in '{body.raw.decode(errors='replace')}'"
    if field_validation == "Ignore":
        return cannot_handle(filled, expected, text)
    return unrecognized(body.raw, expected, text)


def pruned(obj: Obj, shape: Shape) -> Obj:
    """A pruned and defaulted copy. Raises TypeMismatch or BadValue for metadata that does not fit."""
    out = copy.deepcopy(obj)
    list(prune(out, shape.structural_schema))
    if shape.structural_schema is not None:
        set_defaults(out, shape.structural_schema)
    return out


def _seen(value: Any) -> structs.Pass:
    """A pass that tells nothing, so that keys are counted from the value itself."""
    seen = structs.Pass()
    seen.unknown = True
    return seen


def prune(obj: Obj, schema: Obj | None) -> Iterator[str]:
    """Drop what the schema does not have, in place and as the paths are read. None: everything is kept.

    The paths come as upstream finds them: the object's metadata, what the schema does not have, and metadata of
    embedded objects. Metadata is converted as for built-in types. Raises TypeMismatch, BadValue.
    """
    yield from _prune_metadata(obj, "")
    if schema is not None:
        found = _Unknown()
        _prune(obj, schema, "", found, is_root=True)
        yield from sorted(found.fields)
        yield from sorted(found.metadata)


def prune_value(value: Any, schema: Obj) -> list[str]:
    """Drop what a part of a schema does not have from a value, in place. Raises TypeMismatch, BadValue."""
    found = _Unknown()
    _prune(value, schema, "", found)
    return found.fields + found.metadata


class _Unknown:
    """The paths of what was dropped."""

    __slots__ = ("fields", "metadata")

    def __init__(self) -> None:
        self.fields: list[str] = []
        self.metadata: list[str] = []


def _prune_metadata(obj: Obj, path: str) -> Iterator[str]:
    metadata = obj.get("metadata")
    if metadata is None:
        obj.pop("metadata", None)
        return
    shape = types.get(_OBJECT_META)
    obj["metadata"] = structs.converter(shape)(metadata, structs.Pass())
    for complaint in strict.complaints(metadata, shape):
        name = complaint.removeprefix('unknown field "').removesuffix('"')
        yield f"{path}metadata.{name}"


def _prune(
    value: Any, schema: Obj | None, path: str, found: _Unknown, *, is_root: bool = False, free: bool = False
) -> None:
    """`free`: what is unknown is kept, but what the schema names is pruned all the same."""
    schema = schema or {}
    free = free or bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    if isinstance(value, list):
        items = schema.get("items")
        for index, item in enumerate(value):
            # whatever is in lists of free values is free too
            _prune(item, items, f"{path}[{index}]", found, free=free)
    if not isinstance(value, dict):
        return
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    if embedded:
        _check_type_meta(value, f"{path}." if path else "")
        found.metadata += _prune_embedded_metadata(value, f"{path}." if path else "")
    properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
    for name in list(value):
        where = f"{path}.{name}" if path else name
        if (is_root or embedded) and name in _TYPE_META:
            continue
        if name in properties:
            _prune(value[name], properties[name], where, found)
        elif additional is not None:
            _prune(value[name], additional if isinstance(additional, dict) else None, where, found)
        elif not free:
            del value[name]
            found.fields.append(where)


def _check_type_meta(value: Obj, path: str) -> None:
    for name in ("apiVersion", "kind"):
        if name in value and not isinstance(value[name], str):
            raise values.BadValue(str(invalid_value(f"{path}{name}", value[name], "must be a string")))


def _prune_embedded_metadata(value: Obj, path: str) -> list[str]:
    metadata = value.get("metadata")
    try:
        return list(_prune_metadata(value, path))
    except (values.TypeMismatch, values.BadValue) as error:
        shown = as_written(metadata)
        raise values.BadValue(str(invalid_value(f"{path}metadata", shown, str(error)))) from None


def set_defaults(value: Any, schema: Obj) -> None:
    """Fill in the schema's defaults, in place. A null where none is allowed counts as absent."""
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, dict):
        for index, item in enumerate(value):
            if item is None and not items.get("nullable"):
                value[index] = item = copy.deepcopy(items.get("default"))
            set_defaults(item, items)
    if not isinstance(value, dict):
        return
    properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, part in properties.items():
        unwanted_null = name in value and value[name] is None and not part.get("nullable")
        if part.get("default") is not None and (name not in value or unwanted_null):
            value[name] = copy.deepcopy(part["default"])
        elif unwanted_null:
            del value[name]
    if isinstance(additional, dict) and not additional.get("nullable"):
        for name in [name for name, item in value.items() if item is None and name not in properties]:
            if additional.get("default") is None:
                del value[name]
            else:
                value[name] = copy.deepcopy(additional["default"])
    for name, item in value.items():
        part = properties.get(name, additional)
        if isinstance(part, dict):
            set_defaults(item, part)


def write_whole_numbers(value: Any) -> None:
    """Make floats the integers as which Go writes them, in place: once stored, nothing tells 1.0 from 1."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in entries:
        if isinstance(item, float) and item.is_integer() and abs(item) < _INTEGERS:
            value[key] = int(item)
        elif isinstance(item, dict | list):
            write_whole_numbers(item)


def as_written(value: Any) -> Any:
    """A value as Go writes it that has no struct for it: objects in the order of their keys. For messages."""
    if not isinstance(value, dict | list):
        return value
    written = orjson.loads(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
    write_whole_numbers(written)
    return written
