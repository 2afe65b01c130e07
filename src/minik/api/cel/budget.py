"""What evaluating expressions may cost: each of them, and all that belong to one request.

Counting is slow (interpreter.py), so it is only done when it has to be. The most an expression can cost over values of
a size is known from its estimate; while that is little, the engine evaluates and the sum of these is taken for what
was spent. When the sum reaches the budget, what was assumed is counted after all.
Limits: apiserver's apis/cel/config.go.
"""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from minik.api.cel.declared_sizes import REQUEST
from minik.api.cel.engine import CelError, Program
from minik.api.cel.interpreter import Meter, TooExpensive

PER_CALL = 1_000_000
PER_REQUEST = 10_000_000
_LITTLE = 20_000  # where the engine, whose lists grow by copying, is no faster than the interpreter
SPENT = "validation failed due to running out of cost budget, no further validation rules will be run"


class OutOfBudget(Exception):
    """All expressions together were too expensive. The text is the one to show."""

    def __init__(self) -> None:
        super().__init__(SPENT)


class Values:
    """The variables of expressions, and how large they are."""

    __slots__ = ("_extent", "_length", "raw", "variables")

    def __init__(self, variables: Mapping[str, Any], raw: Any) -> None:
        """`raw`: the same as JSON has it."""
        self.variables = variables
        self.raw = raw
        self._length = -1
        self._extent: tuple[int, int] | None = None

    @property
    def length(self) -> int:
        """No list, map or string in it is longer."""
        if self._length < 0:
            self._length = len(orjson.dumps(self.raw))
        return self._length

    @property
    def extent(self) -> tuple[int, int]:
        """The length of the longest list or map, and that of the longest string."""
        if self._extent is None:
            self._extent = _extent(self.raw)
        return self._extent


def _extent(value: Any) -> tuple[int, int]:
    items, text = 0, 0
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            text = max(text, len(each))
        elif isinstance(each, list | tuple):
            items = max(items, len(each))
            pending += each
        elif isinstance(each, dict):
            items = max(items, len(each))
            pending += each.keys()
            pending += each.values()
    return items, text


class Budget:
    """What is left for one request."""

    __slots__ = ("_assumed", "_open", "_remaining")

    def __init__(self, limit: int = PER_REQUEST) -> None:
        self._remaining = limit
        self._assumed = 0
        self._open: list[tuple[Program, Values]] = []

    def evaluate(self, program: Program, values: Values, engine: Callable[[], Any]) -> Any:
        """The value, by the interpreter or the engine. Raises CelError, TooExpensive for this one, or OutOfBudget."""
        most = _most(program, values)
        if most > _LITTLE:
            return self._counted(program, values, engine)
        if self._assumed + most > self._remaining:
            self._settle()
        self._assumed += most
        self._open.append((program, values))
        return engine()

    def _counted(self, program: Program, values: Values, engine: Callable[[], Any]) -> Any:
        meter = Meter(PER_CALL)
        try:
            value = program.interpret(values.variables, meter)
        except CelError:
            value = engine()
        self._pay(meter.spent)
        return value

    def _settle(self) -> None:
        """Count what was assumed."""
        pending, self._open, self._assumed = self._open, [], 0
        for program, values in pending:
            meter = Meter(PER_CALL)
            with contextlib.suppress(CelError, TooExpensive):
                program.interpret(values.variables, meter)
            self._pay(meter.spent)

    def _pay(self, cost: int) -> None:
        self._remaining -= cost
        if self._remaining < 0:
            raise OutOfBudget


def _most(program: Program, values: Values) -> int:
    """The most it can cost over values of this size."""
    most = program.most(REQUEST, REQUEST)
    if most > _LITTLE:
        most = program.most(values.length, values.length)
        if most > _LITTLE:
            most = program.most(*values.extent)
    return most
