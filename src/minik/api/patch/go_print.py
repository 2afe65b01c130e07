"""JSON values as Go prints them, for error texts that upstream builds with `%v`, `%T` and `%#v`."""

from typing import Any

from minik.api import go_floats


def plain(value: Any) -> str:
    """`%v`: maps as `map[a:1 b:2]` with sorted keys, lists as `[1 2]`, strings bare."""
    if value is None:
        return "<nil>"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{plain(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(plain, value))}]"
    return go_floats.shortest(value) if isinstance(value, float) else str(value)


def string(value: Any) -> str:
    """`%s`, which takes strings, bare or in lists and maps, and names the type of everything else."""
    if isinstance(value, str):
        return value
    if value is None:
        return "%!s(<nil>)"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{string(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(string, value))}]"
    return f"%!s({type_name(value)}={plain(value)})"


def source(value: Any) -> str:
    """`%#v`: a value as it would stand in Go source."""
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        inner = ", ".join(f"{quoted(key)}:{source(value[key])}" for key in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(source, value))}}}"
    return plain(value)


def type_name(value: Any) -> str:
    """`%T` of a decoded JSON value."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    return "map[string]interface {}" if isinstance(value, dict) else "[]interface {}"


def json_name(value: Any) -> str:
    """What Go's JSON decoder calls a value in its complaints."""
    names = {"map[string]interface {}": "object", "[]interface {}": "array", "int64": "number", "float64": "number"}
    name = type_name(value)
    return names.get(name, name)


_ESCAPES = {'"': '\\"'} | dict(
    zip("\\\n\r\t\a\b\f\v", (r"\\", r"\n", r"\r", r"\t", r"\a", r"\b", r"\f", r"\v"), strict=True)
)


def quoted(text: str) -> str:
    """`%q` of a string."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_ESCAPES.get(c, c if c.isprintable() else _escape(c)) for c in text) + '"'


def _escape(character: str) -> str:
    point = ord(character)
    if point < 0x80:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
