"""What Kubernetes asks of literals beyond the language: items of one type, and readable durations, times, patterns.

Upstream: cel-go's HomogeneousAggregateLiterals and its validators of literals.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime

from minik.api.cel import string_functions
from minik.api.cel.complaints import Complaint, at_offset
from minik.api.cel.duration import parse_duration
from minik.api.cel.syntax_tree import DYN, Call, Checked, Constant, ListLiteral, MapLiteral, Node, Type, walk
from minik.api.crd import go_regexp

_UNKNOWN = ("dyn", "any", "parameter")


def complaints(checked: Checked, source: str) -> list[Complaint]:
    found: list[Complaint] = []
    nodes = list(walk(checked.tree))
    formatted = {part.id for node in nodes if _is_format(node) for part in walk(node)}
    for node in nodes:
        for culprit, text in _wrong(node, checked, may_mix=node.id in formatted):
            found.append(at_offset(min(checked.positions.get(culprit.id, 0), len(source)), text, source))
    return found


def unusable_pattern(checked: Checked) -> str:
    """What is wrong with a pattern written out as an argument of find or findAll, "" for nothing."""
    for node in walk(checked.tree):
        if isinstance(node, Call) and node.function in ("find", "findAll") and node.target is not None:
            pattern = node.arguments[0] if node.arguments else None
            if isinstance(pattern, Constant) and isinstance(pattern.value, str):
                text = go_regexp.complaint(pattern.value)
                if text:
                    return text
    return ""


def _is_format(node: Node) -> bool:
    return isinstance(node, Call) and node.function == "format" and node.target is not None


def _wrong(node: Node, checked: Checked, *, may_mix: bool) -> Iterator[tuple[Node, str]]:
    match node:
        case ListLiteral() | MapLiteral() if may_mix:
            pass
        case ListLiteral():
            yield from _mixed(node.elements, checked, node.optional)
        case MapLiteral() if not node.message and not _is_object(node):
            yield from _mixed(node.parts[::2], checked)
            yield from _mixed(node.parts[1::2], checked, [place // 2 for place in node.optional])
        case Call() if node.function in _READ and node.arguments:
            literal = node.arguments[0]
            if isinstance(literal, Constant) and isinstance(literal.value, str):
                try:
                    _READ[node.function](literal.value)
                except ValueError:
                    yield literal, f"invalid {node.function} argument"
        case Call(function="format", target=Constant(value=str() as text), arguments=(ListLiteral() as list_,)):
            yield from _misformatted(node, text, list_.elements, checked)


def _misformatted(call: Node, text: str, values: Sequence[Node], checked: Checked) -> Iterator[tuple[Node, str]]:
    used = 0
    try:
        for clause in string_functions.clauses(text, len(values)):
            if not clause.letter:
                break
            value, used = values[used], used + 1
            kinds, complaint = string_functions.TAKES[clause.letter]
            culprit = _unfit(value, kinds, checked, inside=clause.letter == "s")
            if culprit is not None:
                kind = _runtime_name(checked.types.get(culprit.id, DYN))
                yield culprit, f"error during formatting: {complaint}, was given {kind}"
                return
    except ValueError as error:
        yield call, str(error)
        return
    if len(values) > used:
        text = "too many arguments supplied to string.format"
        yield call, f"{text} (expected {used}, got {len(values)})"


def _unfit(value: Node, kinds: Sequence[str], checked: Checked, *, inside: bool) -> Node | None:
    """What of an argument a clause does not take."""
    of = checked.types.get(value.id, DYN)
    if of.kind not in _UNKNOWN and _runtime_name(of) not in kinds:
        return value
    parts: Sequence[Node] = ()
    if inside:
        parts = value.elements if isinstance(value, ListLiteral) else ()
        parts = value.parts if isinstance(value, MapLiteral) else parts
    return next((culprit for part in parts if (culprit := _unfit(part, kinds, checked, inside=True))), None)


def _runtime_name(of: Type) -> str:
    return {"null": "null_type"}.get(of.kind, of.name or of.kind)


def _is_object(node: MapLiteral) -> bool:
    """Whether it stands for an object with a type name, whose fields have types of their own."""
    return bool(node.parts) and isinstance(node.parts[0], Constant) and node.parts[0].value == "@type"


def _mixed(items: Sequence[Node], checked: Checked, optional: Collection[int] = ()) -> Iterator[tuple[Node, str]]:
    expected: Type | None = None
    for place, item in enumerate(items):
        actual = checked.types.get(item.id, DYN)
        if place in optional and actual.parts:
            actual = actual.parts[0]
        if expected is None or _fits(actual, expected):
            expected = expected or actual
        elif _fits(expected, actual):
            expected = actual
        else:
            yield item, f"expected type '{shown(expected)}' but found '{shown(actual)}'"
            return


def _fits(one: Type, other: Type) -> bool:
    """Whether values of one type can stand where the other is wanted."""
    if one.kind in _UNKNOWN or other.kind in _UNKNOWN:
        return True
    if (one.kind, one.name) != (other.kind, other.name):
        return False
    return all(_fits(*parts) for parts in zip(one.parts, other.parts, strict=False))


def shown(of: Type) -> str:
    """A type as cel-go writes it."""
    name = of.name or of.kind
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
