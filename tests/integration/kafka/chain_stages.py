"""Two simple stages whose outcome shows every loss, repetition and change of order: raw → work → alerts.

A raw record is a msgpack list of [event id, case]. Release drops repeated ids and sends each case to its work
partition; supervise counts per case and raises an alert at every third event. Both keep a chain over all they applied,
so that one record skipped, doubled or out of order shows for ever.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import msgspec

from streams.bus.port import Record
from streams.runners.faust.stage import Item, Output, PureStage, Stage
from streams.runners.faust.state import PartitionState

CHAIN = b"chain"
EACH = 3

_encode = msgspec.msgpack.Encoder().encode
_events = msgspec.msgpack.Decoder(list[tuple[int, int]]).decode
_counted = msgspec.msgpack.Decoder(tuple[int, int]).decode


@dataclass(frozen=True)
class Topics:
    """The topics of one run; `partitions` of each. Not named as casebus names its own: a broker may hold both."""

    run: str
    partitions: int = 3

    @property
    def raw(self) -> str:
        """What the gateway would write."""
        return f"chain.raw.{self.run}"

    @property
    def work(self) -> str:
        """What release writes."""
        return f"chain.work.{self.run}"

    @property
    def alerts(self) -> str:
        """What supervise writes."""
        return f"chain.alerts.{self.run}"

    def stage(self, name: str) -> Stage:
        """Make one of the two stages."""
        if name.startswith("release"):
            return PureStage(f"release-{self.run}", (self.raw,), self.release, chained=False)
        return PureStage(f"supervise-{self.run}", (self.work,), self.supervise, chained=True, gathers=True)

    def release(self, item: Item, state: PartitionState) -> list[Output]:
        """Drop repeated ids; send each case to its partition."""
        chain(item, state)
        by_target: dict[int, list[tuple[int, int]]] = {}
        for event, case in _events(item.value):
            key = b"e%d" % event
            if state.get(key) is None:
                state.put(key, b"1")
                by_target.setdefault(case % self.partitions, []).append((event, case))
        return [Output(self.work, t, Record(b"%d" % item.offset, _encode(e))) for t, e in sorted(by_target.items())]

    def supervise(self, item: Item, state: PartitionState) -> list[Output]:
        """Count per case; raise an alert at every third event."""
        chain(item, state)
        outputs = []
        for event, case in _events(item.value):
            key = b"c%d" % case
            count, mixed = _counted(state.read(key) or _encode((0, 0)))
            count, mixed = count + 1, mixed ^ (event * 2_654_435_761 & 0xFFFFFFFF)
            state.put(key, _encode((count, mixed)))
            if count % EACH == 0:
                outputs.append(Output(self.alerts, case % self.partitions, Record(b"%d/%d" % (case, count), b"")))
        return outputs


def chain(item: Item, state: PartitionState) -> None:
    """Fold a record into the chain of the partition."""
    before = state.read(CHAIN) or b"0"
    state.put(CHAIN, b"%d" % zlib.crc32(item.value, zlib.crc32(before)))


def raw_value(events: list[tuple[int, int]]) -> bytes:
    """Encode a raw record."""
    return _encode(events)
