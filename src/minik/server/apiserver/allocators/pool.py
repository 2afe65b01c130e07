"""Pools of numbers: which are taken, and picking a free one at random.

Upstream's allocator splits every range: addresses picked by hand come from the lower band as long as the dynamic ones
(upper band) last. https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/
"""

import random


class ExhaustedError(Exception):
    """Nothing is free any more."""


class TakenError(Exception):
    """The number is in use."""


class OutOfRangeError(Exception):
    """The number does not belong to the pool."""


class NumberPool:
    """The numbers `first` to `last`. Dynamic picks avoid the first `reserved` of them while others are free.

    Pools that overlap share what is `taken`.
    """

    def __init__(self, first: int, last: int, reserved: int, taken: set[int] | None = None) -> None:
        self.first = first
        self.last = last
        self._upper = first + reserved
        self._taken: set[int] = set() if taken is None else taken

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def is_taken(self, number: int) -> bool:
        return number in self._taken

    def take(self, number: int) -> None:
        """Raises OutOfRangeError, TakenError."""
        if number not in self:
            raise OutOfRangeError
        if number in self._taken:
            raise TakenError
        self._taken.add(number)

    def take_next(self) -> int:
        """Raises ExhaustedError."""
        number = self.find_free()
        self._taken.add(number)
        return number

    def find_free(self, *, avoid: frozenset[int] = frozenset()) -> int:
        """A free number without taking it, other than those in `avoid`. Raises ExhaustedError."""
        for low, high in ((self._upper, self.last), (self.first, self._upper - 1)):
            size = high - low + 1
            if size <= 0:
                continue
            start = random.randrange(size)
            for step in range(size):
                number = low + (start + step) % size
                if number not in self._taken and number not in avoid:
                    return number
        raise ExhaustedError

    def release(self, number: int) -> None:
        self._taken.discard(number)


def reserved_size(size: int, least: int = 16, most: int = 256) -> int:
    """How many numbers are kept for picking by hand: a sixteenth, between 16 and 256; none in a small range."""
    if size < least:
        return 0
    return max(least, min(size // 16, most))


def reserved_ports(size: int) -> int:
    """The same for node ports: a 32nd, between 16 and 128."""
    if size < 16:
        return 0
    return max(16, min(size // 32, 128))
