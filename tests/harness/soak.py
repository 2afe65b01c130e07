"""A soak in its two halves: load until everything has settled, and deletion until nothing is left.

What is wrong is collected in words, not raised: one run should show all there is to find.
"""

import time
from collections.abc import Callable

from harness import soak_checks as checks
from harness.soak_load import Api, Load

EVERY = 1.0  # seconds between two looks
PORTS = 5  # node ports to ask for again


class Soak:
    """`wrong` is what was found so far. `within`: seconds that settling, or going, may take."""

    def __init__(self, api: Api, load: Load, *, within: float, say: Callable[[str], None] = lambda words: None) -> None:
        self._api, self._load = api, load
        self._within = within
        self._say = say
        self._ports: list[int] = []
        self.wrong: list[str] = []

    def round(self, seconds: float, rate: float, each_minute: Callable[[], None] = lambda: None) -> None:
        """Load, and wait for what it has made to be as it should be."""
        self._load.run(seconds, rate, each_minute)

        def unsettled() -> list[str]:
            self._load.settle()  # again and again: one claim comes after the other
            return checks.unsettled(self._api)

        self._until_none("not settled", unsettled)
        self._until_none("orphans", lambda: checks.orphans(self._api))
        self._ports = checks.node_ports(self._api)[:PORTS]

    def clear(self) -> None:
        """Delete everything, and wait for what it owned to go."""
        retained = checks.retained_claims(self._api)
        self._load.delete_objects()
        self._until_none("left of what was deleted", lambda: checks.remaining(self._api, retained))
        self._load.delete_rest()
        self._until_none("left of namespaces", lambda: checks.leftovers(self._api))
        self.wrong += checks.taken_ports(self._api, self._ports)

    def _until_none(self, words: str, check: Callable[[], list[str]]) -> None:
        started = time.monotonic()
        while (found := check()) and time.monotonic() - started < self._within:
            time.sleep(EVERY)
        self._say("\n  ".join([f"{words}: {len(found)} after {time.monotonic() - started:.0f} s", *found]))
        self.wrong += [f"{words}: {each}" for each in found]
