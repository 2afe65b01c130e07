"""Macros the engine lacks, written with those it has: `list.all(i, v, p)`, `map.transformMap(k, v, t)`, `sortBy`.

`x.all(k, v, p)` becomes a loop over the keys (or indexes) of x with v bound to x[k]; what makes maps is collected by
functions of this library. Texts of other expressions are left as they are.
https://github.com/google/cel-go/tree/master/ext#twovarcomprehensions
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from minik.api.cel.function import Function

_CALL = re.compile(r"\.\s*(all|existsOne|exists_one|exists|transformList|transformMapEntry|transformMap|sortBy)\s*\(")
_NAME = re.compile(r"[A-Za-z_]\w*")
_STRING = re.compile(r"""[rRbB]{0,2}(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""")
_COMMENT = re.compile(r"//[^\n]*")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_KEYS, _MAP, _MERGE, _SORT = "keys__", "map__", "merge__", "sortBy__"


@lru_cache(maxsize=1024)
def rewritten(expression: str) -> str:
    """The expression without macros of two variables."""
    if not _CALL.search(expression):
        return expression
    return _rewrite(expression, [0])


def without_strings(expression: str) -> str:
    """The expression with nothing in its string literals and no comments."""
    parts, at = [], 0
    for start, end in _skipped(expression):
        parts += [expression[at:start], "''"]
        at = end
    return "".join([*parts, expression[at:]])


def _rewrite(text: str, count: list[int]) -> str:
    at = 0
    while True:
        found = _next_call(text, at)
        if found is None:
            return text
        match, start = found
        arguments, end = arguments_of(text, match.end())
        at = match.end()
        names = arguments[: 1 if match[1] == "sortBy" else 2]
        if len(arguments) <= len(names) or not all(_NAME.fullmatch(each) for each in names):
            continue
        count[0] += 1
        receiver = _rewrite(text[start : match.start()], count)
        body = [_rewrite(each, count) for each in arguments[len(names) :]]
        loop = _loop(match[1], f"items{count[0]}__", names, body)
        if loop is None:
            continue
        written = f"cel.bind(items{count[0]}__, {receiver}, {loop})"
        text = text[:start] + written + text[end:]
        at = start + len(written)


def _loop(macro: str, items: str, names: Sequence[str], body: Sequence[str]) -> str | None:
    if macro == "sortBy":
        return f"{_SORT}({items}, {items}.map({names[0]}, {body[0]}))" if len(body) == 1 else None
    key, value = names

    def bound(part: str) -> str:
        return f"cel.bind({value}, {items}[{key}], ({part}))"

    keys = f"{_KEYS}({items})"
    if macro in ("all", "exists", "existsOne", "exists_one"):
        name = "exists_one" if macro == "existsOne" else macro
        return f"{keys}.{name}({key}, {bound(body[0])})" if len(body) == 1 else None
    if len(body) == 2:
        keys = f"{keys}.filter({key}, {bound(body[0])})"
    elif len(body) != 1:
        return None
    if macro == "transformMap":
        return f"{_MAP}({keys}.map({key}, [dyn({key}), dyn({bound(body[-1])})]))"
    each = f"{keys}.map({key}, {bound(body[-1])})"
    return each if macro == "transformList" else f"{_MERGE}({each})"


def _next_call(text: str, at: int) -> tuple[re.Match[str], int] | None:
    """The next macro call that is no part of a string, and where its receiver starts."""
    for match in _CALL.finditer(text, at):
        if in_code(text, match.start()):
            return match, receiver_start(text, match.start())
    return None


def in_code(text: str, place: int) -> bool:
    return all(not start <= place < end for start, end in _skipped(text))


def _skipped(text: str) -> list[tuple[int, int]]:
    """Where strings and comments are."""
    found, at = [], 0
    while at < len(text):
        match = _COMMENT.match(text, at) or (_STRING.match(text, at) if text[at] in "rRbB\"'" else None)
        if match is None or (text[at] in "rRbB" and at and (text[at - 1].isalnum() or text[at - 1] == "_")):
            at += 1
            continue
        found.append((at, match.end()))
        at = match.end()
    return found


def receiver_start(text: str, end: int) -> int:
    """Where the operand of a member call begins: names, calls, indexes and literals joined by dots."""
    starts = {stop: start for start, stop in _skipped(text)}
    at = end
    while True:
        at = _before_space(text, at)
        if at in starts:
            at = starts[at]
        elif at and text[at - 1] in _PAIRS:
            at = _opening(text, at, starts)
            before = _before_space(text, at)
            if before and (text[before - 1].isalnum() or text[before - 1] in "_)]"):
                continue  # a call or an index
        else:
            while at and (text[at - 1].isalnum() or text[at - 1] == "_"):
                at -= 1
        before = _before_space(text, at)
        if before and text[before - 1] == "?" and before > 1 and text[before - 2] == ".":
            before -= 1
        if not before or text[before - 1] != ".":
            return at
        at = before - 1


def _before_space(text: str, at: int) -> int:
    return len(text[:at].rstrip())


def _opening(text: str, at: int, starts: dict[int, int]) -> int:
    """The bracket that the one before `at` closes."""
    depth = 0
    while at:
        if at in starts:
            at = starts[at]
            continue
        at -= 1
        if text[at] in ")]}":
            depth += 1
        elif text[at] in "([{":
            depth -= 1
            if not depth:
                return at
    return 0


def arguments_of(text: str, at: int) -> tuple[list[str], int]:
    """The arguments of a call whose bracket is open, and where it ends."""
    ends = dict(_skipped(text))
    found: list[str] = []
    start, depth = at, 0
    while at < len(text):
        if at in ends:
            at = ends[at]
            continue
        char = text[at]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            if not depth:
                return [*found, text[start:at].strip()], at + 1
            depth -= 1
        elif char == "," and not depth:
            found.append(text[start:at].strip())
            start = at + 1
        at += 1
    return [], at


def _keys(items: Any) -> list[Any]:
    if isinstance(items, dict):
        return sorted(items, key=str)
    if isinstance(items, list):
        return list(range(len(items)))
    raise ValueError("no such overload")


def _map(entries: Sequence[Sequence[Any]]) -> dict[Any, Any]:
    return {key: value for key, value in entries}


def _merge(maps: Sequence[Any]) -> dict[Any, Any]:
    out: dict[Any, Any] = {}
    for each in maps:
        for key, value in each.items():
            if key in out:
                raise ValueError(f"insert failed: key {key} already exists")
            out[key] = value
    return out


FUNCTIONS = (
    Function(_KEYS, ("dyn",), "list", _keys, member=False),
    Function(_MAP, ("list",), "dyn", _map, member=False),
    Function(_MERGE, ("list",), "dyn", _merge, member=False),
)
