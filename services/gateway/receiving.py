"""Reading a subscription's views through the gateway. No HTTP in it.

Only what stands on the view topic is read: release put it there after its manifest was durable, so what is delivered
here is a part of what was authorised. The reading itself is an act of its own, `pull`, and is durable in the audit log
before the views leave; so is how far a receiver says it has come (`ack`): outright, or by the offset it goes on
from. Every call asks anew whether the reader still may: a subscription that has ended, is held by a
breaker or has expired gives nothing more, also not of what was released before.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from schemas.clock import Clock
from schemas.errors import DeniedError, RefusedError
from security.audit.acts import Act
from security.audit.port import Log
from security.audit.record import Entry
from services.gateway.cursor import Cursor, Cursors, OffsetCursors, Positions
from services.gateway.readers import Reader
from streams.bus.port import Reader as BusReader
from streams.bus.port import Stored
from streams.receivers import Deciding

PAGE_VIEWS: Final = 256
PAGE_BYTES: Final = 1 << 20
Way = Literal["page", "stream"]
AckWay = Literal["cursor", "told", "group"]
"""How a receiver said how far it is: by the offset it went on from, outright, or by what its group committed."""


class NotYoursError(DeniedError):
    """The token is not the subscription's; whether there is such a subscription is not said."""

    code: ClassVar[str] = "subscription.not_yours"


class HeldError(DeniedError):
    """The subscription is held: nothing of it leaves until two people release it."""

    code: ClassVar[str] = "subscription.held"


class ExpiredError(DeniedError):
    """The subscription's right has ended."""

    code: ClassVar[str] = "subscription.expired"


class EndedError(DeniedError):
    """The subscription was taken away: nothing is decided for it any more, and nothing of it is given."""

    code: ClassVar[str] = "subscription.ended"
    http_status: ClassVar[int] = 410


class BeyondEndError(RefusedError):
    """Nothing was released there yet: it cannot be acknowledged."""

    code: ClassVar[str] = "subscription.beyond_end"
    http_status: ClassVar[int] = 422


@dataclass(frozen=True)
class View:
    """One view as it stands on the topic; `cursor` goes on after it."""

    partition: int
    stored: Stored
    cursor: Cursor

    @property
    def offset(self) -> int:
        """Its offset in its partition."""
        return self.stored.offset


@dataclass(frozen=True)
class Page:
    """Views, those of one partition in its order.

    Attributes:
        next: the cursor to ask `after` for what follows; the asked one where there was nothing.
        end: one past the last view; where there are partitions, the cursor of everything.
        seen: offsets before `next`, over all partitions, less one.
    """

    views: tuple[View, ...]
    next: Cursor
    end: Cursor
    seen: int


class Receiving:
    """Reads for receivers; safe for many threads."""

    def __init__(
        self,
        bus: BusReader,
        audit: Log,
        clock: Clock,
        receivers: Callable[[], Mapping[str, Deciding]],
        epoch: Callable[[], int],
        *,
        cursors: Cursors | None = None,
    ) -> None:
        """Read from `bus`; `receivers` and `epoch` answer by the present control state.

        `cursors` are those of topics with partitions, as on Kafka; without them a topic is its one partition.
        """
        self.partitioned = cursors is not None
        self._cursors: Cursors = cursors or OffsetCursors()
        self._bus, self._audit, self._clock = bus, audit, clock
        self._receivers, self._epoch = receivers, epoch
        self._acknowledged: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    def allowed(self, reader: Reader, subscription: str) -> Deciding:
        """Return the subscription, if the reader may read its views now.

        Raises:
            NotYoursError, EndedError, HeldError, ExpiredError: audited before they are raised.
        """
        receiver = self._receivers().get(subscription)
        error: type[DeniedError] | None = None
        if reader.ended and reader.subscription == subscription:
            error = EndedError
        elif receiver is None or reader.subscription != subscription:
            error = NotYoursError
        elif receiver.held:
            error = HeldError
        elif receiver.principal.expired(self._clock.now_us()):
            error = ExpiredError
        if error is None:
            assert receiver is not None
            return receiver
        # A name that nobody registered may be anything; a token names only what was registered.
        asked = "" if receiver is None and error is not EndedError else subscription
        entry = Entry(
            act="refuse",
            out=error.code,
            why=error.code,
            actor=reader.name,
            org=reader.organisation,
            obj=asked,
            ctl=self._epoch(),
        )
        self._audit.append([entry])
        raise error

    def read(self, reader: Reader, subscription: str, after: Cursor, limit: int, way: Way) -> Page:
        """Return what follows a cursor; at most `limit` views and about `PAGE_BYTES`, one view at least.

        Raises what `allowed` raises, and `CursorError`.
        """
        receiver = self.allowed(reader, subscription)
        topic, ends = receiver.topic, self._ends(receiver.topic)
        positions = self._cursors.positions(topic, after, len(ends))
        views = self._bounded(topic, positions, min(limit, PAGE_VIEWS))
        entries = self._acks(reader, receiver, positions, ends, "cursor")
        for partition in sorted({view.partition for view in views}):
            mine = tuple(view.stored for view in views if view.partition == partition)
            entries.append(self._pull(reader, receiver, partition, mine, way))
        if entries:
            self._audit.append(entries)
            self._learn(entries)
        # What was released since the ends were asked is a part of the page.
        ends = tuple(max(pair) for pair in zip(ends, self._after(positions, views), strict=True))
        end = self._cursors.cursor(topic, ends) if self.partitioned else ends[0]
        reached = self._after(positions, views)
        return Page(views, self._cursors.cursor(topic, reached) if views else after, end, sum(reached) - 1)

    def acknowledge(self, reader: Reader, subscription: str, through: Cursor) -> Cursor:
        """Keep that the receiver has every view up to a cursor; return the highest it has acknowledged.

        Raises:
            BeyondEndError: nothing was released there. CursorError: it is none. What `allowed` raises.
        """
        receiver = self.allowed(reader, subscription)
        ends = self._ends(receiver.topic)
        positions = self._cursors.positions(receiver.topic, through, len(ends))
        for position, end in zip(positions, ends, strict=True):
            if position > end:
                raise BeyondEndError(through=position - 1, end=end)
        if entries := self._acks(reader, receiver, positions, ends, "told"):
            self._audit.append(entries)
            self._learn(entries)
        known = [self._acknowledged.get((subscription, n), at - 1) + 1 for n, at in enumerate(positions)]
        return self._cursors.cursor(receiver.topic, tuple(known))

    def end(self, topic: str) -> int:
        """Return one past the last view of a topic, summed over its partitions."""
        return sum(self._ends(topic))

    def _ends(self, topic: str) -> Positions:
        count = self._bus.partitions(topic) if self.partitioned else 1
        return tuple(self._bus.end(topic, n) for n in range(count))

    def _bounded(self, topic: str, positions: Positions, limit: int) -> tuple[View, ...]:
        """Return what follows the positions: an equal part of each partition, so that none waits for another."""
        share = max(1, limit // len(positions))
        found = [
            (n, stored) for n, position in enumerate(positions) for stored in self._bus.read(topic, n, position, share)
        ][:limit]
        views: list[View] = []
        size, reached = 0, list(positions)
        for partition, stored in found:
            size += len(stored.value)
            if views and size > PAGE_BYTES:
                break
            reached[partition] = stored.offset + 1
            views.append(View(partition, stored, self._cursors.cursor(topic, tuple(reached))))
        return tuple(views)

    @staticmethod
    def _after(positions: Positions, views: tuple[View, ...]) -> Positions:
        reached = list(positions)
        for view in views:
            reached[view.partition] = view.offset + 1
        return tuple(reached)

    def _pull(self, reader: Reader, receiver: Deciding, partition: int, views: tuple[Stored, ...], way: Way) -> Entry:
        data = {"count": len(views), "last": views[-1].offset, "way": way} | _named(views)
        return self._entry("pull", reader, receiver, partition, views[0].offset, data)

    def _acks(
        self, reader: Reader, receiver: Deciding, positions: Positions, ends: Positions, way: AckWay
    ) -> list[Entry]:
        """Return the records of an acknowledgement; none where it says nothing new to this process."""
        entries = []
        for partition, (position, end) in enumerate(zip(positions, ends, strict=True)):
            through = min(position, end) - 1
            if through > self._acknowledged.get((receiver.subscription, partition), -1):
                entries.append(self._entry("ack", reader, receiver, partition, through, {"way": way}))
        return entries

    def _entry(
        self, act: Act, reader: Reader, receiver: Deciding, partition: int, offset: int, data: dict[str, Any]
    ) -> Entry:
        principal = receiver.principal
        return Entry(
            act=act,
            actor=reader.name,
            org=principal.organisation,
            purpose=principal.purpose,
            obj=principal.id,
            topic=receiver.topic,
            part=partition,
            off=offset,
            ctl=self._epoch(),
            data=data,
        )

    def _learn(self, entries: list[Entry]) -> None:
        """Remember what is durable in the log: the same is not written again."""
        with self._lock:
            for entry in entries:
                if entry.act == "ack":
                    place = (entry.obj, entry.part or 0)
                    self._acknowledged[place] = max(entry.off or 0, self._acknowledged.get(place, -1))


def _named(views: tuple[Stored, ...]) -> dict[str, list[str]]:
    """Name the events of views in their order, so that the log answers whether one was fetched."""
    ids = [dict(view.headers).get("ce_id", b"") for view in views]
    return {"events": [uuid.UUID(each.decode()).hex for each in ids]} if all(ids) else {}
