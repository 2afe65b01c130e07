"""Paths such as `.spec.ports['http'].number` that definitions use to point at fields of their schema."""

import re

from minik.api.types import Obj


class FieldPathError(ValueError):
    """The path does not lead to a field."""


_STEP = re.compile(r"\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)|\[(?P<quote>['\"])(?P<key>(?:[^'\"\\]|\\.)+)(?P=quote)\]")


def parts(path: str) -> list[str]:
    """The names on a path. Raises FieldPathError."""
    found: list[str] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise FieldPathError("expected [ or . but got: " + path[position])
        found.append(match["name"] or re.sub(r"\\(.)", r"\1", match["key"]))
        position = match.end()
    return found


def resolve(path: str, schema: Obj, *, arrays: bool = True) -> Obj:
    """The schema of the field a path leads to. Raises FieldPathError."""
    if not path.startswith(".") and not (arrays and path.startswith("[")):
        raise FieldPathError("must start with .")
    for name in parts(path):
        properties, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        if name in properties:
            schema = properties[name]
        elif arrays and isinstance(additional, dict):
            schema = additional
        else:
            raise FieldPathError("does not refer to a valid field")
    return schema


def joined(path: str, schema: Obj) -> str:
    """A path as field errors print it: `.a['b-c']` is a.b-c, and keys of maps are in brackets."""
    text = ""
    for name in parts(path):
        properties = schema.get("properties") or {}
        if name in properties:
            text, schema = f"{text}.{name}", properties[name]
        else:
            additional = schema.get("additionalProperties")
            text, schema = f"{text}[{name}]", additional if isinstance(additional, dict) else {}
    return text
