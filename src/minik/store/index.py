"""The current state of the store: every key's newest value, and the keys in order.

A dict answers `get`; a sorted list of keys answers ranges and counts in O(log n) plus what is returned.
"""

from collections.abc import Iterable

from sortedcontainers import SortedList

from minik.store.store import Event, EventType, KeyValue

EVERYTHING = b"\0"  # as a range_end: every key from `key` on


def contains(key: bytes, start: bytes, range_end: bytes) -> bool:
    """Whether `key` lies in etcd's range [start, range_end)."""
    if not range_end:
        return key == start
    return key >= start and (range_end == EVERYTHING or key < range_end)


class KeyIndex:
    def __init__(self, kvs: Iterable[KeyValue] = ()) -> None:
        self._kvs = {kv.key: kv for kv in kvs}
        self._keys: SortedList = SortedList(self._kvs)
        self.get = self._kvs.get

    def __len__(self) -> int:
        return len(self._kvs)

    def apply(self, event: Event) -> None:
        key = event.kv.key
        if event.type is EventType.DELETE:
            del self._kvs[key]
            self._keys.remove(key)
            return
        if key not in self._kvs:
            self._keys.add(key)
        self._kvs[key] = event.kv

    def range(self, key: bytes, range_end: bytes, limit: int = 0) -> list[KeyValue]:
        if not range_end:
            kv = self._kvs.get(key)
            return [] if kv is None else [kv]
        first, last = self._bounds(key, range_end)
        if limit and last - first > limit:
            last = first + limit
        kvs = self._kvs
        return [kvs[found] for found in self._keys.islice(first, last)]

    def count(self, key: bytes, range_end: bytes) -> int:
        if not range_end:
            return 1 if key in self._kvs else 0
        first, last = self._bounds(key, range_end)
        return max(last - first, 0)

    def _bounds(self, key: bytes, range_end: bytes) -> tuple[int, int]:
        first = self._keys.bisect_left(key)
        last = len(self._kvs) if range_end == EVERYTHING else self._keys.bisect_left(range_end)
        return first, max(first, last)
