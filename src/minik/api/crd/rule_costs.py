"""Limits on what the rules of a definition may cost, by estimate.

Upstream: apiextensions-apiserver's validation of estimated rule costs.
"""

from dataclasses import dataclass, field

from minik.api.cel.cost import estimate, minimal_size
from minik.api.cel.engine import Program
from minik.api.cel.syntax_tree import parse
from minik.api.crd import rule_programs
from minik.api.types import Obj
from minik.api.validation import FieldError, forbidden

_PER_RULE, _PER_DEFINITION = 10_000_000, 100_000_000
_TOLERANCE = 2  # the estimate is not upstream's to the last digit, and what upstream takes must not be refused
_REQUEST = 3 * 1024 * 1024
_MOST_SHOWN = 4
_ADVICE = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength "
    "where arrays, maps, and strings are declared)"
)


@dataclass(slots=True)
class Costs:
    """Adds up what the rules of one schema cost."""

    total: int = 0
    largest: list[tuple[int, str]] = field(default_factory=list)

    def rule(self, program: Program, rule: Obj, schema: Obj, times: int | None, path: str) -> list[FieldError]:
        """One rule that is checked `times` times in one object (None: as often as fits)."""
        before: Obj = {"type": "array", "items": schema, "maxItems": 1}
        variables = {"self": schema, "oldSelf": schema, rule_programs.OLD: before}
        once = estimate(parse(program.syntax_tree()), variables)
        often = _REQUEST // (minimal_size(schema) + 1) if times is None else times
        cost = once * often
        self.total += cost
        self.largest = sorted([*self.largest, (cost, path)], reverse=True)[:_MOST_SHOWN]
        return [forbidden(path, _text("estimated rule cost", cost, _PER_RULE))] if cost > _PER_RULE * _TOLERANCE else []

    def whole(self, path: str) -> list[FieldError]:
        """Complaints about all rules together."""
        if self.total <= _PER_DEFINITION * _TOLERANCE:
            return []
        text = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
        name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema"
        return [
            *(forbidden(where, text) for _, where in self.largest),
            forbidden(path, _text(name, self.total, _PER_DEFINITION)),
        ]


def _text(name: str, cost: int, limit: int) -> str:
    factor = cost / limit
    shown = f"{factor:f}x" if factor < 1.5 else f"{factor:.1f}x"
    if factor > 100:
        shown = "more than 100x"
    return f"{name} exceeds budget by factor of {shown} {_ADVICE}"
