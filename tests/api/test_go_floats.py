"""Floats in texts look as Go prints them."""

import pytest

from minik.api import go_floats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (-0.0, "-0"),
        (100000.25, "100000.25"),
        (999999.5, "999999.5"),
        (1e6, "1e+06"),
        (-1500000.5, "-1.5000005e+06"),
        (2147483648.0, "2.147483648e+09"),
        (0.0001, "0.0001"),
        (0.000015, "1.5e-05"),
        (1e100, "1e+100"),
        (float("inf"), "+Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_as_few_digits_as_tell_a_number(value: float, text: str) -> None:
    assert go_floats.shortest(value) == text
