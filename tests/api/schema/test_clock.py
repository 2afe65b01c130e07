"""Times are read as Go's time.Parse reads them and written in UTC."""

import pytest

from minik.api.schema import clock

LAYOUT = "2006-01-02T15:04:05Z07:00"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.999Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T00:30:00+01:00", "2026-01-01T23:30:00Z"),
        ("0099-01-02T03:04:05Z", "0099-01-02T03:04:05Z"),
    ],
)
def test_seconds(text: str, canonical: str) -> None:
    assert clock.canonical(text) == canonical


def test_microseconds_need_six_digits() -> None:
    assert clock.canonical_micro("2026-01-02T03:04:05.000012+00:00") == "2026-01-02T03:04:05.000012Z"
    with pytest.raises(ValueError, match=r'cannot parse "Z" as "\.000000"'):
        clock.canonical_micro("2026-01-02T03:04:05Z")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", f'parsing time "" as "{LAYOUT}": cannot parse "" as "2006"'),
        ("2026-01-02", f'parsing time "2026-01-02" as "{LAYOUT}": cannot parse "" as "T"'),
        ("2026-13-02T03:04:05Z", 'parsing time "2026-13-02T03:04:05Z": month out of range'),
        ("2026-02-30T03:04:05Z", 'parsing time "2026-02-30T03:04:05Z": day out of range'),
        ("2026-01-02T24:04:05Z", 'parsing time "2026-01-02T24:04:05Z": hour out of range'),
        ("2026-01-02T03:04:05Zx", 'parsing time "2026-01-02T03:04:05Zx": extra text: "x"'),
        (
            "2026-W01-1T03:04:05Z",
            f'parsing time "2026-W01-1T03:04:05Z" as "{LAYOUT}": cannot parse "W01-1T03:04:05Z" as "01"',
        ),
    ],
)
def test_problem(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="parsing time") as caught:
        clock.canonical(text)
    assert str(caught.value) == problem
