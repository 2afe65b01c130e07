"""A policy's variables, written into the expressions that use them.

    variables.a + 1  ->  cel.bind(variables_a, (<what a is>), (variables_a + 1))

So they are evaluated when they are needed and once, and everything is evaluated in one activation.
"""

import re
from collections.abc import Mapping

_USE = re.compile(
    r"""
    (?P<text>//[^\n]*|(?i:rb|br|r)(?:"[^"\n]*"|'[^'\n]*')|(?i:b)?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | has\(\s*(?<![\w.])variables\s*\.\s*(?P<whole>[A-Za-z_]\w*)\s*\)
  | (?<![\w.])variables\s*\.\s*(?P<name>[A-Za-z_]\w*)
    """,
    re.VERBOSE,
)
_PREFIX = "variables_"


def mentioned(expression: str, variables: Mapping[str, str]) -> list[str]:
    """The variables an expression names itself, as they come."""
    names = (found["name"] for found in _USE.finditer(expression))
    return [name for name in dict.fromkeys(names) if name in variables]


def used(expression: str, variables: Mapping[str, str]) -> list[str]:
    """The variables an expression needs, directly or through others, in the order they are declared."""
    needed: set[str] = set()
    pending = [expression]
    while pending:
        for found in _USE.finditer(pending.pop()):
            name = found["name"]
            if name in variables and name not in needed:
                needed.add(name)
                pending.append(variables[name])
    return [name for name in variables if name in needed]


def inlined(expression: str, variables: Mapping[str, str]) -> str:
    """The expression with the variables it needs bound around it. `variables`: name -> expression, as declared."""
    names = used(expression, variables)
    if not names and "variables" not in expression:
        return expression
    text = f"({_renamed(expression, variables)}\n)"
    for name in reversed(names):
        text = f"cel.bind({_PREFIX}{name}, ({_renamed(variables[name], variables)}\n), {text})"
    return text


def _renamed(expression: str, variables: Mapping[str, str]) -> str:
    def rename(found: re.Match[str]) -> str:
        if found["whole"] in variables:
            return "true"  # a declared variable is always there
        return f"{_PREFIX}{found['name']}" if found["name"] in variables else found[0]

    return _USE.sub(rename, expression)
