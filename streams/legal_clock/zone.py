"""Local days of a named time zone, fast: the arithmetic of one UTC day is done once.

Supervision asks for the local day of hundreds of thousands of instants. Building `datetime` objects for each costs more
than everything else together, so the offset of each UTC day is remembered; only days with a change of offset inside
them are looked up instant by instant.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.clock import DAY, HOUR
from schemas.errors import RefusedError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
MICROSECOND = timedelta(microseconds=1)
REMEMBERED_DAYS = 200_000
"""Days whose offset and beginning are kept: five hundred years."""


class UnknownZoneError(RefusedError):
    """The time zone is not in the tz database."""

    code: ClassVar[str] = "model.unknown_zone"


def to_date(day: int) -> date:
    """Return the calendar date of a day number."""
    return date.fromordinal(day + EPOCH_ORDINAL)


def to_day(value: date) -> int:
    """Return the day number of a calendar date."""
    return value.toordinal() - EPOCH_ORDINAL


class LocalZone:
    """One time zone: instants to local days and back."""

    def __init__(self, name: str) -> None:
        try:
            self._zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UnknownZoneError(zone=name) from error
        self.name = name
        self._offsets: dict[int, int | None] = {}
        self._starts: dict[int, int] = {}

    def day(self, at: int) -> int:
        """Return the local day of the instant `at`."""
        known = self._offsets.get(at // DAY)
        return (at + (self.offset(at) if known is None else known)) // DAY

    def offset(self, at: int) -> int:
        """Return local time minus UTC at the instant `at`, microseconds."""
        utc_day = at // DAY
        try:
            known = self._offsets[utc_day]
        except KeyError:
            known = self._learn(utc_day)
        return self._exact(at) if known is None else known

    def start(self, day: int) -> int:
        """Return the first instant of a local day, also where a change of offset skips its midnight."""
        try:
            return self._starts[day]
        except KeyError:
            if len(self._starts) >= REMEMBERED_DAYS:
                self._starts.clear()
            midnight = datetime.combine(to_date(day), datetime.min.time(), self._zone)
            found = self._starts[day] = (midnight.astimezone(UTC) - EPOCH) // MICROSECOND
            return found

    def end(self, day: int) -> int:
        """Return the first instant after a local day: its 24:00."""
        return self.start(day + 1)

    def local(self, at: int) -> datetime:
        """Return the local time of an instant."""
        return (EPOCH + timedelta(microseconds=at)).astimezone(self._zone)

    def instant(self, local: datetime) -> int:
        """Return the instant of a local time without offset; where it stands twice, the earlier one."""
        aware = local.replace(tzinfo=self._zone) if local.tzinfo is None else local
        return (aware.astimezone(UTC) - EPOCH) // MICROSECOND

    def _learn(self, utc_day: int) -> int | None:
        if len(self._offsets) >= REMEMBERED_DAYS:
            self._offsets.clear()
        begin = utc_day * DAY
        seen = {self._exact(begin), self._exact(begin + 12 * HOUR), self._exact(begin + DAY - 1)}
        known = self._offsets[utc_day] = seen.pop() if len(seen) == 1 else None
        return known

    def _exact(self, at: int) -> int:
        offset = self.local(at).utcoffset()
        assert offset is not None
        return offset // MICROSECOND


@cache
def local_zone(name: str) -> LocalZone:
    """Return the zone of a name, one for all that ask; raises `UnknownZoneError`."""
    return LocalZone(name)
