"""Decides what becomes of an Event: a new object, a higher count on an old one, or nothing.

The rules of client-go's EventCorrelator:

1. More than 10 different messages of one kind about one object within 10 minutes become one "(combined from similar
   events)". 2. An event seen before raises that one's count. 3. A source may speak 25 times about one object, then
   once in 5 minutes.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from minik.api.types import Obj

CACHE_SIZE = 4096
SIMILAR, SIMILAR_INTERVAL = 10, 600.0  # distinct messages, seconds
SPAM_BURST, SPAM_REFILL = 25, 300.0  # tokens, seconds per token
COMBINED = "(combined from similar events): "

Key = tuple[str, ...]
V = TypeVar("V")


class _Recent(Generic[V]):
    """The most recently used `CACHE_SIZE` values."""

    def __init__(self, fresh: Callable[[], V]) -> None:
        self._fresh = fresh
        self._values: OrderedDict[Key, V] = OrderedDict()

    def get(self, key: Key) -> V:
        if key in self._values:
            self._values.move_to_end(key)
        else:
            self._values[key] = self._fresh()
            if len(self._values) > CACHE_SIZE:
                self._values.popitem(last=False)
        return self._values[key]


@dataclass(slots=True)
class _Similar:
    messages: dict[str, None] = field(default_factory=dict)
    last: float = float("-inf")


@dataclass(slots=True)
class _Seen:
    name: str = ""
    count: int = 0
    first_timestamp: str = ""


@dataclass(slots=True)
class _Bucket:
    tokens: float = SPAM_BURST
    last: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`event` as it should be stored; `patch` when an event of that name is already there."""

    event: Obj
    patch: Obj | None


class EventCorrelator:
    """Keeps bounded state; `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._similar: _Recent[_Similar] = _Recent(_Similar)
        self._seen: _Recent[_Seen] = _Recent(_Seen)
        self._buckets: _Recent[_Bucket] = _Recent(_Bucket)

    def correlate(self, event: Obj, now: float) -> Outcome | None:
        """`event` is a fresh core/v1 Event of count 1 and is changed in place. None: drop it."""
        key = self._aggregate(event, now)
        outcome = self._observe(event, key)
        return outcome if self._allowed(event, now) else None

    def _aggregate(self, event: Obj, now: float) -> Key:
        source = event["source"]
        key = (
            *_source_and_object(event),
            event["type"],
            event["reason"],
            event["reportingComponent"],
            event["reportingInstance"],
        )
        message = event["message"]
        similar = self._similar.get(("similar", *key))
        if now - similar.last > SIMILAR_INTERVAL:
            similar.messages.clear()
        similar.messages[message] = None
        similar.last = now
        if len(similar.messages) < SIMILAR:
            return (*key, source.get("host", ""), message)
        similar.messages.popitem()  # bounded, and the group stays combined while it is busy
        event["message"] = COMBINED + message
        return key

    def _observe(self, event: Obj, key: Key) -> Outcome:
        seen = self._seen.get(key)
        seen.count += 1
        if seen.count == 1:
            seen.name, seen.first_timestamp = event["metadata"]["name"], event["firstTimestamp"]
            return Outcome(event, None)
        event["metadata"]["name"] = seen.name
        event["firstTimestamp"] = seen.first_timestamp
        event["count"] = seen.count
        patch = {"count": seen.count, "lastTimestamp": event["lastTimestamp"], "message": event["message"]}
        return Outcome(event, patch)

    def _allowed(self, event: Obj, now: float) -> bool:
        bucket = self._buckets.get(_source_and_object(event))
        if bucket.last is not None:
            bucket.tokens = min(SPAM_BURST, bucket.tokens + (now - bucket.last) / SPAM_REFILL)
        bucket.last = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


def _source_and_object(event: Obj) -> Key:
    source, about = event["source"], event["involvedObject"]
    fields = ("kind", "namespace", "name", "uid", "apiVersion")
    return (source["component"], source.get("host", ""), *(about.get(name, "") for name in fields))
