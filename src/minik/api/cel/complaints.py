"""What is wrong with an expression, told as cel-go tells it.

The engine's checker finds what cel-go's finds, but says some of it in other words, at other places, or says more.
Texts: cel-go's checker/errors.go and parser/errors.go.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_BLOCK = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*?)(?=\nERROR: <input>:|\Z)", re.DOTALL)
_SNIPPET = re.compile(r"\n \| [^\n]*\n \| [.^．＾]*\Z")
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)' \(in container '(.*)'\)")
_NO_OVERLOAD = re.compile(r"found no matching overload for '(\w+)' applied to '\((.*)\)'")
_NULL = re.compile(r"\bnull_type\b")
_TEXTS = (
    (
        re.compile(r"no viable alternative at input '\.(true|false|null|in)'"),
        r"mismatched input '\1' expecting IDENTIFIER",
    ),
    (re.compile(r"undefined field '([^']*)' not found in struct '[^']*'"), r"undefined field '\1'"),
    (
        re.compile(r"expression of type '(.*)' cannot be the operand of a select operation"),
        r"type '\1' does not support field selection",
    ),
    (re.compile(r"(expression of type '.*') cannot be the range of"), r"\1 cannot be range of"),
    (re.compile(r"has\(\) argument must be a field selection"), "invalid argument to has() macro"),
    (re.compile(r"\w+\(\) variable name must be a simple identifier"), "argument must be a simple name"),
)


class Complaint(NamedTuple):
    """`row` and `column` count from one."""

    row: int
    column: int
    text: str
    line: str


def at_offset(offset: int, text: str, source: str) -> Complaint:
    """A complaint about what stands at a character of the source."""
    start = source.rfind("\n", 0, offset) + 1
    line = source[start:].partition("\n")[0]
    return Complaint(source.count("\n", 0, offset) + 1, offset - start + 1, text, line)


def listed(complaints: Sequence[Complaint]) -> str:
    """All of them, by place."""
    return "\n".join(_shown(each) for each in sorted(complaints, key=lambda each: each[:2]))


def as_upstream(text: str, source: str) -> str:
    """The engine's complaints about `source`; what is no list of complaints stays as it is."""
    found = [_complaint(match, source) for match in _BLOCK.finditer(text)]
    if not found:
        return text
    found = [each for each in found if "'*error*'" not in each.text]
    unreached = [_arguments(each, source) for each in found if _is_function(each)]
    kept = [
        each
        for each in found
        if not any(start < _offset(each, source) < end for start, end in unreached) or each.text.startswith("Syntax")
    ]
    return listed([_worded(each) for each in dict.fromkeys(kept)])


def without_prefix(text: str, length: int, source: str) -> str:
    """Complaints about an expression that had `length` characters put before it, as about `source` alone."""
    lines = source.split("\n")

    def moved(each: Complaint) -> Complaint:
        column = max(1, each.column - length) if each.row == 1 else each.column
        return each._replace(column=column, line=lines[min(each.row, len(lines)) - 1])

    return listed([moved(_complaint(match, source)) for match in _BLOCK.finditer(text)]) or text


def listed_in(text: str, source: str) -> list[Complaint]:
    """The complaints about `source` that a text consists of."""
    return [_complaint(match, source) for match in _BLOCK.finditer(text)]


def offset(complaint: Complaint, source: str) -> int:
    """Where in the source it is about."""
    return _offset(complaint, source)


def without(text: str, ignored: re.Pattern[str]) -> str:
    """The complaints but those that `ignored` is found in."""
    found = list(_BLOCK.finditer(text))
    if not found:
        return text
    return "\n".join(match[0] for match in found if not ignored.search(match[3]))


def _complaint(match: re.Match[str], source: str) -> Complaint:
    row, column = int(match[1]), int(match[2])
    lines = source.split("\n")
    return Complaint(row, column, _SNIPPET.sub("", match[3]), lines[row - 1] if row <= len(lines) else "")


def _shown(complaint: Complaint) -> str:
    row, column, text, line = complaint
    return f"ERROR: <input>:{row}:{column}: {text}\n | {line}\n | {'.' * (column - 1)}^"


def _offset(complaint: Complaint, source: str) -> int:
    lines = source.split("\n")[: complaint.row - 1]
    return sum(len(line) + 1 for line in lines) + complaint.column - 1


def _is_function(complaint: Complaint) -> bool:
    """Whether an undeclared function is meant: such complaints are about the bracket behind its name."""
    return _UNDECLARED.fullmatch(complaint.text) is not None and complaint.line[complaint.column - 1 :].startswith("(")


def _arguments(complaint: Complaint, source: str) -> tuple[int, int]:
    """Where the arguments of a function are, which cel-go does not look at when there is no such function."""
    start = at = _offset(complaint, source)
    depth = 0
    while at < len(source):
        depth += (source[at] in "([{") - (source[at] in ")]}")
        if not depth:
            break
        at += 1
    return start, at


def _worded(complaint: Complaint) -> Complaint:
    for pattern, wording in _TEXTS:
        complaint = complaint._replace(text=pattern.sub(wording, complaint.text))
    if complaint.text.startswith("found no matching overload"):
        complaint = complaint._replace(text=_NULL.sub("null", complaint.text))
    return _of_root(_of_member(complaint))


def _of_root(complaint: Complaint) -> Complaint:
    """cel-go complains about the first name of a chain, the engine about the whole."""
    match = _UNDECLARED.fullmatch(complaint.text)
    if match is None or "." not in match[1]:
        return complaint
    before = match[1].rpartition(".")[0]
    if not complaint.line[: complaint.column - 1].endswith(before):
        return complaint
    text = f"undeclared reference to '{match[1].partition('.')[0]}' (in container '{match[2]}')"
    return complaint._replace(column=complaint.column - len(before), text=text)


def _of_member(complaint: Complaint) -> Complaint:
    """cel-go writes the arguments of a member call as `string.(int)`."""
    match = _NO_OVERLOAD.fullmatch(complaint.text)
    before = complaint.line[: complaint.column - 1]
    if match is None or re.search(rf"\.\s*{match[1]}\s*$", before) is None:
        return complaint
    target, rest = _first(match[2])
    return complaint._replace(text=f"found no matching overload for '{match[1]}' applied to '{target}.({rest})'")


def _first(types: str) -> tuple[str, str]:
    depth = 0
    for place, char in enumerate(types):
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            return types[:place], types[place + 1 :].strip()
    return types, ""
