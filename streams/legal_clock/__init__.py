"""The legal clock: when a period that the law gives ends.

Days are integers, counted from 1970-01-01 in a named time zone; instants are microseconds since the epoch. A deadline
is the first instant that is too late: the end of the last day, as a local midnight.

- The day (hour) on which a period starts is not counted (刑诉法 §105, 民诉法 §85); day N is in time.
- Months go to the same day of a later month; the last day of a month goes to the last day; a day that does not exist
  becomes the last one; half a month is fifteen days (刑诉解释 §202).
- A last day that is a day off moves to the next working day, never for a person in custody (刑诉法 §105).
- Working days follow the State Council's yearly notices; past the last known year they are provisional.
"""

from streams.legal_clock.deadline import Deadline, reckon
from streams.legal_clock.limit import Limit
from streams.legal_clock.workdays import CALENDARS, WorkCalendar, calendar
from streams.legal_clock.zone import LocalZone, UnknownZoneError, local_zone

__all__ = [
    "CALENDARS",
    "Deadline",
    "Limit",
    "LocalZone",
    "UnknownZoneError",
    "WorkCalendar",
    "calendar",
    "local_zone",
    "reckon",
]
