"""Seats by the work of a request, borrowing, limits without fairness, and what debugging shows."""

import asyncio
from typing import Any

import pytest

from minik.api.request import Request
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.flowcontrol.flow_control import FlowControl
from minik.server.apiserver.flowcontrol.inflight import InflightLimits
from minik.server.apiserver.flowcontrol.level import Rejected
from minik.server.apiserver.flowcontrol.work_estimate import WorkEstimate, most_seats
from minik.server.apiserver.handlers import flow_control_debug
from minik.server.apiserver.request_info import resolve
from minik.server.apiserver.routes import Routes

JANE, JOHN = UserInfo("jane", groups=("system:authenticated",)), UserInfo("john", groups=("system:authenticated",))
MASTER = UserInfo("root", groups=("system:masters",))
PODS = "/api/v1/pods"


def estimate(objects: int = 0, watchers: int = 0) -> WorkEstimate:
    return WorkEstimate(lambda *_: objects, lambda *_: watchers)


@pytest.mark.parametrize(
    ("objects", "query", "seats"),
    [
        (0, {}, 1),
        (100, {}, 1),
        (101, {}, 2),
        (8000, {}, 10),
        (8000, {"limit": ["500"]}, 5),
        (8000, {"limit": ["500"], "labelSelector": ["a=b"]}, 10),
        (8000, {"limit": ["many"]}, 10),
    ],
)
def test_a_list_takes_a_seat_for_every_hundred_objects(objects: int, query: Any, seats: int) -> None:
    assert estimate(objects).seats(resolve("GET", PODS, query), query, 10) == seats


@pytest.mark.parametrize(
    ("method", "watchers", "seats", "seconds"),
    [("POST", 9, 0, 0.0), ("POST", 10, 1, 0.005), ("POST", 95, 10, 0.005), ("POST", 400, 10, 0.02), ("GET", 400, 0, 0)],
)
def test_a_write_takes_seats_for_its_watchers_afterwards(
    method: str, watchers: int, seats: int, seconds: float
) -> None:
    assert estimate(watchers=watchers).after(resolve(method, PODS, {}), 10) == (seats, pytest.approx(seconds))


@pytest.mark.parametrize(("of_level", "seats"), [(1, 1), (7, 2), (49, 8), (245, 10)])
def test_no_request_takes_a_whole_level(of_level: int, seats: int) -> None:
    assert most_seats(of_level) == seats


def level(name: str, shares: int, **limited: Any) -> Obj:
    queuing = {"queues": 8, "handSize": 1, "queueLengthLimit": 10}
    spec = {"nominalConcurrencyShares": shares, "limitResponse": {"type": "Queue", "queuing": queuing}, **limited}
    return {"metadata": {"name": name, "uid": name}, "spec": {"type": "Limited", "limited": spec}}


def schema(name: str, of: str, user: str) -> Obj:
    rule = {
        "subjects": [{"kind": "User", "user": {"name": user}}],
        "resourceRules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
        ],
    }
    spec = {
        "priorityLevelConfiguration": {"name": of},
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [rule],
    }
    return {"metadata": {"name": name, "uid": name}, "spec": spec}


def control(*levels: Obj, seats: int, of: str = "l", patience: float = 5.0, objects: int = 0) -> FlowControl:
    made = FlowControl(seats, patience)
    made.estimate = estimate(objects)
    made.configure([schema("s", of, "*")], levels)
    return made


async def test_a_flooding_user_does_not_starve_another() -> None:
    shared = control(level("l", 1), seats=2)
    served: list[str] = []

    async def ask(user: UserInfo) -> None:
        flow = shared.flow(resolve("GET", f"{PODS}/x", {}), user)
        seats = await flow.enter({})
        await asyncio.sleep(0)
        served.append(user.name)
        flow.leave(seats)

    flood = [asyncio.create_task(ask(JANE)) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.gather(ask(JOHN), *flood)
    assert served.index("john") <= 4
    assert shared.levels["l"].running == 0


async def test_wide_lists_leave_room_for_others() -> None:
    shared = control(level("l", 1), seats=20, objects=8000)
    wide = shared.flow(resolve("GET", PODS, {}), JANE)
    taken = [await wide.enter({}) for _ in range(6)]
    assert taken == [3] * 6
    assert shared.levels["l"].running == 18
    late = asyncio.create_task(wide.enter({}))
    await asyncio.sleep(0)
    assert shared.levels["l"].waiting_seats == 3
    wide.leave(3)
    assert await late == 3


@pytest.mark.parametrize(("limits", "borrowed"), [({}, 5), ({"borrowingLimitPercent": 20}, 1)])
async def test_borrowing_has_limits(limits: Obj, borrowed: int) -> None:
    shared = control(level("l", 1, **limits), level("other", 1, lendablePercent=100), seats=10)
    flow = shared.flow(resolve("GET", f"{PODS}/x", {}), JANE)
    taken = 0
    while flow.level.enter():
        taken += 1
    assert taken == 5 + borrowed


async def test_who_waits_too_long_is_turned_away_and_leaves_nothing_behind() -> None:
    shared = control(level("l", 1), seats=1, patience=0.01)
    flow = shared.flow(resolve("GET", f"{PODS}/x", {}), JANE)
    seats = await flow.enter({})
    with pytest.raises(Rejected, match="time-out"):
        await flow.enter({})
    assert (flow.counts.rejected, flow.counts.queued) == ({"time-out": 1}, 0)
    flow.leave(seats)
    assert (flow.level.running, flow.level.waiting, flow.level.waiting_seats) == (0, 0, 0)


def test_a_request_that_may_not_wait_leaves_the_queue() -> None:
    shared = control(level("l", 1), seats=1)
    flow = shared.flow(resolve("GET", f"{PODS}/x", {}), JANE)
    flow.level.enter()
    entering = flow.enter({})
    with pytest.raises(RuntimeError):  # there is no task, and not even a loop
        entering.send(None)
    assert (flow.level.waiting, flow.counts.queued) == (0, 0)


async def test_without_fairness_readers_and_writers_have_numbers_of_their_own() -> None:
    limits = InflightLimits(1, 1)
    reading = limits.flow(resolve("GET", f"{PODS}/x", {}), JANE)
    writing = limits.flow(resolve("PUT", f"{PODS}/x", {}), JANE)
    assert reading.uids is None
    await reading.enter({})
    seats = await writing.enter({})
    with pytest.raises(Rejected):
        await limits.flow(resolve("GET", PODS, {}), JOHN).enter({})
    await limits.flow(resolve("GET", PODS, {}), MASTER).enter({})
    writing.leave(seats)
    await writing.enter({})


async def test_debugging_shows_levels_queues_and_requests() -> None:
    shared = control(level("l", 1), seats=1)
    flow = shared.flow(resolve("GET", f"{PODS}/x", {}), JANE)
    seats = await flow.enter({})
    waiting = asyncio.create_task(flow.enter({}))
    await asyncio.sleep(0)
    routes = Routes()
    flow_control_debug.install(routes, shared)

    async def shown(path: str, **query: Any) -> list[str]:
        found = routes.find(f"/debug/api_priority_and_fairness/{path}")
        assert found is not None
        answer = await found[0](Request(method="GET", path=path, query=query), JANE, "")
        return answer.body.decode().splitlines()

    header, row = await shown("dump_priority_levels")
    assert header.startswith("PriorityLevelName, ActiveQueues, IsIdle, ")
    assert row.replace(" ", "") == "l,1,false,false,1,1,1,0,0,0"
    assert len(await shown("dump_queues")) == 2
    assert "jane" in (await shown("dump_requests"))[1]
    assert (await shown("dump_requests", includeRequestDetails=["1"]))[0].endswith("Resource, SubResource")
    flow.leave(seats)
    await waiting


async def test_metrics_have_upstreams_names() -> None:
    shared = control(level("l", 1), seats=4)
    for method in ("GET", "GET", "POST"):
        await shared.flow(resolve(method, PODS, {}), JANE).enter({})
    metrics = {metric.name: metric for metric in shared.collect()}
    inflight = {s.labels["request_kind"]: s.value for s in metrics["apiserver_current_inflight_requests"].samples}
    assert inflight == {"mutating": 1, "readOnly": 2}
    names = set(metrics)
    assert {
        "apiserver_flowcontrol_dispatched_requests",
        "apiserver_flowcontrol_request_wait_duration_seconds",
        "apiserver_flowcontrol_current_executing_seats",
        "apiserver_flowcontrol_upper_limit_seats",
    } <= names
