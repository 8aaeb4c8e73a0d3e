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
from typing import ClassVar, Final, Literal

from schemas.clock import Clock
from schemas.errors import DeniedError, RefusedError
from security.audit.port import Log
from security.audit.record import Entry
from services.gateway.readers import Reader
from streams.bus.port import Reader as BusReader
from streams.bus.port import Stored
from streams.receivers import Deciding

PARTITION: Final = 0
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


class OnKafkaError(RefusedError):
    """The node is on Kafka: a view topic has partitions there, and is read from Kafka, not through the gateway."""

    code: ClassVar[str] = "subscription.on_kafka"
    http_status: ClassVar[int] = 409


@dataclass(frozen=True)
class Page:
    """Views in the order of the topic.

    Attributes:
        views: the records as they stand on the topic.
        next: the offset to ask `after` for what follows; the asked one where there was nothing.
        end: one past the last view of the subscription.
    """

    views: tuple[Stored, ...]
    next: int
    end: int


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
        partitioned: bool = False,
    ) -> None:
        """Read from `bus`; `receivers` and `epoch` answer by the present control state.

        `partitioned` says that a topic is more than its first partition: then nothing is read, rather than a part.
        """
        self._partitioned = partitioned
        self._bus, self._audit, self._clock = bus, audit, clock
        self._receivers, self._epoch = receivers, epoch
        self._acknowledged: dict[str, int] = {}
        self._lock = threading.Lock()

    def allowed(self, reader: Reader, subscription: str) -> Deciding:
        """Return the subscription, if the reader may read its views now.

        Raises:
            NotYoursError, EndedError, HeldError, ExpiredError: audited before they are raised.
            OnKafkaError: the gateway cannot read it whole.
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
            if self._partitioned:
                raise OnKafkaError(topic=receiver.topic)
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

    def read(self, reader: Reader, subscription: str, after: int, limit: int, way: Way) -> Page:
        """Return what follows offset `after`; at most `limit` views and about `PAGE_BYTES`, one view at least.

        Raises what `allowed` raises.
        """
        receiver = self.allowed(reader, subscription)
        stored = self._bus.read(receiver.topic, PARTITION, after + 1, min(limit, PAGE_VIEWS))
        views = _bounded(stored)
        end = self._bus.end(receiver.topic, PARTITION)
        entries = self._acks(reader, receiver, min(after, end - 1), "cursor")
        if views:
            entries.append(self._pull(reader, receiver, views, way))
        if entries:
            self._audit.append(entries)
            self._learn(entries)
        return Page(views, views[-1].offset if views else after, end)

    def acknowledge(self, reader: Reader, subscription: str, through: int) -> int:
        """Keep that the receiver has every view up to offset `through`; return the highest it has acknowledged.

        Raises:
            BeyondEndError: nothing was released there. What `allowed` raises.
        """
        receiver = self.allowed(reader, subscription)
        end = self._bus.end(receiver.topic, PARTITION)
        if through >= end:
            raise BeyondEndError(through=through, end=end)
        if entries := self._acks(reader, receiver, through, "told"):
            self._audit.append(entries)
            self._learn(entries)
        return self._acknowledged.get(subscription, through)

    def end(self, topic: str) -> int:
        """Return one past the last view of a topic."""
        return self._bus.end(topic, PARTITION)

    def _pull(self, reader: Reader, receiver: Deciding, views: tuple[Stored, ...], way: Way) -> Entry:
        principal = receiver.principal
        return Entry(
            act="pull",
            actor=reader.name,
            org=principal.organisation,
            purpose=principal.purpose,
            obj=principal.id,
            topic=receiver.topic,
            part=PARTITION,
            off=views[0].offset,
            ctl=self._epoch(),
            data={"count": len(views), "last": views[-1].offset, "way": way} | _named(views),
        )

    def _acks(self, reader: Reader, receiver: Deciding, through: int, way: AckWay) -> list[Entry]:
        """Return the record of an acknowledgement; none where it says nothing new to this process."""
        principal = receiver.principal
        if through <= self._acknowledged.get(principal.id, -1):
            return []
        return [
            Entry(
                act="ack",
                actor=reader.name,
                org=principal.organisation,
                purpose=principal.purpose,
                obj=principal.id,
                topic=receiver.topic,
                part=PARTITION,
                off=through,
                ctl=self._epoch(),
                data={"way": way},
            )
        ]

    def _learn(self, entries: list[Entry]) -> None:
        """Remember what is durable in the log: the same is not written again."""
        with self._lock:
            for entry in entries:
                if entry.act == "ack":
                    self._acknowledged[entry.obj] = max(entry.off or 0, self._acknowledged.get(entry.obj, -1))


def _named(views: tuple[Stored, ...]) -> dict[str, list[str]]:
    """Name the events of views in their order, so that the log answers whether one was fetched."""
    ids = [dict(view.headers).get("ce_id", b"") for view in views]
    return {"events": [uuid.UUID(each.decode()).hex for each in ids]} if all(ids) else {}


def _bounded(stored: list[Stored]) -> tuple[Stored, ...]:
    kept: list[Stored] = []
    size = 0
    for view in stored:
        size += len(view.value)
        if kept and size > PAGE_BYTES:
            break
        kept.append(view)
    return tuple(kept)
