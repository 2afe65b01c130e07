"""Schedules of CronJobs: five fields or a descriptor, as github.com/robfig/cron's standard parser reads them.

Pure; error texts are robfig's. https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from minik.api.go_duration import parse_duration

_MONTHS = {
    name: n
    for n, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_DAYS = {name: n for n, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_NUMBER = re.compile(r"[+-]?[0-9]+")
_LARGEST = (1 << 63) - 1
_HORIZON = 5 * 366  # days; a schedule without a time in five years has none, as robfig


class CronError(ValueError):
    """The schedule cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Bounds:
    low: int
    high: int
    names: Mapping[str, int]


_MINUTES, _HOURS = Bounds(0, 59, {}), Bounds(0, 23, {})
_DAYS_OF_MONTH, _MONTHS_OF_YEAR, _DAYS_OF_WEEK = Bounds(1, 31, {}), Bounds(1, 12, _MONTHS), Bounds(0, 6, _DAYS)


@dataclass(frozen=True, slots=True)
class Field:
    """The values that match; `star` when the field leaves the choice to others."""

    values: frozenset[int]
    star: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    minutes: Field
    hours: Field
    days: Field
    months: Field
    weekdays: Field

    def next(self, after: datetime, zone: tzinfo = UTC) -> datetime | None:
        """The first time later than `after`, in UTC; None when there is none in five years. Fields are `zone`'s time.

        A time that a change of clocks skips does not count; one that it repeats counts once.
        """
        local = after.astimezone(zone).replace(tzinfo=None)
        for offset in range(_HORIZON):
            day = local.date() + timedelta(days=offset)
            if not self._matches(day):
                continue
            for hour in sorted(self.hours.values):
                for minute in sorted(self.minutes.values):
                    wall = datetime(day.year, day.month, day.day, hour, minute)
                    moment = wall.replace(tzinfo=zone).astimezone(UTC)
                    exists = moment.astimezone(zone).replace(tzinfo=None) == wall
                    if exists and moment > after:
                        return moment
        return None

    def _matches(self, day: date) -> bool:
        if day.month not in self.months.values:
            return False
        by_day = day.day in self.days.values
        by_weekday = day.isoweekday() % 7 in self.weekdays.values
        if self.days.star or self.weekdays.star:
            return by_day and by_weekday
        return by_day or by_weekday


@dataclass(frozen=True, slots=True)
class Interval:
    """`@every <duration>`."""

    every: timedelta

    def next(self, after: datetime, zone: tzinfo = UTC) -> datetime | None:
        return after.astimezone(UTC).replace(microsecond=0) + self.every


def parse(text: str) -> Schedule | Interval:
    """Raises CronError."""
    if not text:
        raise CronError("empty spec string")
    if text.startswith("@"):
        if text.startswith(_EVERY):
            return Interval(_duration(text))
        if text not in _DESCRIPTORS:
            raise CronError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    fields = text.split()
    if len(fields) != 5:
        listed = " ".join(fields)
        raise CronError(f"expected exactly 5 fields, found {len(fields)}: [{listed}]")
    bounds = (_MINUTES, _HOURS, _DAYS_OF_MONTH, _MONTHS_OF_YEAR, _DAYS_OF_WEEK)
    return Schedule(*(_field(field, bound) for field, bound in zip(fields, bounds, strict=True)))


def _duration(text: str) -> timedelta:
    try:
        seconds = parse_duration(text.removeprefix(_EVERY))
    except ValueError as error:
        raise CronError(f"failed to parse duration {text}: {error}") from None
    return timedelta(seconds=max(1, int(seconds)))


def _field(text: str, bounds: Bounds) -> Field:
    values: set[int] = set()
    star = False
    for part in filter(None, text.split(",")):
        found, is_star = _range(part, bounds)
        values.update(found)
        star = star or is_star
    return Field(frozenset(values), star)


def _range(text: str, bounds: Bounds) -> tuple[range, bool]:
    span, *steps = text.split("/")
    ends = span.split("-")
    star = ends[0] in ("*", "?")
    if star:
        low, high = bounds.low, bounds.high
    else:
        low = _number(ends[0], bounds.names)
        if len(ends) > 2:
            raise CronError(f"too many hyphens: {text}")
        high = _number(ends[1], bounds.names) if len(ends) == 2 else low
    if len(steps) > 1:
        raise CronError(f"too many slashes: {text}")
    step = _number(steps[0], {}) if steps else 1
    if steps:
        if len(ends) == 1 and not star:
            high = bounds.high  # "5/15" is "5-59/15"
        star = star and step <= 1
    if low < bounds.low:
        raise CronError(f"beginning of range ({low}) below minimum ({bounds.low}): {text}")
    if high > bounds.high:
        raise CronError(f"end of range ({high}) above maximum ({bounds.high}): {text}")
    if low > high:
        raise CronError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {text}")
    return range(low, high + 1, step), star


def _number(text: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    failed = f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": '
    if not _NUMBER.fullmatch(text):
        raise CronError(f"{failed}invalid syntax")
    number = int(text)
    if not -_LARGEST <= number <= _LARGEST:
        raise CronError(f"{failed}value out of range")
    if number < 0:
        raise CronError(f"negative number ({number}) not allowed: {text}")
    return number
