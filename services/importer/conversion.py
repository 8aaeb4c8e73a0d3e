"""Conversions of one text of a file into one typed value of a contract.

A conversion takes the text and returns the value as the contract's codec wants it: money as integer cents, a day as
days since 1970-01-01, an instant as microseconds. `rendered` turns such a value into what stands in an event's JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from schemas.instants import EPOCH, EPOCH_DAY, MICROSECOND, format_day, format_instant
from services.importer.mapping import FieldRule
from services.importer.rejection import RowError

CACHED_TIMES = 65_536
INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)
MONEY = re.compile(r"([+-]?)(\d{1,15})(?:\.(\d{1,2})0*)?", re.ASCII)

Value = str | int | float | bool | bytes
Convert = Callable[[str], Value]


def conversion(rule: FieldRule, zone: ZoneInfo) -> Convert:
    """Return the conversion of a field; it raises RowError `importer.value` for a text it cannot read."""
    if rule.codes is not None:
        return _coded(rule)
    if rule.kind == "boolean":
        return _boolean(rule)
    if rule.kind == "day":
        return day_reader(zone, rule.format)
    if rule.kind == "instant":
        return instant_reader(zone, rule.format)
    return PLAIN[rule.kind]


def rendered(kind: str, value: Value) -> Any:
    """Render a typed value for the JSON of an event; a person's number goes to the door, which replaces it by a key."""
    if kind == "person":
        return {"id_number": value}
    if kind == "day":
        return format_day(int(value))
    return format_instant(int(value)) if kind == "instant" else value


def cents(text: str) -> int:
    """Read money as integer cents, without a float on the way; a third digit after the point is refused."""
    match = MONEY.fullmatch(text)
    if match is None:
        raise RowError("importer.value")
    sign, whole, fraction = match.groups()
    amount = int(whole) * 100 + int((fraction or "0").ljust(2, "0"))
    return -amount if sign == "-" else amount


def day_reader(zone: ZoneInfo, pattern: str | None) -> Callable[[str], int]:
    """Return a reader of local days: days since 1970-01-01; an instant must be midnight of its local day."""
    midnight = midnight_reader(zone, pattern)

    @lru_cache(CACHED_TIMES)
    def read(text: str) -> int:
        moment = (EPOCH + midnight(text) * MICROSECOND).astimezone(zone)
        return moment.toordinal() - EPOCH_DAY

    return read


def midnight_reader(zone: ZoneInfo, pattern: str | None) -> Callable[[str], int]:
    """Return a reader of local days: microseconds of the day's first instant."""

    @lru_cache(CACHED_TIMES)
    def read(text: str) -> int:
        moment = _moment(text, zone, pattern).astimezone(zone)
        first = datetime(moment.year, moment.month, moment.day, tzinfo=zone)
        if moment != first:
            raise RowError("importer.not_a_day")
        return (first - EPOCH) // MICROSECOND

    return read


def instant_reader(zone: ZoneInfo, pattern: str | None) -> Callable[[str], int]:
    """Return a reader of instants; a naive time is local, the earlier one where it stands twice."""

    @lru_cache(CACHED_TIMES)
    def read(text: str) -> int:
        return (_moment(text, zone, pattern) - EPOCH) // MICROSECOND

    return read


def _moment(text: str, zone: ZoneInfo, pattern: str | None) -> datetime:
    try:
        moment = datetime.strptime(text, pattern) if pattern else datetime.fromisoformat(text)  # noqa: DTZ007
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RowError("importer.time") from error
    return moment


def _integer(text: str) -> int:
    if not INTEGER.fullmatch(text):
        raise RowError("importer.value")
    return int(text)


def _number(text: str) -> float:
    if not NUMBER.fullmatch(text):
        raise RowError("importer.value")
    return float(text)


def _text(text: str) -> str:
    return text


PLAIN: dict[str, Convert] = {"text": _text, "person": _text, "integer": _integer, "number": _number, "cents": cents}


def _coded(rule: FieldRule) -> Convert:
    codes = dict(rule.codes or {})

    def read(text: str) -> str:
        try:
            return codes[text]
        except KeyError:
            raise RowError("importer.value") from None

    return read


def _boolean(rule: FieldRule) -> Convert:
    def read(text: str) -> bool:
        if text in rule.true:
            return True
        if text in rule.false:
            return False
        raise RowError("importer.value")

    return read
