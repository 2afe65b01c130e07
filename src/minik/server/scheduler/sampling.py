"""How many nodes of a large cluster are looked at for one Pod, and which come first.

https://kubernetes.io/docs/concepts/scheduling-eviction/scheduler-perf-tuning/
"""

from collections.abc import Sequence

FEWEST = 100  # nodes; a cluster this small is looked at whole
_LOWEST_PERCENTAGE = 5


def nodes_to_find(nodes: int, percentage: int) -> int:
    """How many nodes that fit are enough to choose from. `percentage` 0: 50 % in small clusters, 5 % in huge ones."""
    if nodes < FEWEST or percentage >= 100:
        return nodes
    if percentage <= 0:
        percentage = max(50 - nodes // 125, _LOWEST_PERCENTAGE)
    return max(nodes * percentage // 100, FEWEST)


class Sampling:
    """Every cycle goes on where the last one stopped, so that all nodes get their turn."""

    def __init__(self) -> None:
        self._next = 0

    def look(self, names: Sequence[str], first: str, percentage: int) -> tuple[Sequence[str], int]:
        """The order to look at nodes in, and how many to find. `first`, if named, comes before all others."""
        enough = nodes_to_find(len(names), percentage)
        if enough == len(names):
            return names, 0
        at = self._next % len(names)
        order = [*names[at:], *names[:at]]
        return ([first, *(name for name in order if name != first)] if first in names else order), enough

    def looked(self, count: int) -> None:
        """So many were looked at."""
        self._next += count
