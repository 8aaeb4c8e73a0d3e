"""Local days of a zone agree with the calendar, also where the offset changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import DAY, HOUR
from streams.legal_clock import LocalZone, UnknownZoneError, local_zone
from streams.legal_clock.zone import to_date, to_day

ZONES = ("Asia/Shanghai", "Europe/Rome", "Africa/Cairo", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu")
INSTANTS = st.integers(-20 * 365 * DAY, 80 * 365 * DAY)


@pytest.mark.parametrize("name", ZONES)
@given(at=INSTANTS)
def test_day_is_the_local_date(name: str, at: int) -> None:
    """The day number of an instant is its local date, whatever the offset was then."""
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(ZoneInfo(name))

    assert to_date(local_zone(name).day(at)) == local.date()


@pytest.mark.parametrize("name", ZONES)
@given(day=st.integers(-20 * 365, 80 * 365))
def test_a_day_begins_with_its_first_instant(name: str, day: int) -> None:
    """The start of a day belongs to it and the microsecond before does not, also where midnight is skipped."""
    zone = local_zone(name)

    assert zone.day(zone.start(day)) == day
    assert zone.day(zone.start(day) - 1) == day - 1
    assert zone.end(day) == zone.start(day + 1)


def test_a_skipped_midnight_begins_an_hour_later() -> None:
    """In Cairo 2014-05-16 began at 01:00: that is its first instant."""
    zone = local_zone("Africa/Cairo")

    assert zone.local(zone.start(to_day(datetime(2014, 5, 16, tzinfo=UTC).date()))).hour == 1


def test_days_of_a_change_have_23_and_25_hours() -> None:
    """Rome, 2006: 26 March is an hour short, 29 October an hour long."""
    zone = local_zone("Europe/Rome")
    spring, autumn = (to_day(datetime(2006, m, d, tzinfo=UTC).date()) for m, d in ((3, 26), (10, 29)))

    assert zone.end(spring) - zone.start(spring) == 23 * HOUR
    assert zone.end(autumn) - zone.start(autumn) == 25 * HOUR


def test_instant_reads_local_time() -> None:
    """A time without offset is local; one with an offset is taken as it is."""
    zone = local_zone("Asia/Shanghai")

    assert zone.instant(datetime(2025, 3, 7)) == zone.instant(datetime(2025, 3, 6, 16, tzinfo=UTC))  # noqa: DTZ001


def test_unknown_zone_is_refused() -> None:
    """A name outside the tz database is a coded error."""
    with pytest.raises(UnknownZoneError) as caught:
        LocalZone("Europe/Atlantis")
    assert caught.value.code == "model.unknown_zone"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remembered days are forgotten when there are too many, and the answers stay right."""
    monkeypatch.setattr("streams.legal_clock.zone.REMEMBERED_DAYS", 3)
    zone = LocalZone("Europe/Rome")

    days = [zone.day(zone.start(day)) for day in range(20)]

    assert days == list(range(20))
    assert len(zone._offsets) <= 3
    assert len(zone._starts) <= 3
