"""Level 3: what records say must be canonical, numbered, in time, and what the commit says of them. Sans-IO."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from security.audit.acts import ACTS
from security.audit.chain import positions_of
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
        records: list[Entry] = []
        for at in range(0, len(group.entries), CHUNK):
            chunk = group.entries[at : at + CHUNK]
            bodies = [entry[BODY_AT:] for entry in chunk]
            decoded = decode_many(bodies) if max(map(len, bodies)) <= MAX_BODY else None
            if decoded is None:
                yield from self._one_by_one(group, at, bodies)
                return
            records += decoded
        yield from self._said(group, records)

    def _said(self, group: Group, records: list[Entry]) -> Iterator[Break]:
        first, commit = group.first, group.commit
        self.first_ts = records[0].ts
        times = [self._ts, *[r.ts for r in records]]
        if [r.seq for r in records] != list(range(first, first + len(records))):
            yield from (self._at(group, n, "record_seq") for n, r in enumerate(records) if r.seq != first + n)
        if times != sorted(times):
            yield from (self._at(group, n, "record_time") for n, r in enumerate(records) if r.ts < times[n])
        if {r.epoch for r in records} != {commit.epoch}:
            yield from (self._at(group, n, "record_epoch") for n, r in enumerate(records) if r.epoch != commit.epoch)
        if commit.ts != times[-1] or commit.positions != positions_of(records):
            yield self._at(group, len(records), "commit")
        self._ts = times[-1]
        unknown = {r.act for r in records} - ACTS
        if unknown:
            counts = Counter[str](r.act for r in records)
            self.unknown_acts += sum(counts[act] for act in unknown)

    def _one_by_one(self, group: Group, start: int, bodies: list[bytes]) -> Iterator[Break]:
        for at, body in enumerate(bodies, start):
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
