"""Functions that are there but take other arguments: the engine says they are not there, cel-go names the types."""

import re
from collections.abc import Callable, Collection

from minik.api.cel.complaints import Complaint, listed, listed_in, offset
from minik.api.cel.two_variables import arguments_of, receiver_start

STANDARD = frozenset(
    [
        "bool",
        "bytes",
        "charAt",
        "contains",
        "double",
        "duration",
        "dyn",
        "endsWith",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMilliseconds",
        "getMinutes",
        "getMonth",
        "getSeconds",
        "hasValue",
        "indexOf",
        "int",
        "lastIndexOf",
        "lowerAscii",
        "matches",
        "optional.none",
        "optional.of",
        "optional.ofNonZeroValue",
        "or",
        "orValue",
        "replace",
        "size",
        "split",
        "startsWith",
        "string",
        "substring",
        "timestamp",
        "trim",
        "type",
        "uint",
        "upperAscii",
        "value",
    ]
)
_UNDECLARED = re.compile(r"undeclared reference to '(\w+)' \(in container ''\)")


def told(text: str, source: str, known: Collection[str], type_of: Callable[[str], str]) -> str:
    """Complaints with those about calls of `known` functions in cel-go's words. `type_of`: of a part, "" if unknown."""
    found = listed_in(text, source)
    for each in found:
        match = _UNDECLARED.fullmatch(each.text)
        at = offset(each, source)
        if match is None or source[at : at + 1] != "(":
            continue
        call = _call(source, at, match[1], known, type_of)
        if call is None:
            continue
        name, applied, namespace = call
        wording = f"found no matching overload for '{name}' applied to '{applied}'"
        about = [each._replace(text=wording) if other is each else other for other in found]
        return told(listed([other for other in about if not _is_namespace(other, namespace)]), source, known, type_of)
    return text


def _call(
    source: str, at: int, name: str, known: Collection[str], type_of: Callable[[str], str]
) -> tuple[str, str, str] | None:
    """The name of what is called, what it is applied to, and its namespace. `at`: the bracket."""
    parts, _ = arguments_of(source, at + 1)
    types = [type_of(part) for part in parts if part]
    if not all(types):
        return None
    arguments = f"({', '.join(types)})"
    dot = re.search(rf"\.\s*{name}\s*$", source[:at])
    if dot is None:
        return (name, arguments, "") if name in known else None
    receiver = source[receiver_start(source, dot.start()) : dot.start()].strip()
    if f"{receiver}.{name}" in known:
        return f"{receiver}.{name}", arguments, receiver
    target = type_of(receiver) if name in known else ""
    return (name, f"{target}.{arguments}", "") if target else None


def _is_namespace(complaint: Complaint, namespace: str) -> bool:
    match = _UNDECLARED.fullmatch(complaint.text)
    return match is not None and match[1] == namespace
