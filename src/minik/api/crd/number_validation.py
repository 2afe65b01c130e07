"""Numbers against structural schemas: which limits they break, in kube-openapi's words and order.

Limits are float64 in the schema; a whole number is held to what is left of them as int64, as kube-openapi does.
"""

import math
from collections.abc import Iterator

from minik.api.patch import go_print
from minik.api.types import Obj

_INTEGERS = {"int32": 1 << 31, "int64": 1 << 63}
_LARGEST_FLOAT32 = 3.4028235677973366e38  # from here on it rounds to infinity
_LARGEST_EXACT = (1 << 53) - 1
_EPSILON = 1e-9


def is_whole(number: float) -> bool:
    """Whether a float counts as an integer: it is one, or nearly, and JSON can hold it exactly."""
    if not math.isfinite(number) or abs(number) > _LARGEST_EXACT:
        return False
    whole = float(int(number))
    if number == whole:
        return True
    return abs(number - whole) / (abs(number) + abs(whole)) < _EPSILON


def complaints(value: float, schema: Obj, path: str) -> Iterator[tuple[str, bool]]:
    """What is wrong, as (text, whether the text stands for itself and not behind the field's path)."""
    kind, form = schema.get("type", ""), schema.get("format", "")
    if not _fits(value, kind, form):
        yield f"Checked value must be of type {kind} with format {form} in {path}", True
    factor, largest, least = schema.get("multipleOf"), schema.get("maximum"), schema.get("minimum")
    if factor and not _is_multiple(value, factor):
        shown = int(factor) if isinstance(value, int) and int(factor) else float(factor)
        yield f"should be a multiple of {go_print.plain(shown)}", False
    if least is not None:
        bound, exclusive = _as(least, value), schema.get("exclusiveMinimum")
        if value < bound or (exclusive and value == bound):
            yield f"should be greater than {'' if exclusive else 'or equal to '}{go_print.plain(bound)}", False
    if largest is not None:
        bound, exclusive = _as(largest, value), schema.get("exclusiveMaximum")
        if value > bound or (exclusive and value == bound):
            yield f"should be less than {'' if exclusive else 'or equal to '}{go_print.plain(bound)}", False


def _fits(value: float, kind: str, form: str) -> bool:
    if kind == "integer" and form in _INTEGERS:
        return float(value).is_integer() and -_INTEGERS[form] <= value < _INTEGERS[form]
    return kind != "number" or form != "float" or abs(value) < _LARGEST_FLOAT32


def _as(limit: float, value: float) -> float:
    return int(limit) if isinstance(value, int) else float(limit)


def _is_multiple(value: float, factor: float) -> bool:
    if isinstance(value, int) and int(factor):
        return value % int(factor) == 0
    return is_whole(1 / factor * value if factor < 1 else value / factor)
