"""`Object{...}` and `JSONPatch{...}` in expressions of MutatingAdmissionPolicies.

The engine knows no such types, so a literal becomes a map that remembers its type name:

    Object{spec: Object.spec{replicas: 3}}  ->  dyn({"@type": "Object", "spec": dyn({"@type": "Object.spec", ...})})

https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/#apply-configuration
"""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

TYPE = "@type"
_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<raw>(?i:rb|br|r)(?:\"\"\".*?\"\"\" | \'\'\'.*?\'\'\' | "[^"\n]*" | '[^'\n]*'))
  | (?P<string>(?i:b)?(?:
        \"\"\"(?:\\.|[^\\])*?\"\"\" | \'\'\'(?:\\.|[^\\])*?\'\'\' | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'))
  | (?P<quoted>`[^`]*`)
  | (?P<type>(?:Object|JSONPatch)(?:\s*\.\s*[A-Za-z_]\w*)*\s*\{)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_FIELD_KINDS = ("word", "quoted")


class TypeMismatch(ValueError):
    """A literal's type name does not fit the field it stands in."""


def with_maps(expression: str) -> str:
    """The expression with each literal as a map. What is no literal stays as it is."""
    if "{" not in expression or ("Object" not in expression and "JSONPatch" not in expression):
        return expression
    out: list[str] = []
    brackets: list[bool] = []  # of each open bracket, whether it is a literal's
    naming = False  # whether the next word names a field of a literal
    previous = ""
    for token in _TOKEN.finditer(expression):
        kind, text = token.lastgroup, token[0]
        if kind == "space":
            out.append(text)
            continue
        if kind == "type" and previous != ".":
            name = "".join(text[:-1].split())
            out.append(f'dyn({{"{TYPE}": "{name}", ')
            brackets.append(True)
            naming = True
        elif naming and kind in _FIELD_KINDS:
            out.append(f'"{text.strip("`")}"')
            naming = False
        else:
            naming = _other(out, brackets, text, naming=naming)
        previous = text
    return "".join(out)


def _other(out: list[str], brackets: list[bool], text: str, *, naming: bool) -> bool:
    """Copy one token, closing literals on the way. Tells whether a field name follows."""
    if text in _OPEN:
        brackets.append(False)
    elif text in _CLOSE and brackets and brackets.pop():
        out.append("})")
        return False
    out.append(text)
    if text == "," and brackets and brackets[-1]:
        return True
    return naming and text == "?"


def plain(value: Any, path: str = "Object") -> Any:
    """The JSON a literal stands for, without type names. Raises TypeMismatch when they do not fit the fields."""
    if isinstance(value, list):
        return [plain(item, path) for item in value]
    if not isinstance(value, dict):
        return _scalar(value)
    name = value.get(TYPE)
    if name is None:
        return {key: plain(item, f"{path}.{key}") for key, item in value.items()}
    if name == "JSONPatch":
        return {key: _root(item) if key == "value" else item for key, item in value.items() if key != TYPE}
    if name != path:
        raise TypeMismatch(
            f'unexpected type name "{name}", expected "{path}", which matches field name path from root Object type'
        )
    return {key: plain(item, f"{path}.{key}") for key, item in value.items() if key != TYPE}


def _root(value: Any) -> Any:
    """The value of a JSON patch: a literal in it may start at any field."""
    if isinstance(value, list):
        return [_root(item) for item in value]
    if isinstance(value, dict):
        return plain(value, value[TYPE]) if TYPE in value else {key: _root(item) for key, item in value.items()}
    return _scalar(value)


def _scalar(value: Any) -> Any:
    """As JSON has it."""
    match value:
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return f"{value.total_seconds():g}s"
    return value
