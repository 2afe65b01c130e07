"""x-kubernetes-list-type: what makes items of sets and maps the same.

Upstream: apiextensions-apiserver's structural schema package `listtype`.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from minik.api.schema import custom_objects
from minik.api.types import Obj
from minik.api.validation import DUPLICATE, FieldError, invalid_value


def correlated_item(schema: Obj, item: Any, old: Any) -> Any:
    """The item of an older list that is the same one as `item`: by its keys in a map. None: there is none."""
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(old, list) or not isinstance(item, dict):
        return None
    key = _key(schema, item)
    return next((each for each in old if isinstance(each, dict) and _key(schema, each) == key), None)


def _key(schema: Obj, item: Obj) -> bytes:
    return _written({name: item[name] for name in schema.get("x-kubernetes-list-map-keys") or () if name in item})


def _written(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def duplicates(value: Any, schema: Obj | None, path: str = "") -> list[FieldError]:
    """Complaints about items that sets and maps have twice, anywhere in a value."""
    if schema is None:
        return []
    errors: list[FieldError] = []
    if isinstance(value, list):
        kind, items = schema.get("x-kubernetes-list-type"), schema.get("items")
        if kind == "set":
            errors += _repeated(value, path)
        elif kind == "map":
            errors += _repeated_keys(value, schema.get("x-kubernetes-list-map-keys") or (), path)
        if isinstance(items, dict):
            for index, item in enumerate(value):
                errors += duplicates(item, items, f"{path}[{index}]")
    elif isinstance(value, dict):
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        for name in sorted(value):
            part = properties.get(name, additional)
            if isinstance(part, dict):
                where = f"{path}.{name}" if name in properties else f"{path}[{name}]"
                errors += duplicates(value[name], part, where.removeprefix("."))
    return errors


def _repeated_keys(value: list[Any], names: Sequence[str], path: str) -> list[FieldError]:
    for index, item in enumerate(value):
        if item is not None and not isinstance(item, dict):
            shown = custom_objects.as_written(item)
            return [invalid_value(f"{path}[{index}]", shown, "must be an object for an array of list-type map")]
    return _repeated([{name: item[name] for name in names if name in item} if item else {} for item in value], path)


def _repeated(keys: list[Any], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: dict[bytes, bool] = {}
    for index, key in enumerate(keys):
        written = _written(key)
        if written in seen:
            if not seen[written]:
                errors.append(FieldError(DUPLICATE, f"{path}[{index}]", orjson.loads(written)))
            seen[written] = True
        else:
            seen[written] = False
    return errors
