"""Quantities parse, round and print as apimachinery's do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minik.api import quantity
from minik.api.quantity import BINARY_SI, DECIMAL_EXPONENT, DECIMAL_SI, Quantity, QuantityError


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"),
        ("0.0", "0"),
        ("1000m", "1"),
        ("0.5", "500m"),
        (".5", "500m"),
        ("1.", "1"),
        ("+1", "1"),
        ("2.50", "2500m"),
        ("100m", "100m"),
        ("0.0000000001", "1n"),
        ("-0.5", "-500m"),
        ("1500k", "1500k"),
        ("1000k", "1M"),
        ("1024Ki", "1Mi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ti", "512Gi"),
        ("1000Ki", "1000Ki"),
        ("0.1Ki", "102400m"),
        ("1e3", "1e3"),
        ("1E3", "1e3"),
        ("1.5e3", "1500"),
        ("1E", "1E"),
        ("128974848", "128974848"),
    ],
)
def test_canonical_form(text: str, canonical: str) -> None:
    assert quantity.canonical(text) == canonical


@pytest.mark.parametrize("text", ["", "abc", "1x", "1.2.3", "1 Gi", "1Gb"])
def test_text_that_is_no_number_with_suffix_names_the_expression(text: str) -> None:
    with pytest.raises(QuantityError, match="quantities must match the regular expression"):
        quantity.parse(text)


@pytest.mark.parametrize("text", ["1K", "1e", "1mi", "1ee3"])
def test_unknown_suffix(text: str) -> None:
    with pytest.raises(QuantityError, match="unable to parse quantity's suffix"):
        quantity.parse(text)


def test_whole_and_milli_values_round_away_from_zero() -> None:
    assert quantity.parse("1.1").value == 2
    assert quantity.parse("-1.1").value == -2
    assert quantity.parse("0.0001").milli == 1


def test_sum_takes_the_format_of_what_is_not_zero() -> None:
    assert str(quantity.parse("0") + quantity.parse("1Gi")) == "1Gi"
    assert str(quantity.parse("1Gi") + quantity.parse("1G")) == "2073741824"
    assert str(quantity.parse("2") - quantity.parse("500m")) == "1500m"


def test_numbers_are_taken_as_json_writes_them() -> None:
    assert quantity.parse(0.1) == quantity.parse("100m")
    assert quantity.parse(2).value == 2


@given(st.integers(-(10**27), 10**27), st.sampled_from([DECIMAL_SI, DECIMAL_EXPONENT]))
def test_canonical_form_of_decimals_reads_back_as_the_same_amount(nanos: int, form: str) -> None:
    text = str(Quantity(nanos, form))
    assert quantity.parse(text).nanos == nanos
    assert quantity.canonical(text) == text


@given(st.integers(0, 2**62))
def test_canonical_form_of_binaries_reads_back_as_the_same_amount(value: int) -> None:
    assert quantity.parse(str(quantity.of(value, BINARY_SI))).value == value


@given(st.integers(-(10**18), 10**18), st.integers(-(10**18), 10**18))
def test_order_and_arithmetic_are_those_of_the_amounts(one: int, other: int) -> None:
    assert (Quantity(one) < Quantity(other)) == (one < other)
    assert (Quantity(one) + Quantity(other) - Quantity(other)).nanos == one
