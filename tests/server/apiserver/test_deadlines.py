"""How long requests may take."""

import asyncio

import pytest

from minik.api.go_duration import parse_duration
from minik.api.status import StatusError
from minik.server.apiserver.deadlines import REQUEST_TIMEOUT, Deadlines, asked_for, too_late


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("1m30s", 60), ("0", REQUEST_TIMEOUT), ("250ms", 0.25), ("-1s", REQUEST_TIMEOUT)]
)
def test_timeouts_are_honoured_up_to_a_minute(text: str, seconds: float) -> None:
    assert asked_for({"timeout": [text]}) == seconds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("abc", 'time: invalid duration "abc"'),
        ("5", 'time: missing unit in duration "5"'),
        ("5x", 'time: unknown unit "x" in duration "5x"'),
        ("-", 'time: invalid duration "-"'),
    ],
)
def test_what_is_no_duration_is_refused(text: str, why: str) -> None:
    with pytest.raises(StatusError) as caught:
        asked_for({"timeout": [text]})
    assert caught.value.message == f"invalid timeout specified in the request URL - {why}"


def test_durations_add_up() -> None:
    assert parse_duration("1h1m1.5s") == 3661.5


async def test_a_request_that_takes_too_long_is_cancelled() -> None:
    deadlines = Deadlines()
    running = deadlines.start(0.001)
    try:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(5)
        assert running.overdue
    finally:
        running.task.uncancel()
    assert too_late("get").code == 504


async def test_a_request_that_is_done_is_left_alone() -> None:
    deadlines = Deadlines()
    running = deadlines.start(0.001)
    deadlines.end(running)
    await asyncio.sleep(0.005)
    assert not running.overdue
