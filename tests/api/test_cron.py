from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from minik.api.cron import CronError, parse


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2026-01-02T03:04:05", "2026-01-02T03:05:00"),
        ("* * * * *", "2026-01-02T03:04:00", "2026-01-02T03:05:00"),
        ("*/15 * * * *", "2026-01-02T03:04:05", "2026-01-02T03:15:00"),
        ("0 0 * * *", "2026-01-02T03:04:05", "2026-01-03T00:00:00"),
        ("@hourly", "2026-01-02T03:04:05", "2026-01-02T04:00:00"),
        ("@monthly", "2026-01-02T03:04:05", "2026-02-01T00:00:00"),
        ("@every 90m", "2026-01-02T03:04:05", "2026-01-02T04:34:05"),
        ("0 0 29 2 *", "2026-01-02T03:04:05", "2028-02-29T00:00:00"),
        ("0 12 * * mon-fri", "2026-01-02T13:00:00", "2026-01-05T12:00:00"),
        ("0 0 13 * fri", "2026-01-02T03:04:05", "2026-01-09T00:00:00"),  # either day
        ("0 0 */2 * fri", "2026-01-02T03:04:05", "2026-01-03T00:00:00"),
        ("0 0 ? jan 0", "2026-01-02T03:04:05", "2026-01-04T00:00:00"),
        ("5/20 3 * * *", "2026-01-02T03:06:00", "2026-01-02T03:25:00"),
    ],
)
def test_next_time(schedule, after, expected):
    moment = parse(schedule).next(datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert moment == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_schedule_that_never_comes():
    assert parse("0 0 31 2 *").next(datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_time_zone_and_changes_of_clocks():
    berlin = ZoneInfo("Europe/Berlin")
    daily = parse("30 2 * * *")
    before_spring = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert daily.next(before_spring, berlin) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)  # 02:30 is skipped on the 29th
    assert daily.next(datetime(2026, 1, 1, tzinfo=UTC), berlin) == datetime(2026, 1, 1, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ("", "empty spec string"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("@often", "unrecognized descriptor: @often"),
        ("1_0 * * * *", 'failed to parse int from 1_0: strconv.Atoi: parsing "1_0": invalid syntax'),
        ("*/-1 * * * *", "negative number (-1) not allowed: -1"),
        ("@every 5", 'failed to parse duration @every 5: time: missing unit in duration "5"'),
        ("@every 5x", 'failed to parse duration @every 5x: time: unknown unit "x" in duration "5x"'),
        ("@every h", 'failed to parse duration @every h: time: invalid duration "h"'),
    ],
)
def test_what_cannot_be_read(schedule, text):
    with pytest.raises(CronError) as error:
        parse(schedule)
    assert str(error.value) == text
