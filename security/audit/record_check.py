"""Level 3: what records say must be canonical, numbered, in time, and what the commit says of them. Sans-IO."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from security.audit.acts import ACTS
from security.audit.chain import note_positions, sorted_positions
from security.audit.frame import HEAD_BYTES
from security.audit.record import BODY_AT, CHUNK, MAX_BODY, VERSION, Entry, FormError, decode, decode_many
from security.audit.walk import Break, Group


class RecordCheck:
    """Checks group after group; keeps the last time, and counts acts that this version does not know."""

    def __init__(self) -> None:
        self.unknown_acts = 0
        self.first_ts = 0
        self._ts = 0

    def skip(self, ts: int) -> None:
        """Go on behind records that could not be read."""
        self._ts = ts

    def group(self, group: Group) -> Iterator[Break]:
        """Yield what is wrong with a group's records."""
        highest: dict[tuple[str, int], int] = {}
        self.first_ts = 0
        for at in range(0, len(group.entries), CHUNK):
            bodies = [entry[BODY_AT:] for entry in group.entries[at : at + CHUNK]]
            records = decode_many(bodies) if max(map(len, bodies)) <= MAX_BODY else None
            if records is None:
                yield from self._one_by_one(group)
                return
            if not at:
                self.first_ts = records[0].ts
            yield from self._said(group, at, records)
            note_positions(highest, records)
        if group.commit.ts != self._ts or group.commit.positions != sorted_positions(highest):
            yield self._at(group, len(group.entries), "commit")

    def _said(self, group: Group, at: int, records: list[Entry]) -> Iterator[Break]:
        first, epoch = group.first + at, group.commit.epoch
        times = [self._ts, *[r.ts for r in records]]
        if [r.seq for r in records] != list(range(first, first + len(records))):
            yield from (self._at(group, at + n, "record_seq") for n, r in enumerate(records) if r.seq != first + n)
        if times != sorted(times):
            yield from (self._at(group, at + n, "record_time") for n, r in enumerate(records) if r.ts < times[n])
        if {r.epoch for r in records} != {epoch}:
            yield from (self._at(group, at + n, "record_epoch") for n, r in enumerate(records) if r.epoch != epoch)
        self._ts = times[-1]
        if not {r.act for r in records} <= ACTS:
            self.unknown_acts += sum(r.act not in ACTS for r in records)

    def _one_by_one(self, group: Group) -> Iterator[Break]:
        """Name each record of the group that is not canonical."""
        for at, entry in enumerate(group.entries):
            body = entry[BODY_AT:]
            try:
                decode(body)
                fault = len(body) > MAX_BODY
            except FormError:
                fault = True
            if fault:
                yield self._at(group, at, "record_version" if _newer(body) else "record_form")
        self._ts = group.commit.ts

    @staticmethod
    def _at(group: Group, position: int, kind: str) -> Break:
        """Name a record of the group by its place: its frame starts behind those before it."""
        offset = group.offset + sum(HEAD_BYTES + len(entry) for entry in group.entries[:position])
        return Break(kind, min(group.first + position, group.commit.last), offset)


def _newer(body: bytes) -> bool:
    """Tell whether a body says that it has a later version than this code knows."""
    try:
        said = msgspec.json.decode(body)
    except (ValueError, msgspec.DecodeError):
        return False
    version = said.get("v") if isinstance(said, dict) else None
    return isinstance(version, int) and version > VERSION
