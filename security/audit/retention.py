"""For how long records are kept, and what holds them longer. Pure (ADR 0020).

The policy says years by act. A segment goes as a whole, so its longest-kept record decides, and one hold on one record
holds them all; and the start of the log goes first, so a segment that stays keeps every later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from schemas.clock import SECOND
from schemas.errors import UsageError
from security.audit.acts import ACTS
from security.audit.record import Entry

MOST_YEARS = 200
FOREVER = 2**53 - 1
"""A moment after every other, microseconds."""


class RetentionFormError(UsageError):
    """A policy of retention is none: years below one, an act that nobody knows, a key too many."""

    code: ClassVar[str] = "retention.form"


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A policy: `default` years, other years for some `acts`, and the folder of the archive, if there is one."""

    default: int
    acts: dict[str, int] = {}
    archive: str = ""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Retention:
        """Read a policy; RetentionFormError where it is none."""
        try:
            policy = msgspec.convert(body, cls)
        except msgspec.ValidationError as error:
            raise RetentionFormError(what=str(error)) from None
        for act, years in {"default": policy.default, **policy.acts}.items():
            if act not in {"default", *ACTS} or not 1 <= years <= MOST_YEARS:
                raise RetentionFormError(what=act)
        if policy.archive and not Path(policy.archive).is_absolute():
            raise RetentionFormError(what="archive")
        return policy

    def body(self) -> dict[str, Any]:
        """Render it, in its one form."""
        return {"default": self.default, "acts": dict(sorted(self.acts.items())), "archive": self.archive}

    def ends(self, act: str, at: int) -> int:
        """Return when the retention of a record of `act` ends that was written at `at`; both microseconds."""
        return years_after(at, self.acts.get(act, self.default))


class RecordHold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A legal hold on records: its reference, who set it and when; of one case, or of all within these times.

    `case` is the keyed digest that records carry, 64 hex digits; empty: any. `since` and `until` are microseconds.
    """

    ref: str
    by: str
    at: int
    case: str = ""
    since: int = 0
    until: int = FOREVER

    def touches(self, record: Entry) -> bool:
        """Tell whether it holds a record."""
        return self.since <= record.ts <= self.until and self.case in {"", record.case}


class Reckoning:
    """Reads the records of one segment and knows until when it must stay, and which holds are on it.

    `persons` are the persons under a hold in the vault: key id → reference.
    """

    def __init__(self, policy: Retention, holds: Iterable[RecordHold], persons: Mapping[str, str]) -> None:
        self._policy, self._holds, self._persons = policy, list(holds), persons
        self._last: dict[str, int] = {}
        self._held: set[str] = set()

    def take(self, records: Iterable[Entry]) -> None:
        """Take up records, in any order."""
        last = self._last
        for record in records:
            if record.ts > last.get(record.act, -1):
                last[record.act] = record.ts
            self._held.update(hold.ref for hold in self._holds if hold.touches(record))
            self._held.update(ref for sealed in record.pii if (ref := self._persons.get(sealed.kid)))

    @property
    def ends(self) -> int:
        """When the last of its records is past its retention, microseconds."""
        return max((self._policy.ends(act, at) for act, at in self._last.items()), default=0)

    @property
    def held(self) -> tuple[str, ...]:
        """References of the holds on it."""
        return tuple(sorted(self._held))


def years_after(at: int, years: int) -> int:
    """Return the same moment of the calendar so many years later, UTC microseconds; 29 February becomes 1 March."""
    if at >= FOREVER:
        return FOREVER
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    try:
        later = moment.replace(year=moment.year + years)
    except ValueError:
        later = moment.replace(year=moment.year + years, month=3, day=1)
    return int(later.timestamp()) * SECOND + at % SECOND
