"""Limits on what the rules of a definition may cost, by estimate.

Upstream: apiextensions-apiserver's cel_validation.go and validation.go.
"""

from dataclasses import dataclass, field

from minik.api.cel.cost import estimate
from minik.api.cel.declared_sizes import REQUEST, Declared
from minik.api.cel.ranges import LIMIT
from minik.api.cel.syntax_tree import Checked
from minik.api.validation import FieldError, forbidden

_PER_EXPRESSION, _PER_DEFINITION = 10_000_000, 100_000_000
_MOST_SHOWN = 4
_ADVICE = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength "
    "where arrays, maps, and strings are declared)"
)


@dataclass(slots=True)
class Costs:
    """Adds up what the expressions of one schema cost."""

    total: int = 0
    largest: list[tuple[int, str]] = field(default_factory=list)

    def rule(self, rule: Checked, of: Declared | None, times: int | None, path: str) -> list[FieldError]:
        """One rule that is checked `times` times in one object (None: as often as fits into a request)."""
        often = REQUEST // ((of.shortest if of else 1) + 1) if times is None else times
        return self._add("estimated rule cost", min(estimate(rule, of).most * often, LIMIT), path)

    def message(self, expression: Checked, of: Declared | None, path: str) -> list[FieldError]:
        """A message is made once, however often its rule is checked."""
        return self._add("estimated messageExpression cost", estimate(expression, of).most, path)

    def _add(self, name: str, cost: int, path: str) -> list[FieldError]:
        self.total = min(self.total + cost, LIMIT)
        if cost >= _PER_DEFINITION // 100:
            self.largest.append((cost, path))
            self.largest.sort(key=lambda each: -each[0])
            del self.largest[_MOST_SHOWN:]
        return [forbidden(path, _text(name, cost, _PER_EXPRESSION))] if cost > _PER_EXPRESSION else []

    def whole(self, path: str) -> list[FieldError]:
        """Complaints about all expressions together."""
        if self.total <= _PER_DEFINITION:
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
