"""How much work a request is: seats by the number of objects a list goes through, seats after a write for its watchers.

Upstream: apiserver's flowcontrol/request (list_work_estimator.go, mutating_work_estimator.go).
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil

from minik.server.apiserver.request_info import RequestInfo

MOST_SEATS = 10
_SHARE_OF_LEVEL = 0.15  # of a level's seats that one request may take
_OBJECTS_PER_SEAT = 100.0
_WATCHERS_PER_SEAT = 10.0
_PER_EVENT = 0.005  # seconds that a seat's worth of watchers is worked for
_WRITES = frozenset({"create", "update", "patch", "delete"})

Count = Callable[[str, str, str], int]
"""Of a resource: (group, version, plural) -> how many objects, or how many watchers there are."""


class WorkEstimate:
    """`objects` and `watchers` tell what there is at the moment."""

    def __init__(self, objects: Count, watchers: Count) -> None:
        self._objects = objects
        self._watchers = watchers

    def is_wide(self, info: RequestInfo) -> bool:
        """Whether requests of this kind may take more than one seat."""
        return info.is_resource and not info.subresource and (info.verb == "list" or info.verb in _WRITES)

    def seats(self, info: RequestInfo, query: Mapping[str, Sequence[str]], most: int) -> int:
        """Taken while a request is served."""
        if info.verb != "list":
            return 1
        count = self._objects(info.group, info.version, info.resource)
        limit = query.get("limit", ("",))[0] if query else ""
        if limit.isdecimal() and int(limit) and not ("labelSelector" in query or "fieldSelector" in query):
            count = min(count, int(limit))
        return max(1, min(ceil(count / _OBJECTS_PER_SEAT), most))

    def after(self, info: RequestInfo, most: int) -> tuple[int, float]:
        """(seats, seconds) taken after a write was answered, while its watchers are told; (0, 0) for few of them."""
        if info.verb not in _WRITES:
            return 0, 0.0
        watchers = self._watchers(info.group, info.version, info.resource)
        if watchers < _WATCHERS_PER_SEAT:
            return 0, 0.0
        seats = ceil(watchers / _WATCHERS_PER_SEAT)
        work = seats * _PER_EVENT
        seats = min(seats, most)
        return seats, work / seats


def most_seats(of_level: int) -> int:
    return max(1, min(MOST_SEATS, ceil(of_level * _SHARE_OF_LEVEL)))
