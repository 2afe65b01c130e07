"""What Kubernetes asks of literals beyond the language: items of one type, and readable durations, times, patterns.

Upstream: cel-go's HomogeneousAggregateLiterals and its validators of literals.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from minik.api.cel.complaints import Complaint, at_offset
from minik.api.cel.duration import parse_duration
from minik.api.cel.syntax_tree import DYN, Call, Checked, Constant, ListLiteral, MapLiteral, Node, Type, walk
from minik.api.crd import go_regexp


def complaints(checked: Checked, source: str) -> list[Complaint]:
    found: list[Complaint] = []
    for node in walk(checked.tree):
        for culprit, text in _wrong(node, checked):
            found.append(at_offset(min(checked.positions.get(culprit.id, 0), len(source)), text, source))
    return found


def _wrong(node: Node, checked: Checked) -> Iterator[tuple[Node, str]]:
    match node:
        case ListLiteral():
            yield from _mixed(node.elements, checked)
        case MapLiteral() if not node.message and not _is_object(node):
            yield from _mixed(node.parts[::2], checked)
            yield from _mixed(node.parts[1::2], checked)
        case Call() if node.function in _READ and node.arguments:
            literal = node.arguments[0]
            if isinstance(literal, Constant) and isinstance(literal.value, str):
                try:
                    _READ[node.function](literal.value)
                except ValueError:
                    yield literal, f"invalid {node.function} argument"


def _is_object(node: MapLiteral) -> bool:
    """Whether it stands for an object with a type name, whose fields have types of their own."""
    return bool(node.parts) and isinstance(node.parts[0], Constant) and node.parts[0].value == "@type"


def _mixed(items: Sequence[Node], checked: Checked) -> Iterator[tuple[Node, str]]:
    expected: Type | None = None
    for item in items:
        actual = checked.types.get(item.id, DYN)
        if expected is None or _fits(actual, expected):
            expected = expected or actual
        elif _fits(expected, actual):
            expected = actual
        else:
            yield item, f"expected type '{shown(expected)}' but found '{shown(actual)}'"
            return


def _fits(one: Type, other: Type) -> bool:
    """Whether values of one type can stand where the other is wanted."""
    loose = ("dyn", "any", "parameter")
    if one.kind in loose or other.kind in loose:
        return True
    if (one.kind, one.name) != (other.kind, other.name):
        return False
    return all(_fits(*parts) for parts in zip(one.parts, other.parts, strict=False))


def shown(of: Type) -> str:
    """A type as cel-go writes it."""
    name = {"null": "null_type", "timestamp": "timestamp", "duration": "duration"}.get(of.kind, of.name or of.kind)
    if of.parts:
        return f"{name}({', '.join(shown(part) for part in of.parts)})"
    return name


def _pattern(text: str) -> None:
    if go_regexp.complaint(text):
        raise ValueError


_READ: dict[str, Callable[[str], object]] = {
    "matches": _pattern,
    "duration": parse_duration,
    "timestamp": lambda text: datetime.fromisoformat(text),
}
