"""Resource quantities: "500m", "1.5Gi", "1e3".

A quantity is a whole number of nanos plus the family of suffixes it is written in. Parsing, rounding and the canonical
form follow apimachinery's `resource.Quantity`:
https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from dataclasses import dataclass
from functools import lru_cache

NANO = 10**9
_MAX_BINARY = ((1 << 63) - 1) * NANO
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY_SUFFIX = {power: suffix for suffix, power in _BINARY.items()}
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]+)", re.ASCII)

DECIMAL_SI, BINARY_SI, DECIMAL_EXPONENT = "DecimalSI", "BinarySI", "DecimalExponent"

_WRONG_FORMAT = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"  # upstream's words
)
_WRONG_SUFFIX = "unable to parse quantity's suffix"


class QuantityError(ValueError):
    """Text that is no quantity. `str()` is upstream's text."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An exact amount in billionths. Compare `nanos`; `str()` is the canonical form."""

    nanos: int
    format: str = DECIMAL_SI

    def __add__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.nanos + other.nanos, self.format if self.nanos else other.format)

    def __sub__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.nanos - other.nanos, self.format if self.nanos else other.format)

    def __neg__(self) -> "Quantity":
        return Quantity(-self.nanos, self.format)

    def __lt__(self, other: "Quantity") -> bool:
        return self.nanos < other.nanos

    def __le__(self, other: "Quantity") -> bool:
        return self.nanos <= other.nanos

    @property
    def value(self) -> int:
        """The amount as a whole number, rounded away from zero."""
        return _divide_up(self.nanos, NANO)

    @property
    def milli(self) -> int:
        """The amount in thousandths, rounded away from zero."""
        return _divide_up(self.nanos, 10**6)

    def __str__(self) -> str:
        if self.nanos == 0:
            return "0"
        if self.format == BINARY_SI and abs(self.nanos) >= 1024 * NANO:
            return _binary_text(self.value)
        return _decimal_text(self.nanos, self.format)


def parse(text: str | int | float) -> Quantity:
    """A quantity from its text (numbers are taken as JSON writes them). Raises QuantityError."""
    return _parse(text if isinstance(text, str) else str(text))


@lru_cache(maxsize=2048)
def canonical(text: str) -> str:
    """The text every API server answers for this quantity. Raises QuantityError."""
    return str(_parse(text))


def of(value: int, format: str = DECIMAL_SI) -> Quantity:
    """A whole amount."""
    return Quantity(value * NANO, format)


def of_milli(value: int, format: str = DECIMAL_SI) -> Quantity:
    """An amount in thousandths."""
    return Quantity(value * 10**6, format)


@lru_cache(maxsize=2048)
def _parse(text: str) -> Quantity:
    text = text.strip()
    match = _NUMBER.fullmatch(text)
    if not text or match is None:
        raise QuantityError(_WRONG_FORMAT)
    sign, whole, fraction, suffix = match[1], match[2], match[3] or "", match[4]
    base, exponent, form = _interpret(suffix)
    digits = int(whole + fraction or "0")
    # amount = digits * 10^shift nanos, rounded away from zero
    shift = 9 - len(fraction) + (exponent if base == 10 else 0)
    if base == 2:
        digits <<= exponent
    nanos = digits * 10**shift if shift >= 0 else _divide_up(digits, 10**-shift)
    if form == BINARY_SI:
        nanos = min(nanos, _MAX_BINARY)
        if 0 < nanos < NANO:
            form = DECIMAL_SI
    return Quantity(-nanos if sign == "-" else nanos, form)


def _interpret(suffix: str) -> tuple[int, int, str]:
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], DECIMAL_SI
    if suffix in _BINARY:
        return 2, _BINARY[suffix], BINARY_SI
    exponent = _EXPONENT.fullmatch(suffix)
    if exponent is None or abs(int(exponent[1])) > 10**4:
        raise QuantityError(_WRONG_SUFFIX)
    return 10, int(exponent[1]), DECIMAL_EXPONENT


def _divide_up(number: int, divisor: int) -> int:
    """Division that rounds away from zero."""
    return -(-number // divisor) if number >= 0 else number // divisor


def _binary_text(value: int) -> str:
    power = 0
    while value % 1024 == 0 and power < 60:
        value //= 1024
        power += 10
    return f"{value}{_BINARY_SUFFIX.get(power, '')}"


def _decimal_text(nanos: int, form: str) -> str:
    """The mantissa without trailing zeros, and an exponent that is a multiple of three."""
    power = -9
    while nanos % 1000 == 0 and (form == DECIMAL_EXPONENT or power < 18):
        nanos //= 1000
        power += 3
    if form == DECIMAL_EXPONENT:
        return f"{nanos}e{power}" if power else str(nanos)
    return f"{nanos}{_DECIMAL_SUFFIX[power]}"
