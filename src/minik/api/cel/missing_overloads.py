"""What cel-go says at run time about values that an operator or function does not take.

Operators leave the complaint to their first operand where that knows the operator; functions name all types.
Upstream: cel-go's interpreter/interpretable.go, common/decls/decls.go and common/stdlib/standard.go.
"""

import re

_NOTHING = "no such overload"
_FOUND = re.compile(r"No matching overloads found : (?:\((?P<target>[^)]*)\)\.)?(?P<name>[^(]+)(?:\((?P<types>.*)\))?$")
_TYPES = {
    "int64": "int",
    "uint64": "uint",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
}
_COMPARED = frozenset({"bool", "bytes", "double", "duration", "int64", "string", "timestamp", "uint64"})
_NUMBERS = frozenset({"double", "int64", "uint64"})
_CALLED = frozenset({"string", "timestamp", "duration"})  # types that look for methods of their own first
_KNOW: dict[str, frozenset[str]] = {
    **dict.fromkeys(("_<_", "_<=_", "_>_", "_>=_"), _COMPARED),
    "_+_": (_COMPARED - {"bool"}) | {"list"},
    "_-_": _NUMBERS | _CALLED,
    **dict.fromkeys(("_*_", "_/_"), _NUMBERS | _CALLED),
    "_%_": frozenset({"int64", "uint64"}) | _CALLED,
    "-_": frozenset({"bool", "double", "int64"}) | _CALLED,
    "size": frozenset({"bytes", "list", "map"}) | _CALLED,
    "matches": _CALLED,
}
"""What the types of a first operand must be for it to be asked."""
_SILENT = frozenset({"contains", "endsWith", "startsWith", "@in", "_in_", "!_", "_&&_", "_||_", "<jump_condition>"})
_TIME = re.compile(r"get(?:Date|DayOf\w+|FullYear|Hours|Minutes|Seconds|Milliseconds|Month)(?:__)?")


def told(text: str) -> str:
    """cel-go's text for the engine's, "" for one that is about something else."""
    match = _FOUND.match(text)
    if match is None:
        return ""
    name = match["name"]
    types = [part for part in ((match["target"] or ""), *(match["types"] or "").split(", ")) if part]
    if name in _SILENT or name.startswith("<") or not types:
        return _NOTHING
    if name in _KNOW or _TIME.fullmatch(name):
        return _NOTHING if types[0] in _KNOW.get(name, _CALLED) else f"{_NOTHING}: {name.removesuffix('__')}"
    if name.startswith("_"):
        return _NOTHING
    shown = ", ".join(_TYPES.get(part, part) for part in types)
    return f"{_NOTHING}: {name.removesuffix('__')}({shown})"
