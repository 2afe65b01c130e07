"""What a call has cost, by the values it was made with.

Upstream: cel-go's interpreter/runtimecost.go, costCall, and apiserver's cel/library/cost.go, CallCost.
"""

import math
from collections.abc import Sequence
from typing import Any

from minik.api.cel.call_costs import ACCESSORS, PARSERS, SAME_LENGTH, TRAVERSALS, selector
from minik.api.cel.ranges import PER_CHARACTER, PER_PATTERN_CHARACTER, exactly

_COMPARING = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})
_LONGEST_FORMAT_PATTERN = 128


def cost_of(function: str, member: bool, values: Sequence[Any]) -> int:
    """`values`: the target, if there is one, and the arguments."""
    if function in ACCESSORS or not values:
        return 1
    first = values[0]
    if function in _COMPARING:
        return math.ceil(min(_size(first), _size(values[1])) * PER_CHARACTER)
    if function in TRAVERSALS:
        return _traversal(first)
    if function in SAME_LENGTH or (function in PARSERS and not member):
        return math.ceil(_size(first) * PER_CHARACTER)
    match function:
        case "_+_" if isinstance(first, str | bytes):
            return math.ceil((_size(first) + _size(values[1])) * PER_CHARACTER)
        case "@in" | "in" if isinstance(values[1], list):
            return len(values[1])
        case "startsWith" | "endsWith" | "bytes" | "string" if isinstance(first, str | bytes):
            return math.ceil(_size(first) * PER_CHARACTER)
        case "contains":
            return math.ceil(_size(first) * PER_CHARACTER) * math.ceil(_size(values[1]) * PER_CHARACTER)
        case "matches" | "find" | "findAll":
            text = math.ceil((1 + _size(first)) * PER_CHARACTER)
            return text * math.ceil(_size(values[1]) * PER_PATTERN_CHARACTER)
        case "replace" | "split" | "join" | "ip.isCanonical":
            return math.ceil(_size(first) * 2 * PER_CHARACTER)
        case "validate":
            text = math.ceil((1 + _size(values[1])) * PER_CHARACTER)
            return text * math.ceil(_LONGEST_FORMAT_PATTERN * PER_PATTERN_CHARACTER)
        case "fieldSelector" | "labelSelector":
            return selector(exactly(_size(values[1]))).most
    return 1


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes | list | dict) else 1


def _traversal(value: Any) -> int:
    if isinstance(value, str | bytes):
        return int(len(value) * PER_CHARACTER)
    if isinstance(value, list):
        return sum(map(_traversal, value))
    if isinstance(value, dict):
        return sum(_traversal(key) + _traversal(part) for key, part in value.items())
    return 1
