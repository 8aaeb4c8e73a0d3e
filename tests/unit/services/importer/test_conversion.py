"""Conversions: exact, in the named zone, and never guessing."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.importer.conversion import cents, conversion, instant_reader, midnight_reader, rendered
from services.importer.mapping import FieldRule
from services.importer.rejection import RowError

ROME = ZoneInfo("Europe/Rome")
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("35.0", 3500), ("71.5", 7150), ("18.65", 1865), ("0", 0), ("-3.2", -320), ("131.370", 13137), ("0.07", 7)],
)
def test_money_becomes_integer_cents(text: str, amount: int) -> None:
    """No float stands between the file and the amount."""
    assert cents(text) == amount


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2, allow_nan=False))
def test_cents_are_exact(amount: Decimal) -> None:
    """Whatever the amount, cents are a hundred times it."""
    assert cents(f"{amount:.2f}") == int(amount * 100)


@pytest.mark.parametrize(("text", "number"), [("12.5", 12.5), ("-3", -3.0), ("+0.25", 0.25)])
def test_a_number_is_read_as_it_stands(text: str, number: float) -> None:
    """A quantity with a point; no exponent, no thousands, no word."""
    read = conversion(FieldRule("qty", "qty", kind="number"), ROME)

    assert read(text) == number
    for wrong in ("", "1e9", "1,000", "NaN", "inf", "1."):
        with pytest.raises(RowError):
            read(wrong)


@pytest.mark.parametrize("text", ["", "1.005", "1e3", "1,5", "abc", "٣", "1.", "NaN", " 1"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """A third digit after the point, other digits, other signs: refused, not rounded."""
    with pytest.raises(RowError) as caught:
        cents(text)

    assert caught.value.code == "importer.value"


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2006-07-24T00:00:00+02:00", 1_153_692_000_000_000),
        ("2006-12-05T00:00:00+01:00", 1_165_273_200_000_000),
        ("2006-07-24", 1_153_692_000_000_000),
        ("2006-07-23T22:00:00Z", 1_153_692_000_000_000),
    ],
)
def test_a_day_is_its_first_instant_in_its_zone(text: str, us: int) -> None:
    """Summer and winter time, with an offset, in UTC or naive."""
    assert midnight_reader(ROME, None)(text) == us


def test_an_instant_inside_a_day_is_no_day() -> None:
    """A file that means days must not carry hours: the zone is probably wrong."""
    with pytest.raises(RowError) as caught:
        midnight_reader(SHANGHAI, None)("2006-07-24T00:00:00+02:00")

    assert caught.value.code == "importer.not_a_day"


@pytest.mark.parametrize("text", ["", "yesterday", "2013-02-30", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Also a time before the calendar begins."""
    with pytest.raises(RowError) as caught:
        instant_reader(ROME, None)(text)

    assert caught.value.code == "importer.time"


def test_times_follow_the_declared_format() -> None:
    """A local form of dates is declared, not guessed."""
    assert midnight_reader(ROME, "%d/%m/%Y")("24/07/2006") == 1_153_692_000_000_000


@pytest.mark.parametrize(
    ("rule", "text", "value", "in_json"),
    [
        (FieldRule("f", "c"), "x", "x", "x"),
        (FieldRule("f", "c", "integer"), "-12", -12, -12),
        (FieldRule("f", "c", "day"), "2006-07-24", 13353, "2006-07-24"),
        (FieldRule("f", "c", "instant"), "1970-01-01T01:00:01+01:00", 1_000_000, "1970-01-01T00:00:01Z"),
        (FieldRule("f", "c", "boolean", true=frozenset({"Y"})), "Y", True, True),
        (FieldRule("f", "c", codes={"A": "car"}), "A", "car", "car"),
    ],
)
def test_each_kind_reads_its_text(rule: FieldRule, text: str, value: object, in_json: object) -> None:
    """The typed value is the codec's; the rendered one stands in JSON."""
    read = conversion(rule, ROME)(text)

    assert (read, rendered(rule.kind, read)) == (value, in_json)


@pytest.mark.parametrize(
    "rule", [FieldRule("f", "c", "integer"), FieldRule("f", "c", "boolean"), FieldRule("f", "c", codes={"A": "car"})]
)
def test_each_kind_refuses_other_texts(rule: FieldRule) -> None:
    """A word is no number, no truth value and no known code."""
    with pytest.raises(RowError):
        conversion(rule, ROME)("maybe")
