from datetime import UTC, datetime, timedelta

import pytest

from minik.api.columns import human_duration, labels_cell, since


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (183, "3m3s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (7 * 3600 + 1800, "7h30m"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (50 * 3600, "2d2h"),
        (8 * 86400 + 3600, "8d"),
        (730 * 86400, "2y"),
        (800 * 86400, "2y70d"),
        (9 * 365 * 86400 + 86400, "9y"),
    ],
)
def test_ages_are_written_as_kubectl_does(seconds: int, text: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == text


def test_an_age_counts_from_the_api_time() -> None:
    now = datetime(2026, 1, 2, 3, 5, 5, tzinfo=UTC)
    assert since("2026-01-02T03:04:05Z", now) == "60s"
    assert since("2026-01-02T03:04:05.500000Z", now) == "59s"
    assert since(None, now) == "<unknown>"


def test_labels_are_sorted() -> None:
    assert labels_cell({"b": "2", "a": "1"}) == "a=1,b=2"
    assert labels_cell(None) == "<none>"
