"""API Priority and Fairness: classification, seats, queues."""

import asyncio
from typing import Any

import pytest

from minik.api.types import Obj, UserInfo
from minik.server.apiserver.flowcontrol.configuration import dangling
from minik.server.apiserver.flowcontrol.flow_control import FlowControl
from minik.server.apiserver.flowcontrol.level import Level, Rejected, Settings, hand
from minik.server.apiserver.request_info import resolve
from minik.server.bootstrap.flow_control import flow_control_objects

NODE = UserInfo("system:node:a", groups=("system:nodes", "system:authenticated"))
ADMIN = UserInfo("admin", groups=("system:masters", "system:authenticated"))
ACCOUNT = UserInfo("system:serviceaccount:kube-system:x", groups=("system:serviceaccounts", "system:authenticated"))
OTHER = UserInfo("system:serviceaccount:default:x", groups=("system:serviceaccounts", "system:authenticated"))
JANE = UserInfo("jane", groups=("system:authenticated",))
NOBODY = UserInfo("system:anonymous", groups=("system:unauthenticated",))
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x"


def bootstrapped() -> FlowControl:
    found = list(flow_control_objects("t"))
    control = FlowControl()
    control.configure(
        [obj for obj in found if obj["kind"] == "FlowSchema"],
        [obj for obj in found if obj["kind"] == "PriorityLevelConfiguration"],
    )
    return control


@pytest.mark.parametrize(
    ("user", "method", "path", "schema"),
    [
        (ADMIN, "GET", "/api/v1/pods", "exempt"),
        (NOBODY, "GET", "/readyz", "probes"),
        (ACCOUNT, "PUT", LEASE, "system-leader-election"),
        (NODE, "PUT", LEASE, "system-node-high"),
        (NODE, "PATCH", "/api/v1/nodes/a/status", "system-node-high"),
        (NODE, "GET", "/api/v1/namespaces/x/pods", "system-nodes"),
        (ACCOUNT, "GET", "/api/v1/pods", "kube-system-service-accounts"),
        (OTHER, "GET", "/api/v1/pods", "service-accounts"),
        (JANE, "GET", "/api/v1/pods", "global-default"),
        (JANE, "GET", "/version", "global-default"),
    ],
)
def test_requests_fall_under_upstreams_schemas(user: UserInfo, method: str, path: str, schema: str) -> None:
    assert bootstrapped().flow(resolve(method, path, {}), user).schema == schema


def test_a_schema_without_its_level_is_passed_over() -> None:
    control = FlowControl()
    found = [obj for obj in flow_control_objects("t") if obj["metadata"]["name"] in ("global-default", "catch-all")]
    levels = [o for o in found if o["kind"] == "PriorityLevelConfiguration" and o["metadata"]["name"] == "catch-all"]
    control.configure([obj for obj in found if obj["kind"] == "FlowSchema"], levels)
    assert control.flow(resolve("GET", "/version", {}), JANE).schema == "catch-all"


def test_seats_follow_shares() -> None:
    control = bootstrapped()
    level = control.flow(resolve("GET", "/version", {}), JANE).level
    assert (level.name, level.seats, level.lendable) == ("global-default", 49, 24)


def level_of(seats: int, **queuing: int) -> Level:
    response: Obj = {"type": "Reject"}
    if queuing:
        response = {"type": "Queue", "queuing": queuing}
    spec: dict[str, Any] = {"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": response}}
    level = Level("l", Settings({"metadata": {}, "spec": spec}), lambda _level, _seats: False)
    level.seats = seats
    return level


async def test_who_finds_no_seat_waits_and_gets_the_next() -> None:
    level = level_of(1, queues=4, handSize=2, queueLengthLimit=5)
    assert level.enter()
    assert not level.enter()
    waiting = asyncio.create_task(level.wait((0, 1), 5))
    await asyncio.sleep(0)
    level.leave()
    await waiting
    assert (level.running, level.waiting) == (1, 0)


async def test_a_flood_does_not_keep_others_from_their_turn() -> None:
    level = level_of(1, queues=4, handSize=1, queueLengthLimit=50)
    level.enter()
    order: list[str] = []

    async def ask(name: str, queue: int) -> None:
        await level.wait((queue,), 5)
        order.append(name)
        level.leave()

    tasks = [asyncio.create_task(ask("flood", 0)) for _ in range(5)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(ask("jane", 1)))
    await asyncio.sleep(0)
    level.leave()
    await asyncio.gather(*tasks)
    assert order.index("jane") <= 1
    assert level.running == 0


async def test_full_queues_and_impatience_turn_away() -> None:
    level = level_of(1, queues=1, handSize=1, queueLengthLimit=1)
    level.enter()
    first = asyncio.create_task(level.wait((0,), 0.01))
    await asyncio.sleep(0)
    with pytest.raises(Rejected, match="queue-full"):
        await level.wait((0,), 5)
    with pytest.raises(Rejected, match="time-out"):
        await first
    with pytest.raises(Rejected, match="concurrency-limit"):
        await level_of(0).wait((), 5)
    assert (level.waiting, level.running) == (0, 1)


async def test_who_goes_away_leaves_the_queue() -> None:
    level = level_of(1, queues=1, handSize=1, queueLengthLimit=5)
    level.enter()
    gone = asyncio.create_task(level.wait((0,), 5))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    level.leave()
    assert (level.waiting, level.running) == (0, 0)
    assert level.enter()


def test_a_level_borrows_what_others_leave() -> None:
    control = bootstrapped()
    flow = control.flow(resolve("GET", "/version", {}), JANE)
    taken = 0
    while flow.level.enter():
        taken += 1
    assert taken > flow.level.seats
    assert taken < 600


def test_a_hand_is_the_same_each_time_and_has_no_doubles() -> None:
    settings = level_of(1, queues=64, handSize=8, queueLengthLimit=50).settings
    dealt = hand("s", "jane", settings)
    assert dealt == hand("s", "jane", settings)
    assert len(set(dealt)) == 8
    assert dealt != hand("s", "john", settings)


def test_dangling_says_whether_the_level_exists() -> None:
    assert dangling("x", exists=True)["reason"] == "Found"
    assert dangling("x", exists=False)["message"].endswith('named "x" but there is no such object')
