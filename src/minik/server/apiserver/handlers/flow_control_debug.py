"""/debug/api_priority_and_fairness/: tables of priority levels, queues and waiting requests.

https://kubernetes.io/docs/reference/debug-cluster/flow-control/
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from minik.api.request import Request, Response
from minik.api.types import UserInfo
from minik.server.apiserver.flowcontrol.flow import Flow
from minik.server.apiserver.flowcontrol.flow_control import FlowControl
from minik.server.apiserver.flowcontrol.level import TIME_OUT, Level
from minik.server.apiserver.request_info import truthy
from minik.server.apiserver.routes import Routes, text

_BELOW = "/debug/api_priority_and_fairness"
_LEVEL_COLUMNS = (
    "PriorityLevelName",
    "ActiveQueues",
    "IsIdle",
    "IsQuiescing",
    "WaitingRequests",
    "ExecutingRequests",
    "DispatchedRequests",
    "RejectedRequests",
    "TimedoutRequests",
    "CancelledRequests",
)
_QUEUE_COLUMNS = (
    "PriorityLevelName",
    "Index",
    "PendingRequests",
    "ExecutingRequests",
    "SeatsInUse",
    "NextDispatchR",
    "InitialSeatsSum",
    "MaxSeatsSum",
    "TotalWorkSum",
)
_REQUEST_COLUMNS = (
    "PriorityLevelName",
    "FlowSchemaName",
    "QueueIndex",
    "RequestIndexInQueue",
    "FlowDistingsher",
    "ArriveTime",
    "InitialSeats",
    "FinalSeats",
    "AdditionalLatency",
    "StartTime",
)
_DETAIL_COLUMNS = ("UserName", "Verb", "APIPath", "Namespace", "Name", "APIVersion", "Resource", "SubResource")


def install(routes: Routes, flow_control: FlowControl) -> None:
    async def levels(_request: Request, _user: UserInfo, _below: str) -> Response:
        return _table(_LEVEL_COLUMNS, (_level(level) for level in _sorted(flow_control)))

    async def queues(_request: Request, _user: UserInfo, _below: str) -> Response:
        return _table(_QUEUE_COLUMNS, (row for level in _sorted(flow_control) for row in _queues(level)))

    async def requests(request: Request, _user: UserInfo, _below: str) -> Response:
        details = truthy(request.query, "includeRequestDetails")
        columns = (*_REQUEST_COLUMNS, *_DETAIL_COLUMNS) if details else _REQUEST_COLUMNS
        return _table(columns, (row for level in _sorted(flow_control) for row in _requests(level, details)))

    routes.add(f"{_BELOW}/dump_priority_levels", levels)
    routes.add(f"{_BELOW}/dump_queues", queues)
    routes.add(f"{_BELOW}/dump_requests", requests)


def _sorted(flow_control: FlowControl) -> Iterable[Level]:
    return (level for _, level in sorted(flow_control.levels.items()))


def _level(level: Level) -> Sequence[object]:
    idle = not level.executing and not level.waiting
    timed_out = level.rejected.get(TIME_OUT, 0)
    rejected = sum(level.rejected.values()) - timed_out
    active = sum(1 for _ in level.queues())
    return (
        level.name,
        active,
        _go(idle),
        "false",
        level.waiting,
        level.executing,
        level.dispatched,
        rejected,
        timed_out,
        level.cancelled - timed_out,
    )


def _queues(level: Level) -> Iterable[Sequence[object]]:
    """Seats are the level's, not a queue's, so only what waits is told by queue."""
    for number, waiting, start in level.queues():
        seats = sum(each.seats for each in waiting)
        widest = max(each.seats for each in waiting)
        yield level.name, number, len(waiting), 0, 0, f"{start:.8f}ss", seats, widest, f"{seats:.8f}ss"


def _requests(level: Level, details: bool) -> Iterable[Sequence[object]]:
    for number, waiting, _ in level.queues():
        for at, each in enumerate(waiting):
            flow = each.flow
            assert isinstance(flow, Flow)
            arrived = datetime.fromtimestamp(each.since, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
            row: list[object] = [level.name, flow.schema, number, at, flow.user, arrived, each.seats, 0, "0s", ""]
            info = flow.info
            if details:
                row += [flow.user, info.verb, info.path, info.namespace, info.name, info.version]
                row += [info.resource, info.subresource]
            yield row


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Columns as wide as their widest cell, separated as Go's tabwriter does it here: a comma and blanks."""
    cells = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[at]) for line in cells) + 2 for at in range(len(columns) - 1)]
    lines = [
        "".join([*(f"{cell},".ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]])
        for line in cells
    ]
    return text(200, "".join(f"{line}\n" for line in lines))


def _go(value: bool) -> str:
    return "true" if value else "false"
