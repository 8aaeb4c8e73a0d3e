"""The gate in front of a stage: it lets every record of a partition pass exactly once, in the order of the log.

Faust may skip records (its queues are emptied when a flow resumes) and Kafka may show them again (a restart, a
rebalance, a seek). The gate trusts neither. It holds the offset it wants next and asks of every record:

- below that offset: *old*, it was applied before;
- inputs that no transaction wrote (raw): the offset is the one wanted, or there is a *hole*;
- inputs that a stage wrote: offsets have gaps, for markers of transactions use them up. So the record must be the next
  one the log holds (`follows`, which the consumer tells), and bear the next number of its writer's dense sequence. A
  lower number is a *repeat* of the writer, a higher one a hole.

Nothing passes a hole. Whoever drives the gate reads again from `next`; a hole that stays is loss before us.
"""

from __future__ import annotations

from enum import Enum, auto

from streams.runners.faust.progress import Progress, Stamp


class Verdict(Enum):
    """What is to be done with a record."""

    APPLY = auto()
    OLD = auto()
    REPEAT = auto()
    HOLE = auto()


class Gate:
    """The gate of one input partition; `progress` is how far the applied (not yet durable) records have come."""

    __slots__ = ("_chained", "next", "received")

    def __init__(self, progress: Progress, *, chained: bool) -> None:
        self.next = progress.next
        self.received = dict(progress.received)
        self._chained = chained

    def back(self, offset: int) -> None:
        """Want an earlier record again: a step reads its history anew."""
        assert not self._chained, "numbers of writers do not go back"
        self.next = offset

    def judge(self, offset: int, follows: int | None, stamp: Stamp | None) -> Verdict:
        """Judge a record; APPLY and REPEAT move the gate beyond it.

        `follows` says that the log holds no record in [follows, offset); None where the consumer cannot tell.
        """
        if offset < self.next:
            return Verdict.OLD
        if self._chained:
            return self._judge_sequence(offset, follows, stamp)
        if offset != self.next:
            return Verdict.HOLE
        self.next = offset + 1
        return Verdict.APPLY

    def _judge_sequence(self, offset: int, follows: int | None, stamp: Stamp | None) -> Verdict:
        if follows is None or follows > self.next or stamp is None:
            return Verdict.HOLE
        expected = self.received.get(stamp.writer, 0)
        if stamp.sequence > expected:
            return Verdict.HOLE
        self.next = offset + 1
        if stamp.sequence < expected:
            return Verdict.REPEAT
        self.received[stamp.writer] = expected + 1
        return Verdict.APPLY
