"""What calls of Kubernetes' own functions and of the extension libraries cost, by estimate.

Upstream: apiserver's cel/library/cost.go. What is not here costs what cel-go says (cost.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from minik.api.cel.ranges import (
    LIMIT,
    NEW_LIST,
    NEW_MESSAGE,
    NOTHING,
    ONE,
    PER_CHARACTER,
    PER_PATTERN_CHARACTER,
    Range,
    exactly,
)

CHECK = 350_000  # two questions to the authorizer are all an expression can afford
_LONGEST_FORMAT_PATTERN = 128
_ADDRESS = Range(4, 16)  # bytes of an IP address
_AUTHORIZER = ("serviceAccount", "path", "group", "resource", "subresource", "namespace", "name")
_DECISION = ("allowed", "reason", "error", "errored")
_IP = ("family", "isUnspecified", "isLoopback", "isLinkLocalMulticast", "isLinkLocalUnicast", "isGlobalUnicast")
_NUMBERS = ("sign", "asInteger", "isInteger", "asApproximateFloat", "isGreaterThan", "isLessThan", "compareTo")
_URL = ("getScheme", "getHostname", "getHost", "getPort", "getEscapedPath", "getQuery")
_OTHERS = ("masked", "prefixLength", "format.named", "add", "sub", "major", "minor", "patch")
ACCESSORS = frozenset((*_AUTHORIZER, *_DECISION, *_IP, *_NUMBERS, *_URL, *_OTHERS))
TRAVERSALS = frozenset({"isSorted", "sum", "max", "min", "indexOf", "lastIndexOf"})
PARSERS = frozenset(
    {"url", "jsonpatch.escapeKey", "cidr", "isIP", "isCIDR", "ip", "quantity", "isQuantity", "semver", "isSemver"}
)
SAME_LENGTH = frozenset({"lowerAscii", "upperAscii", "substring", "trim"})


@dataclass(frozen=True, slots=True)
class Part:
    """An operand: its size, and of a list the kind and size of its items. `whole`: a literal whole number."""

    size: Range
    kind: str = "dyn"
    item_kind: str = ""
    item_size: Range | None = None
    whole: int | None = None


class Estimate(NamedTuple):
    """`size`: that of the result, None when it has none or it is not known."""

    cost: Range
    size: Range | None = None


def selector(length: Range) -> Range:
    """Parsing a selector: a requirement takes at least two characters, and a list and a struct to hold it."""
    requirements = length.scaled(0.5).scaled(NEW_LIST + NEW_MESSAGE)
    return exactly(NEW_LIST).plus(length.scaled(PER_CHARACTER)).plus(requirements)


def estimate(function: str, target: Part | None, arguments: Sequence[Part]) -> Estimate | None:
    """None when the function is none of these."""
    if function == "check":
        return Estimate(exactly(CHECK))
    if function in ACCESSORS or (function == "ip" and target is not None):
        return Estimate(ONE)
    if function in PARSERS and target is None and arguments:
        size = arguments[0].size
        return Estimate(size.scaled(PER_CHARACTER), size if function in ("url", "jsonpatch.escapeKey") else None)
    if function == "ip.isCanonical" and arguments:
        return Estimate(arguments[0].size.scaled(2 * PER_CHARACTER))
    return _member(function, target, arguments) if target is not None else None


def _member(function: str, target: Part, arguments: Sequence[Part]) -> Estimate | None:
    size = target.size
    if function in TRAVERSALS:
        return _traversal(target)
    if function in SAME_LENGTH:
        return Estimate(size.scaled(PER_CHARACTER), size)
    first = arguments[0] if arguments else None
    match function:
        case "join":
            return _joined(target, arguments)
        case "split":
            limit = arguments[1].whole if len(arguments) > 1 else None
            return Estimate(size.scaled(2 * PER_CHARACTER), Range(0, size.most if limit is None else limit))
        case "replace" if len(arguments) > 1:
            return Estimate(size.scaled(2 * PER_CHARACTER), _replaced(size, arguments[0].size, arguments[1].size))
        case "fieldSelector" | "labelSelector" if first:
            return Estimate(selector(first.size))
        case "find" | "findAll" if first:
            text = size.plus(ONE).scaled(PER_CHARACTER)
            return Estimate(text.times(first.size.scaled(PER_PATTERN_CHARACTER)), Range(0, size.most))
        case "validate" if first:
            pattern = _LONGEST_FORMAT_PATTERN * PER_PATTERN_CHARACTER
            return Estimate(first.size.scaled(PER_CHARACTER).scaled(pattern))
        case "containsIP" | "containsCIDR" if first:
            return Estimate(_containment(function, first))
    return None


def _traversal(target: Part) -> Estimate:
    if not target.item_kind:
        return Estimate(target.size.scaled(PER_CHARACTER))  # a string
    once = ONE
    if target.item_kind in ("string", "bytes"):
        once = once.plus((target.item_size or Range(0, LIMIT)).scaled(PER_CHARACTER))
    return Estimate(target.size.times(once))


def _containment(function: str, other: Part) -> Range:
    cost = _ADDRESS.plus(_ADDRESS).scaled(PER_CHARACTER)
    if function == "containsCIDR":
        cost = cost.plus(_ADDRESS.scaled(PER_CHARACTER)).plus(ONE)
    return cost.plus(other.size.scaled(PER_CHARACTER)) if other.kind == "string" else cost


def _joined(target: Part, arguments: Sequence[Part]) -> Estimate:
    count = target.size
    size = count.times(target.item_size or Range(0, LIMIT)) if target.item_kind else NOTHING
    if arguments:
        gaps = Range(max(0, count.least - 1), max(0, count.most - 1))
        size = size.plus(arguments[0].size.times(gaps))
    return Estimate(size.scaled(PER_CHARACTER), size)


def _replaced(size: Range, old: Range, new: Range) -> Range:
    """Size of a text after replacing: an empty old text puts the new one around every character."""
    if old.least == 0:
        most = min(size.most + 1, LIMIT), size.most
    elif new.most <= old.least:
        most = 0, size.most
    else:
        most = -(-size.most // old.least), 0
    if old.most == 0:
        least = min(size.least + 1, LIMIT), size.least
    elif old.most <= new.least:
        least = 0, size.least
    else:
        least = -(-size.least // old.most), 0
    return Range(least[0], most[0]).times(new).plus(Range(least[1], most[1]))
