"""Floating point numbers as Go prints them (`%v` and `%g`)."""

import math
from decimal import Decimal

_MOST_BEFORE_POINT = 6  # of digits, before there is an exponent


def shortest(value: float) -> str:
    """With no more digits than tell it from others: 0.1, 100000, 1e+06, 1.5e-05."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    number = Decimal(repr(value)).normalize()
    sign, digits, _ = number.as_tuple()
    exponent = number.adjusted() if value else 0
    if -4 <= exponent < _MOST_BEFORE_POINT:
        return f"{number:f}"
    text = "".join(map(str, digits))
    mantissa = text[0] + (f".{text[1:]}" if text[1:] else "")
    return f"{'-' if sign else ''}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
