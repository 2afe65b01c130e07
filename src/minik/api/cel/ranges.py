"""Ranges that costs and sizes lie in, with cel-go's arithmetic: whole numbers that stop at the largest of 64 bits."""

import math
from typing import NamedTuple

LIMIT = (1 << 64) - 1


class Range(NamedTuple):
    """From the least to the most, both included."""

    least: int
    most: int

    def plus(self, other: "Range") -> "Range":
        return Range(min(self.least + other.least, LIMIT), min(self.most + other.most, LIMIT))

    def times(self, other: "Range") -> "Range":
        return Range(min(self.least * other.least, LIMIT), min(self.most * other.most, LIMIT))

    def scaled(self, factor: float) -> "Range":
        """Rounded up."""
        return Range(scaled(self.least, factor), scaled(self.most, factor))

    def union(self, other: "Range") -> "Range":
        return Range(min(self.least, other.least), max(self.most, other.most))


def exactly(number: int) -> Range:
    return Range(number, number)


def scaled(number: int, factor: float) -> int:
    return min(math.ceil(float(number) * factor), LIMIT)


NOTHING, ONE, UNKNOWN = Range(0, 0), Range(1, 1), Range(0, LIMIT)
NEVER = Range(LIMIT, 0)  # the start of a union
PER_CHARACTER, PER_PATTERN_CHARACTER = 0.1, 0.25
NEW_LIST, NEW_MAP, NEW_MESSAGE = 10, 30, 40


class Entries(NamedTuple):
    """What is known of the entries of a list or map that an expression builds."""

    container: str
    key: Range
    value: Range

    def union(self, other: "Entries | None") -> "Entries | None":
        if other is None:
            return None
        return Entries(self.container, self.key.union(other.key), self.value.union(other.value))
