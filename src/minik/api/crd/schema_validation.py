"""Values against structural schemas, with the texts and the order of kube-openapi's validators.

On update a part that is as it was is not validated again (ratcheting): `old` goes down with the value as long as the
two can be matched. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from minik.api.crd import formats
from minik.api.crd.go_regexp import compiled
from minik.api.crd.list_types import correlated_item
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

ABSENT: Any = object()
"""In the place of an old value: there is none to compare with."""
NOWHERE = "<nil>"
_RANGES = {"int32": (-(1 << 31), (1 << 31) - 1), "int64": (-(1 << 63), (1 << 63) - 1)}


@dataclass(slots=True)
class _Result:
    """`matched` counts what was checked well, which decides whose errors of an anyOf are told."""

    errors: list[FieldError] = field(default_factory=list)
    matched: int = 0

    def merge(self, other: "_Result") -> None:
        self.errors += other.errors
        self.matched += other.matched


def validate(value: Any, schema: Obj, *, path: str = "", old: Any = ABSENT) -> list[FieldError]:
    """The complaints about a value. `path` is where it is in its object."""
    return _validate(value, schema, path, old).errors


def _validate(value: Any, schema: Obj, path: str, old: Any) -> _Result:
    result = _Result()
    if old is not ABSENT and _same(value, old):
        return result
    result.merge(_type(value, schema, path))
    if value is None:
        result.merge(_enum(value, schema, path))
        return result
    result.merge(_logic(value, schema, path, old))
    if isinstance(value, str):
        result.errors += _string(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        result.errors += _number(value, schema, path)
    elif isinstance(value, list):
        result.merge(_list(value, schema, path, old))
    result.merge(_enum(value, schema, path))
    if isinstance(value, dict):
        result.merge(_object(value, schema, path, old))
    result.matched += 1
    return result


def _same(value: Any, old: Any) -> bool:
    return type(value) is type(old) and value == old


def _invalid(path: str, value: Any, text: str) -> FieldError:
    return FieldError(INVALID, path.removeprefix(".") or NOWHERE, value, f"{path} in body {text}")


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
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "array" if isinstance(value, list) else "object"


def _type(value: Any, schema: Obj, path: str) -> _Result:
    allowed = ["integer", "string"] if schema.get("x-kubernetes-int-or-string") else []
    if not allowed and schema.get("type"):
        allowed = [schema["type"]]
    if not allowed or (value is None and schema.get("nullable")):
        return _Result(matched=1)
    found = kind_of(value)
    if found in allowed or (found == "integer" and "number" in allowed):
        return _Result(matched=1)
    if found == "number" and value == int(value) and "integer" in allowed:
        return _Result(matched=1)
    text = f"{path} in body must be of type {','.join(allowed)}: {show(found)}"
    return _Result([FieldError(TYPE_INVALID, path.removeprefix(".") or NOWHERE, found, text)])


# -- scalars


def _string(value: str, schema: Obj, path: str) -> list[FieldError]:
    longest, shortest, pattern = schema.get("maxLength"), schema.get("minLength"), schema.get("pattern")
    if longest is not None and len(value) > longest:
        return [FieldError(TOO_LONG, path, "", f"may not be more than {longest} bytes")]
    if shortest is not None and len(value) < shortest:
        return [_invalid(path, value, f"should be at least {shortest} chars long")]
    if pattern and not compiled(pattern).search(value):
        return [_invalid(path, value, f"should match '{pattern}'")]
    name = schema.get("format")
    if name and not formats.matches(name, value):
        text = f"{path} in body must be of type {name}: {show(value)}"
        return [FieldError(TYPE_INVALID, path, value, text)]
    return []


def _number(value: float, schema: Obj, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    bounds = _RANGES.get(schema.get("format", ""))
    if bounds and schema.get("type") in ("integer", "number") and not bounds[0] <= value <= bounds[1]:
        text = f"Checked value must be of type {schema['type']} with format {schema['format']} in {path}"
        errors.append(FieldError(INVALID, NOWHERE, "", text))
    factor, largest, least = schema.get("multipleOf"), schema.get("maximum"), schema.get("minimum")
    if factor and not _is_multiple(value, factor):
        errors.append(_invalid(path, value, f"should be a multiple of {_bare(factor)}"))
    if largest is not None and (value > largest or (schema.get("exclusiveMaximum") and value == largest)):
        text = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        errors.append(_invalid(path, value, f"should be {text} {_bare(largest)}"))
    if least is not None and (value < least or (schema.get("exclusiveMinimum") and value == least)):
        text = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        errors.append(_invalid(path, value, f"should be {text} {_bare(least)}"))
    return errors


def _is_multiple(value: float, factor: float) -> bool:
    if isinstance(value, int) and float(factor).is_integer():
        return value % int(factor) == 0
    return float(value / factor).is_integer()


def _bare(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e21 else repr(number)


def _enum(value: Any, schema: Obj, path: str) -> _Result:
    allowed = schema.get("enum")
    if not allowed or any(_same(value, each) or (value == each and _numbers(value, each)) for each in allowed):
        return _Result(matched=1)
    if value is None and schema.get("nullable"):
        return _Result(matched=1)
    names = [each if isinstance(each, str) else orjson.dumps(each).decode() for each in allowed]
    listed = ", ".join(show(name) for name in names)
    return _Result([FieldError(NOT_SUPPORTED, path, value, f"supported values: {listed}")])


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


# -- lists and objects


def _list(value: list[Any], schema: Obj, path: str, old: Any) -> _Result:
    result = _Result()
    items = schema.get("items")
    if isinstance(items, dict):
        for index, item in enumerate(value):
            before = correlated_item(schema, item, old)
            result.merge(_validate(item, items, f"{path}[{index}]", ABSENT if before is None else before))
    fewest, most = schema.get("minItems"), schema.get("maxItems")
    if fewest is not None and len(value) < fewest:
        result.errors.append(_invalid(path, len(value), f"should have at least {fewest} items"))
    if most is not None and len(value) > most:
        result.errors.append(FieldError(TOO_MANY, path, len(value), f"must have at most {most} items"))
    if schema.get("uniqueItems") and _repeats(value):
        result.errors.append(_invalid(path, "", "shouldn't contain duplicates"))
    return result


def _repeats(value: Iterable[Any]) -> bool:
    written = [orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in value]
    return len(set(written)) < len(written)


def _object(value: Obj, schema: Obj, path: str, old: Any) -> _Result:
    result = _Result()
    fewest, most = schema.get("minProperties"), schema.get("maxProperties")
    if fewest is not None and len(value) < fewest:
        result.errors.append(_invalid(path, len(value), f"should have at least {fewest} properties"))
        return result
    if most is not None and len(value) > most:
        result.errors.append(FieldError(TOO_MANY, path, len(value), f"must have at most {most} items"))
        return result
    properties = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    before: Obj = old if isinstance(old, dict) else {}

    def inner(name: str, part: Obj) -> None:
        where = f"{path}.{name}" if path else name
        result.merge(_validate(value[name], part, where, before.get(name, ABSENT)))

    if additional is False and not schema.get("x-kubernetes-preserve-unknown-fields"):
        for name in value.keys() - properties.keys():
            text = f"{path}.{name} in body is a forbidden property"
            result.errors.append(FieldError(INVALID, f"{path}.{name}".removeprefix("."), "", text))
    elif isinstance(additional, dict):
        for name in sorted(value.keys() - properties.keys()):
            inner(name, additional)
    for name in sorted(properties.keys() & value.keys()):
        inner(name, properties[name])
    for name in schema.get("required") or ():
        if name not in value:
            result.errors.append(FieldError(REQUIRED, f"{path}.{name}".removeprefix("."), ""))
    return result


# -- anyOf, oneOf, allOf, not


def _logic(value: Any, schema: Obj, path: str, old: Any) -> _Result:
    result = _Result()
    any_of, one_of, all_of = schema.get("anyOf"), schema.get("oneOf"), schema.get("allOf")
    if any_of:
        tried = [_validate(value, part, path, ABSENT) for part in any_of]
        good = next((each for each in tried if not each.errors), None)
        if good is None:
            result.errors.append(_composite(path, "must validate at least one schema (anyOf)"))
        result.merge(good or _closest(tried))
    if one_of:
        tried = [_validate(value, part, path, ABSENT) for part in one_of]
        good_ones = [each for each in tried if not each.errors]
        if len(good_ones) != 1:
            found = f"Found {len(good_ones)} valid alternatives" if good_ones else "Found none valid"
            result.errors.append(_composite(path, f"must validate one and only one schema (oneOf). {found}"))
            if not good_ones:
                result.merge(_closest(tried))
        else:
            result.merge(good_ones[0])
    if all_of:
        tried = [_validate(value, part, path, ABSENT) for part in all_of]
        for each in tried:
            result.merge(each)
        if any(each.errors for each in tried):
            result.errors.append(_composite(path, "must validate all the schemas (allOf)"))
    if schema.get("not") is not None and not _validate(value, schema["not"], path, ABSENT).errors:
        result.errors.append(_composite(path, "must not validate the schema (not)"))
    result.matched += 1
    return result


def _closest(tried: list[_Result]) -> _Result:
    """The first of those that matched most."""
    return max(tried, key=lambda each: each.matched)
