"""Values against structural schemas, with the texts and the order of kube-openapi's validators.

On update a part that is as it was is not refused again (ratcheting): the old value goes down with the new one as long
as the two can be matched. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from minik.api.crd import formats, number_validation
from minik.api.crd.correlation import Correlated
from minik.api.crd.go_regexp import compiled
from minik.api.schema import custom_objects
from minik.api.types import Obj
from minik.api.validation import (
    INVALID,
    NOT_SUPPORTED,
    REQUIRED,
    TOO_LONG,
    TOO_MANY,
    TYPE_INVALID,
    FieldError,
    show,
)

NOWHERE = "<nil>"
_TYPE_META = ("apiVersion", "kind")
_SORTED = orjson.OPT_SORT_KEYS


@dataclass(slots=True)
class _Result:
    """`matched` counts what was checked well, which decides whose errors of an anyOf are told."""

    errors: list[FieldError] = field(default_factory=list)
    matched: int = 0

    def merge(self, other: "_Result") -> None:
        self.errors += other.errors
        self.matched += other.matched


def validate(value: Any, schema: Obj, *, path: str = "", before: Correlated | None = None) -> list[FieldError]:
    """The complaints about a value, each of them once. `path` is where it is in its object."""
    once: dict[tuple[str, str, str], FieldError] = {}
    for error in _validate(value, schema, path, before).errors:
        once.setdefault((error.reason, error.field, error.detail), error)
    return list(once.values())


def _validate(value: Any, schema: Obj, path: str, before: Correlated | None = None) -> _Result:
    result = _Result()
    result.merge(_type(value, schema, path))
    if value is None:
        result.merge(_enum(value, schema, path))
        return result
    result.merge(_logic(value, schema, path))
    if isinstance(value, str):
        result.errors += _string(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        for text, outside in number_validation.complaints(value, schema, path):
            result.errors.append(FieldError(INVALID, NOWHERE, "", text) if outside else _invalid(path, value, text))
    elif isinstance(value, list):
        result.merge(_list(value, schema, path, before))
    result.merge(_enum(value, schema, path))
    if isinstance(value, dict):
        result.merge(_object(value, schema, path, before))
    result.matched += 1
    if result.errors and before is not None and before.unchanged():
        result.errors = []
    return result


def _invalid(path: str, value: Any, text: str) -> FieldError:
    where = path.removeprefix(".") or NOWHERE
    return FieldError(INVALID, where, custom_objects.as_written(value), f"{path} in body {text}")


def _composite(path: str, text: str) -> FieldError:
    return FieldError(INVALID, NOWHERE, "", f"{show(path)} {text}")


# -- types


def kind_of(value: Any) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) and -(1 << 63) <= value < 1 << 63 else "number"
    return "array" if isinstance(value, list) else "object"


def _type(value: Any, schema: Obj, path: str) -> _Result:
    allowed = ["integer", "string"] if schema.get("x-kubernetes-int-or-string") else []
    if not allowed and schema.get("type"):
        allowed = [schema["type"]]
    form = formats.effective(schema)
    if (not allowed and not form) or (value is None and (schema.get("nullable") or not allowed)):
        return _Result(matched=1)
    found = kind_of(value)
    if found in allowed or (found == "integer" and "number" in allowed):
        return _Result(matched=1)
    if found == "number" and "integer" in allowed and number_validation.is_whole(value):
        return _Result(matched=1)
    wanted = ",".join(allowed)
    if form and found not in ("null", "string", "array"):  # then it is the format that does not fit
        wanted, found = form, _GO_FORMATS.get(found, "")
    elif form and found in ("string", "array") and allowed not in (["integer"], ["number"]):
        return _Result(matched=1)  # left to the format, which says nothing of lists
    text = f"{path} in body must be of type {wanted}: {show(found)}"
    return _Result([FieldError(TYPE_INVALID, path.removeprefix(".") or NOWHERE, found, text)])


_GO_FORMATS = {"integer": "int64", "number": "float"}


# -- scalars


def _string(value: str, schema: Obj, path: str) -> list[FieldError]:
    errors = _text(value, schema, path)
    name = formats.effective(schema)
    if name and not formats.matches(name, value):
        text = f"{path} in body must be of type {name}: {show(value)}"
        errors.append(FieldError(TYPE_INVALID, path.removeprefix(".") or NOWHERE, value, text))
    return errors


def _text(value: str, schema: Obj, path: str) -> list[FieldError]:
    longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if longest is not None and len(value) > longest:
        return [FieldError(TOO_LONG, path.removeprefix(".") or NOWHERE, "", f"may not be more than {longest} bytes")]
    if shortest is not None and len(value) < shortest:
        return [_invalid(path, value, f"should be at least {shortest} chars long")]
    if pattern and not compiled(pattern).search(value):
        return [_invalid(path, value, f"should match '{pattern}'")]
    return []


def _enum(value: Any, schema: Obj, path: str) -> _Result:
    """Nothing allows null, not even null among the values."""
    allowed = schema.get("enum")
    if not allowed or any(_is_one(value, each) for each in allowed):
        return _Result(matched=1)
    names = [each if isinstance(each, str) else orjson.dumps(each, option=_SORTED).decode() for each in allowed]
    listed = ", ".join(show(name) for name in names)
    where = path.removeprefix(".") or NOWHERE
    shown = custom_objects.as_written(value)
    return _Result([FieldError(NOT_SUPPORTED, where, shown, f"supported values: {listed}")])


def _is_one(value: Any, allowed: Any) -> bool:
    """Numbers are compared as the kind of number that is allowed."""
    if value is None or isinstance(value, bool) != isinstance(allowed, bool):
        return False
    if isinstance(value, int | float) and isinstance(allowed, int | float):
        return (int(value) if isinstance(allowed, int) else value) == allowed
    return type(value) is type(allowed) and bool(value == allowed)


# -- lists and objects


def _list(value: list[Any], schema: Obj, path: str, before: Correlated | None) -> _Result:
    result = _Result()
    items = schema.get("items")
    if isinstance(items, dict):
        for index, item in enumerate(value):
            result.merge(_validate(item, items, f"{path}[{index}]", before.index(index) if before else None))
    fewest, most = schema.get("minItems"), schema.get("maxItems")
    if fewest is not None and len(value) < fewest:
        result.errors.append(_invalid(path, len(value), f"should have at least {fewest} items"))
    if most is not None and len(value) > most:
        result.errors.append(_too_many(path, len(value), most))
    if schema.get("uniqueItems") and _repeats(value):
        result.errors.append(_invalid(path, "", "shouldn't contain duplicates"))
    return result


def _too_many(path: str, found: int, most: int) -> FieldError:
    return FieldError(TOO_MANY, path.removeprefix(".") or NOWHERE, found, f"must have at most {most} items")


def _repeats(value: Iterable[Any]) -> bool:
    written = [orjson.dumps(item, option=_SORTED) for item in value]
    return len(set(written)) < len(written)


def _object(value: Obj, schema: Obj, path: str, before: Correlated | None) -> _Result:
    result = _Result()
    fewest, most = schema.get("minProperties"), schema.get("maxProperties")
    if fewest is not None and len(value) < fewest:
        result.errors.append(_invalid(path, len(value), f"should have at least {fewest} properties"))
    if most is not None and len(value) > most:
        result.errors.append(_too_many(path, len(value), most))
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")

    def inner(name: str, part: Obj, where: str) -> None:
        seen = before is not None and (path or name not in _TYPE_META)  # both objects are of one version here
        result.merge(_validate(value[name], part, where, before.key(name) if before is not None and seen else None))

    if additional is False:
        for name in sorted(value.keys() - properties.keys()):
            result.errors.append(_forbidden_property(path, name))
    elif isinstance(additional, dict):
        for name in sorted(value.keys() - properties.keys()):
            inner(name, additional, f"{path}.{name}")
    for name in sorted(properties.keys() & value.keys()):
        inner(name, properties[name], f"{path}.{name}" if path else name)
    for name in schema.get("required") or ():
        if name not in value:
            result.errors.append(FieldError(REQUIRED, f"{path}.{name}".removeprefix("."), ""))
    return result


def _forbidden_property(path: str, name: str) -> FieldError:
    return FieldError(
        INVALID, path.removeprefix(".") or NOWHERE, name, f"{path}.{name} in body is a forbidden property"
    )


# -- anyOf, oneOf, allOf, not


def _logic(value: Any, schema: Obj, path: str) -> _Result:
    result = _Result()
    any_of, one_of, all_of = schema.get("anyOf"), schema.get("oneOf"), schema.get("allOf")
    if any_of:
        tried = [_validate(value, part, path) for part in any_of]
        good = next((each for each in tried if not each.errors), None)
        if good is None:
            result.errors.append(_composite(path, "must validate at least one schema (anyOf)"))
        result.merge(good or _closest(tried))
    if one_of:
        tried = [_validate(value, part, path) for part in one_of]
        good_ones = [each for each in tried if not each.errors]
        if len(good_ones) != 1:
            found = f"Found {len(good_ones)} valid alternatives" if good_ones else "Found none valid"
            result.errors.append(_composite(path, f"must validate one and only one schema (oneOf). {found}"))
            if not good_ones:
                result.merge(_closest(tried))
        else:
            result.merge(good_ones[0])
    if all_of:
        tried = [_validate(value, part, path) for part in all_of]
        for each in tried:
            result.merge(each)
        if any(each.errors for each in tried):
            none = "" if any(not each.errors for each in tried) else ". None validated"
            result.errors.append(_composite(path, f"must validate all the schemas (allOf){none}"))
    if schema.get("not") is not None and not _validate(value, schema["not"], path).errors:
        result.errors.append(_composite(path, "must not validate the schema (not)"))
    result.matched += 1
    return result


def _closest(tried: list[_Result]) -> _Result:
    """The first of those that matched most."""
    return max(tried, key=lambda each: each.matched)
