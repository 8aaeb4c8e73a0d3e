"""Marks between stages: a mark counts once every writer that could contradict it has come that far.

The gateway puts marks into every raw partition each second, behind all it sent before: the clock, what the sources of
that topic declared, and the control epoch that holds from there on. Release passes them on to every work partition in
the order it read them, so within one writer no mark overtakes an event. Between writers nothing is ordered: the clock
is the lowest of all writers' clocks, a source's mark the lowest among the writers of the raw topics that speak of it. A
writer that has said nothing yet holds everything back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from schemas.errors import CasebusError
from security.labels import Label
from security.sealing import Sealer
from streams.bus.port import Record
from streams.work import MarkBatch

KIND = "kind"
MARKS = b"marks"
LABEL = Label(2)
_DOMAIN = b"casebus-raw-marks-v1\0"

Told = dict[str, tuple[int, dict[str, int]]]
"""Writer → the clock and the sources' marks it told last."""

_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode_batch = msgspec.msgpack.Decoder(MarkBatch).decode
_decode_told = msgspec.msgpack.Decoder(Told).decode


def raw_marks(
    sealer: Sealer, topic: str, partition: int, clock: int, sources: Mapping[str, int], epoch: int = 0
) -> Record:
    """Make the record that the gateway puts into a raw partition: sealed, so that nobody else can move a mark."""
    key = f"marks/{topic}/{partition}/{clock}".encode()
    sealed = sealer.seal(sealer.name("marks", LABEL), _DOMAIN + key, _encode(MarkBatch(clock, dict(sources), epoch)))
    return Record(key, sealed, ((KIND, MARKS),))


def is_marks(headers: Iterable[tuple[str, bytes]]) -> bool:
    """Tell whether a raw record holds marks."""
    return (KIND, MARKS) in headers


def open_marks(sealer: Sealer, topic: str, partition: int, key: bytes, value: bytes) -> MarkBatch | CasebusError:
    """Open marks of a raw partition; what was made for another place or altered is returned as the error it is."""
    if not key.startswith(f"marks/{topic}/{partition}/".encode()):
        return MarksMisplacedError()
    try:
        return _decode_batch(sealer.open(value, _DOMAIN + key))
    except CasebusError as error:
        return error


class MarksMisplacedError(CasebusError):
    """Marks of one raw partition stand in another."""

    code = "worker.marks_misplaced"


@dataclass
class WriterMarks:
    """What each writer told last, and what follows from all of them.

    `writers` are all that there are, by raw topic: `{"casebus.raw.police": ("release/casebus.raw.police/0", …)}`.
    """

    writers: Mapping[str, tuple[str, ...]]
    told: Told = field(default_factory=dict)

    def tell(self, writer: str, batch: MarkBatch) -> None:
        """Take a writer's marks; none ever goes back."""
        clock, sources = self.told.get(writer, (0, {}))
        merged = dict(sources)
        for source, mark in batch.sources.items():
            merged[source] = max(merged.get(source, 0), mark)
        self.told[writer] = (max(clock, batch.clock), merged)

    @property
    def clock(self) -> int:
        """The lowest of all writers' clocks."""
        return min((self._of(writer)[0] for each in self.writers.values() for writer in each), default=0)

    @property
    def sources(self) -> dict[str, int]:
        """Each source's mark: the lowest among the writers of each topic that speaks of it, the highest of topics."""
        found: dict[str, int] = {}
        for writers in self.writers.values():
            told = [self._of(writer)[1] for writer in writers]
            for source in {source for each in told for source in each}:
                lowest = min(each.get(source, 0) for each in told)
                found[source] = max(found.get(source, 0), lowest)
        return dict(sorted(found.items()))

    def encode(self) -> bytes:
        """Encode for the changelog."""
        return _encode(self.told)

    def decode(self, value: bytes) -> None:
        """Take over what the changelog holds."""
        self.told = _decode_told(value)

    def _of(self, writer: str) -> tuple[int, dict[str, int]]:
        return self.told.get(writer, (0, {}))
