"""What kubectl get prints of custom resources: additionalPrinterColumns as the columns and cells of a Table.

Upstream: apiextensions-apiserver's registry/customresource/tableconvertor.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import orjson

from minik.api.columns import CREATION_TIME, NAME, human_duration, parse_time
from minik.api.crd.json_path import JSONPathError, compile_path
from minik.api.patch import go_print
from minik.api.scheme import Column
from minik.api.types import Obj
from minik.api.validation import show

_DEFAULT = ({"name": "Age", "type": "date", "description": CREATION_TIME, "jsonPath": ".metadata.creationTimestamp"},)


def columns(version: Obj) -> tuple[Column, ...]:
    return (NAME, *(_column(wanted) for wanted in _wanted(version)))


def _wanted(version: Obj) -> Sequence[Obj]:
    """The columns, up to the first whose path cannot be read."""
    wanted: Sequence[Obj] = version.get("additionalPrinterColumns") or _DEFAULT
    for index, column in enumerate(wanted):
        try:
            compile_path(column["jsonPath"])
        except JSONPathError:
            return wanted[:index]
    return wanted


def _column(wanted: Obj) -> Column:
    path = wanted["jsonPath"]
    return Column(
        wanted["name"],
        type=wanted["type"],
        format=wanted.get("format", ""),
        priority=wanted.get("priority", 0),
        description=wanted.get("description") or f"Custom resource definition column (in JSONPath format): {path}",
    )


def cells(version: Obj) -> Callable[[Obj, datetime], list[Any]]:
    """The cells of one row, for `Resource.cells`."""
    paths = [(wanted["type"], compile_path(wanted["jsonPath"])) for wanted in _wanted(version)]

    def row(obj: Obj, now: datetime) -> list[Any]:
        out: list[Any] = [obj["metadata"].get("name", "")]
        for kind, find in paths:
            found = find(obj)
            out.append(_cell(kind, found[0], now) if found else None)
        return out

    return row


def _cell(kind: str, value: Any, now: datetime) -> Any:
    if kind == "string":
        return _text(value)
    if kind == "date":
        return _age(value, now)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if kind == "integer" else value


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return show(orjson.loads(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))
    return "<no value>" if value is None else go_print.plain(value)


def _age(value: Any, now: datetime) -> str | None:
    if not isinstance(value, str):
        return None
    if value in ("", "null"):
        return "<unknown>"
    try:
        return human_duration(now - parse_time(value))
    except (ValueError, TypeError):
        return "<invalid>"
