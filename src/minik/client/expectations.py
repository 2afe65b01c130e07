"""What a controller has written but its cache has not shown yet (client-go's ControllerExpectations).

Between a create or delete and its watch event the cache is behind; a controller that acted on it would do the work
twice. It therefore notes what it is about to write and acts again only when all of it has been seen, or after a time
in which an event can only have been lost.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from minik.client.clock import Clock, SystemClock

TIMEOUT = 300.0  # seconds, as upstream


@dataclass(slots=True)
class _Expected:
    creations: int = 0
    deletions: set[str] = field(default_factory=set)  # uids or keys of what is being deleted
    since: float = 0.0


class Expectations:
    """Per controller key, usually that of the owning object."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._expected: dict[str, _Expected] = {}

    def expect(self, key: str, *, creations: int = 0, deletions: Iterable[str] = ()) -> None:
        """Replaces what was expected before."""
        self._expected[key] = _Expected(creations, set(deletions), self._clock.monotonic())

    def creation_observed(self, key: str) -> None:
        """Also to be called for a create that failed: no event will come."""
        if (expected := self._expected.get(key)) is not None and expected.creations > 0:
            expected.creations -= 1

    def deletion_observed(self, key: str, uid: str) -> None:
        if (expected := self._expected.get(key)) is not None:
            expected.deletions.discard(uid)

    def satisfied(self, key: str) -> bool:
        expected = self._expected.get(key)
        if expected is None or (expected.creations <= 0 and not expected.deletions):
            return True
        return self._clock.monotonic() - expected.since > TIMEOUT

    def forget(self, key: str) -> None:
        self._expected.pop(key, None)
