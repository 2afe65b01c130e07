"""What limits requests when priority and fairness is off: a number of readers and a number of writers, and no queues.

Upstream: apiserver's WithMaxInFlightLimit filter.
"""

from minik.api.types import Obj, UserInfo
from minik.server.apiserver.flowcontrol.flow import READS, Counts, Flow
from minik.server.apiserver.flowcontrol.flow_control import FlowControl
from minik.server.apiserver.flowcontrol.level import Level, Settings
from minik.server.apiserver.request_info import RequestInfo


class InflightLimits(FlowControl):
    """In place of FlowControl. 0 is no limit. Superusers are never turned away."""

    def __init__(self, reading: int, writing: int) -> None:
        super().__init__()
        self._reading = _level("readOnly", reading)
        self._writing = _level("mutating", writing)
        self._without = _level("exempt", 0)
        self._seen = {level.name: Counts() for level in (self._reading, self._writing, self._without)}

    def flow(self, info: RequestInfo, user: UserInfo) -> Flow:
        level = self._reading if info.verb in READS else self._writing
        if "system:masters" in user.groups:
            level = self._without
        return Flow("", level, (), None, self._seen[level.name], info=info, user=user.name, patience=0.0)


def _level(name: str, seats: int) -> Level:
    spec: Obj = (
        {"type": "Exempt"} if not seats else {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}
    )
    level = Level(name, Settings({"metadata": {"name": name}, "spec": spec}), lambda _level, _seats: False)
    level.seats = seats
    return level
