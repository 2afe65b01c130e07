"""The part of JSONPath that printer columns use: fields, indexes, slices, `[*]`, `..name` and simple filters.

https://kubernetes.io/docs/reference/kubectl/jsonpath/. Raises JSONPathError when an expression cannot be read.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterable[Any]]


class JSONPathError(ValueError):
    """The expression is not one this reads."""


_TOKEN = re.compile(
    r"""
    (?P<recursive>\.\.(?P<deep>[^.\[\]]+)?)
  | \.(?P<field>(?:\\.|[^.\[\]\\])+)
  | \[(?P<wild>\*)\]
  | \['(?P<quoted>(?:[^'\\]|\\.)*)'\]
  | \["(?P<quoted2>(?:[^"\\]|\\.)*)"\]
  | \[\?\((?P<filter>(?:[^()'"]|'[^']*'|"[^"]*")*)\)\]
  | \[(?P<slice>-?\d*:-?\d*(?::-?\d+)?)\]
  | \[(?P<indexes>-?\d+(?:,-?\d+)*)\]
  | \[(?P<bare>[A-Za-z0-9_\-./]+)\]
    """,
    re.VERBOSE,
)
_FILTER = re.compile(r"\s*(?P<left>.+?)\s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<right>.+?)\s*$")


@lru_cache(maxsize=512)
def compile_path(expression: str) -> Callable[[Any], list[Any]]:
    """A function that finds the values at a path such as `.spec.containers[*].name`."""
    text = expression.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    steps = tuple(_steps(text))

    def find(value: Any) -> list[Any]:
        found: list[Any] = [value]
        for step in steps:
            found = [inner for each in found for inner in step(each)]
        return found

    return find


def _steps(text: str) -> Iterator[Step]:
    position = 0
    if text.startswith("$"):
        position = 1
    if text[position:] == ".":
        return
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise JSONPathError(f"unrecognized character in action: {text[position]!r}")
        position = match.end()
        if match["recursive"] is not None:
            yield _recursive
            if match["deep"]:
                yield _named(match["deep"])
        elif match["field"] is not None:
            name = re.sub(r"\\(.)", r"\1", match["field"])
            yield _all if name == "*" else _named(name)
        elif match["wild"]:
            yield _all
        elif match["slice"] is not None:
            yield _sliced(match["slice"])
        elif match["indexes"] is not None:
            yield _indexed([int(index) for index in match["indexes"].split(",")])
        elif match["filter"] is not None:
            yield _filtered(match["filter"])
        else:
            name = match["quoted"] if match["quoted"] is not None else match["quoted2"]
            yield _named(re.sub(r"\\(.)", r"\1", name if name is not None else match["bare"]))


def _named(name: str) -> Step:
    return lambda value: (value[name],) if isinstance(value, dict) and name in value else ()


def _all(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return value if isinstance(value, list) else ()


def _recursive(value: Any) -> Iterator[Any]:
    yield value
    for inner in _all(value):
        yield from _recursive(inner)


def _indexed(indexes: list[int]) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list):
            for index in indexes:
                if -len(value) <= index < len(value):
                    yield value[index]

    return step


def _sliced(text: str) -> Step:
    bounds = slice(*(int(part) if part else None for part in text.split(":")))
    return lambda value: value[bounds] if isinstance(value, list) else ()


def _filtered(text: str) -> Step:
    match = _FILTER.match(text)
    if match is None:
        path = _operand(text.strip())
        return lambda value: [item for item in _all(value) if path(item)]
    left, right, operator = _operand(match["left"]), _operand(match["right"]), match["operator"]

    def step(value: Any) -> Iterator[Any]:
        for item in _all(value):
            one, other = left(item), right(item)
            if one and other and _compare(one[0], other[0], operator):
                yield item

    return step


def _operand(text: str) -> Callable[[Any], list[Any]]:
    """The values of one side of a comparison, for an item."""
    if text.startswith("@"):
        return compile_path(text[1:]) if len(text) > 1 else lambda item: [item]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        literal: Any = text[1:-1]
    elif text in ("true", "false"):
        literal = text == "true"
    else:
        try:
            literal = float(text)
        except ValueError:
            raise JSONPathError(f"unrecognized identifier {text}") from None
    return lambda _: [literal]


def _compare(one: Any, other: Any, operator: str) -> bool:
    if isinstance(one, bool) != isinstance(other, bool) or isinstance(one, str) != isinstance(other, str):
        return operator == "!="
    try:
        return bool(_OPERATORS[operator](one, other))
    except TypeError:
        return False


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
