"""Calls that are written otherwise before they are evaluated, because the engine or what it takes is not as cel-go.

Functions of the library that give optionals give lists at evaluation: the first item of one is asked for. Durations are
counted in milliseconds as a whole. The two sides of a comparison may be numbers of different types.
"""

import re
from functools import lru_cache

from minik.api.cel.two_variables import arguments_of, in_code

_CALL = re.compile(r"(?:\.\s*(?P<optional>validate)|\bformat\s*\.\s*named|\.\s*(?P<renamed>getMilliseconds))\s*\(")
# comparisons of numbers of different types, which Kubernetes allows
MIXED = re.compile(
    r"found no matching overload for '_(<|<=|>|>=)_' applied to '\((int|uint|double), (int|uint|double)\)'"
)
_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_NUMBER_BEHIND = re.compile(r"(?:<=|>=|<|>)\s*(-?\d[\w.]*)")
_NUMBER_BEFORE = re.compile(r"(?<![\w.])(-?\d[\w.]*)\s*$")


@lru_cache(maxsize=1024)
def replaced(expression: str) -> str:
    for match in reversed(list(_CALL.finditer(expression))):
        if not in_code(expression, match.start()):
            continue
        if match["renamed"]:
            at = match.end("renamed")
            expression = f"{expression[:at]}__{expression[at:]}"
        else:
            end = arguments_of(expression, match.end())[1]
            expression = f"{expression[:end]}[?0]{expression[end:]}"
    return expression


def without_mixed_numbers(expression: str, complaint: str) -> str:
    """With a literal beside the first mixed comparison that is complained about made dynamic, if there is one."""
    for place in _PLACE.finditer(complaint):
        if not MIXED.search(place[3]):
            continue
        lines = expression.split("\n")
        at = sum(len(line) + 1 for line in lines[: int(place[1]) - 1]) + int(place[2]) - 1
        if behind := _NUMBER_BEHIND.match(expression, at):
            return f"{expression[: behind.start(1)]}dyn({behind[1]}){expression[behind.end(1) :]}"
        if before := _NUMBER_BEFORE.search(expression[:at]):
            return f"{expression[: before.start(1)]}dyn({before[1]}){expression[before.end(1) :]}"
    return expression
