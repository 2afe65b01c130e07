"""Exponential backoff per key: 10 s, doubled with every failure up to 5 min, forgotten after 10 min of peace.

Used for restarting containers (CrashLoopBackOff) and pulling images (ImagePullBackOff), as upstream's flowcontrol.
"""

from dataclasses import dataclass

INITIAL, MAXIMUM = 10.0, 300.0  # seconds


@dataclass(slots=True)
class _Entry:
    delay: float
    last: float


class Backoff:
    """All times are seconds of one clock, handed in by the caller."""

    def __init__(self, initial: float = INITIAL, maximum: float = MAXIMUM) -> None:
        self.initial, self.maximum = initial, maximum
        self._entries: dict[str, _Entry] = {}

    def delay(self, key: str) -> float:
        """The current delay; 0 when the key never failed."""
        entry = self._entries.get(key)
        return entry.delay if entry else 0.0

    def remaining(self, key: str, since: float, now: float) -> float:
        """Seconds still to wait, counted from `since` (the time of the last failure); 0 when it may go ahead."""
        entry = self._entries.get(key)
        if entry is None or self._expired(entry, since):
            return 0.0
        return max(0.0, entry.delay - (now - since))

    def next(self, key: str, since: float, now: float) -> None:
        """It is tried (again) now, after the failure at `since`: the next failure waits longer."""
        entry = self._entries.get(key)
        if entry is None or self._expired(entry, since):
            self._entries[key] = _Entry(min(self.initial, self.maximum), now)
        else:
            entry.delay, entry.last = min(entry.delay * 2, self.maximum), now

    def _expired(self, entry: _Entry, when: float) -> bool:
        return when - entry.last > 2 * max(self.maximum, MAXIMUM)

    def forget(self, prefix: str) -> None:
        """Drop every key that starts with `prefix`."""
        for key in [key for key in self._entries if key.startswith(prefix)]:
            del self._entries[key]


def go_duration(seconds: float) -> str:
    """10.0 -> "10s", 80 -> "1m20s", 300 -> "5m0s", as Go prints durations."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"
