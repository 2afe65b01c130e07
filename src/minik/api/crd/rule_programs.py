"""The CEL programs of rules: which variables they have and how oldSelf becomes optional.

With optionalOldSelf, oldSelf is an optional. The engine takes no optionals from outside, so the rule is wrapped: a
list that is empty or holds the old value is asked for its first item.
"""

import re
from functools import lru_cache
from typing import Any

from minik.api.cel import unordered
from minik.api.cel.engine import Program, compile_dynamic
from minik.api.types import Obj

OLD = "oldSelf__"  # the list behind an optional oldSelf
_PREFIX = f"cel.bind(oldSelf, {OLD}[?0], ("
_STRINGS = re.compile(
    r"""[rR]?(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|//[^\n]*"""
)


def uses_old_self(rule: Obj) -> bool:
    return _mentions_old_self(rule["rule"])


def _mentions_old_self(expression: str) -> bool:
    return re.search(r"(?<![\w.])oldSelf\b", _STRINGS.sub("''", expression)) is not None


def is_optional(rule: Obj) -> bool:
    return bool(rule.get("optionalOldSelf"))


def wrapped(rule: Obj, expression: str) -> str:
    return f"{_PREFIX}{expression}\n))" if is_optional(rule) and _mentions_old_self(expression) else expression


def shift(rule: Obj, expression: str) -> int:
    """How many characters `wrapped` puts before the expression."""
    return len(_PREFIX) if wrapped(rule, expression) is not expression else 0


def names(rule: Obj) -> tuple[str, ...]:
    return ("self", OLD) if is_optional(rule) else ("self", "oldSelf")


def variables(rule: Obj, value: Any, old: Any) -> Obj:
    if is_optional(rule):
        return {"self": value, OLD: [] if old is None else [old]}
    return {"self": value, "oldSelf": old}


def program(rule: Obj) -> Program:
    """Raises CelError."""
    return compile_dynamic(wrapped(rule, rule["rule"]), names(rule))


def message_fails(rule: Obj) -> bool:
    """Whether a message wants an optional oldSelf: upstream evaluates messages with the plain one, or none at all."""
    return is_optional(rule) and _mentions_old_self(rule.get("messageExpression") or "")


def message_program(rule: Obj) -> Program:
    """Raises CelError."""
    return compile_dynamic(wrapped(rule, rule["messageExpression"]), names(rule))


@lru_cache(maxsize=1024)
def compares_lists(wanted: Program) -> bool:
    """Whether it matters to a program which lists are sets or maps."""
    return unordered.compares_lists(wanted.checked().tree)
