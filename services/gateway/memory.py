"""The gateway's memory of ids: a repeated event gets its receipt again, the same id with another payload is a conflict.

A cache over the last events: the de-duplication that counts is in release, for as long as the contract says. One sealed
entry per published batch, so that remembering costs one write for up to 256 events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, overload

import msgspec

from security.keys.port import KekName
from security.labels import SENSITIVE
from security.sealing import Sealer
from services.gateway.receipt import Statement, id_text
from streams.bus.port import Bus, Transaction

STORE: Final = "gateway.receipts"
KEEP_EVENTS: Final = 100_000
ID_LENGTH: Final = 16
BODY_LENGTH: Final = 32
PAYLOAD_LENGTH: Final = 16
_DOMAIN: Final = b"casebus-gateway-memory-v1\0"


class Kept(msgspec.Struct, array_like=True, frozen=True):
    """What is kept of one published batch; ids, body digests and payload digests stand one after the other."""

    source: str
    node: str
    seq: int
    at: int
    ids: bytes
    bodies: bytes
    payloads: bytes

    def __len__(self) -> int:
        return len(self.ids) // ID_LENGTH


class Known(NamedTuple):
    """A remembered event: the batch it was published in, and its place there."""

    kept: Kept
    place: int

    @property
    def payload(self) -> bytes:
        """The keyed digest of what the event said."""
        return _slice(self.kept.payloads, self.place, PAYLOAD_LENGTH)

    @property
    def statement(self) -> Statement:
        """What its receipt says."""
        kept = self.kept
        return Statement(
            at=kept.at,
            body=_slice(kept.bodies, self.place, BODY_LENGTH).hex(),
            id=id_text(_slice(kept.ids, self.place, ID_LENGTH)),
            node=kept.node,
            seq=kept.seq,
            source=kept.source,
        )


class Statements(Sequence[Statement]):
    """The statements of several batches, one after the other, each made when it is asked for."""

    def __init__(self, batches: Sequence[Kept]) -> None:
        self._batches = batches
        self._length = sum(map(len, batches))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Statement]:
        for kept in self._batches:
            for place in range(len(kept)):
                yield Known(kept, place).statement

    @overload
    def __getitem__(self, index: int) -> Statement: ...

    @overload
    def __getitem__(self, index: slice) -> list[Statement]: ...

    def __getitem__(self, index: int | slice) -> Statement | list[Statement]:
        """Return one statement, or several."""
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(self._length))]
        rest = index
        for kept in self._batches:
            if rest < len(kept):
                return Known(kept, rest).statement
            rest -= len(kept)
        raise IndexError(index)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Kept).decode


class Memory:
    """The ids of the last `keep` events; `agency` names the key that its entries are sealed by."""

    def __init__(self, bus: Bus, sealer: Sealer, agency: str, keep: int = KEEP_EVENTS) -> None:
        self._sealer = sealer
        self._keep = keep
        self._kek = KekName(agency, SENSITIVE)
        self._known: dict[tuple[str, bytes], Known] = {}
        self._entries: deque[tuple[bytes, Kept]] = deque()
        self._sources: set[str] = set()
        self._next = 0
        for key, value in bus.entries(STORE):
            self._take(key, _decode(sealer.open(value, _DOMAIN + key)))

    def find(self, source: str, event_id: bytes) -> Known | None:
        """Return what is known of an event."""
        return self._known.get((source, event_id))

    def said_by_another(self, source: str, event_id: bytes) -> bool:
        """Tell whether an event is known as another source's, and not as this one's."""
        if (source, event_id) in self._known:
            return False
        return any((other, event_id) in self._known for other in self._sources)

    def put(self, change: Transaction, batches: Sequence[Kept]) -> None:
        """Write batches in a transaction, the oldest beyond the limit leaving; `learn` follows when it is durable."""
        for number, kept in enumerate(batches, self._next):
            key = number.to_bytes(8, "big")
            change.put(STORE, key, self._sealer.seal(self._kek, _DOMAIN + key, _encode(kept)))
        for key, _ in self._leaving(sum(map(len, batches))):
            change.put(STORE, key, None)

    def learn(self, batches: Sequence[Kept]) -> None:
        """Know what has become durable; forget what left."""
        for key, kept in self._leaving(sum(map(len, batches))):
            del key
            self._entries.popleft()
            for index in range(len(kept)):
                self._known.pop((kept.source, _slice(kept.ids, index, ID_LENGTH)), None)
        for number, kept in enumerate(batches, self._next):
            self._take(number.to_bytes(8, "big"), kept)

    def _leaving(self, coming: int) -> list[tuple[bytes, Kept]]:
        surplus = len(self._known) + coming - self._keep
        leaving = []
        for entry in self._entries:
            if surplus <= 0:
                break
            leaving.append(entry)
            surplus -= len(entry[1])
        return leaving

    def _take(self, key: bytes, kept: Kept) -> None:
        self._entries.append((key, kept))
        self._sources.add(kept.source)
        self._next = int.from_bytes(key, "big") + 1
        for index in range(len(kept)):
            self._known[kept.source, _slice(kept.ids, index, ID_LENGTH)] = Known(kept, index)


def _slice(column: bytes, index: int, width: int) -> bytes:
    return column[index * width : (index + 1) * width]
