"""Numbers in fields: counts, and counts that may also be percentages (IntOrString).

Texts: apimachinery's and core/v1's validation.
"""

import re

from minik.api import names
from minik.api.validation import FieldError, invalid_value

NOT_NEGATIVE = "must be greater than or equal to 0"
POSITIVE = "must be greater than zero"


def validate_not_negative(value: int | None, path: str) -> list[FieldError]:
    """Nothing to say about a number that is not there."""
    return [invalid_value(path, value, NOT_NEGATIVE)] if (value or 0) < 0 else []


def validate_positive(value: int | None, path: str) -> list[FieldError]:
    return [] if value is None or value > 0 else [invalid_value(path, value, POSITIVE)]


def validate_count_or_percent(value: int | str, path: str) -> list[FieldError]:
    """A number that is not negative, or a percentage."""
    if isinstance(value, str):
        return [invalid_value(path, value, text) for text in names.percent(value)]
    return validate_not_negative(value, path)


def percent_of(value: int | str | None) -> int | None:
    """The number in front of the `%`; None for what is no percentage."""
    return int(value[:-1]) if isinstance(value, str) and not names.percent(value) else None


def validate_at_most_100_percent(value: int | str | None, path: str) -> list[FieldError]:
    percent = percent_of(value)
    return (
        [invalid_value(path, value, "must not be greater than 100%")] if percent is not None and percent > 100 else []
    )


def is_zero(value: int | str | None) -> bool:
    """Whether a count or percentage is none at all. A text that is no percentage is read as a number, else as zero."""
    if not isinstance(value, str):
        return not value
    percent = percent_of(value)
    if percent is None:
        return not (re.fullmatch("[+-]?[0-9]+", value) and int(value))
    return percent == 0
