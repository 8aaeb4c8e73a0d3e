"""The raw batch: how events lie on `casebus.raw.<agency>`, sealed, at most 256 together.

    value = version u8 ‖ n u8 ‖ gateway (n bytes, ASCII) ‖ body (msgpack) ‖ MAC 32

The MAC is the gateway's, over everything before it, also when no class is sealed. The body is `RawBatch`, msgpack
arrays. Classes of effective level 1 and 2 stand open, joined; the others are sealed one by one, bound to suite, event
id, type, schema id, class, label-rule digest and the SHA-256 of the open part with the routing attributes. Flags of
events stand only in one sealed part per batch, always there and of one length per event, so that neither its presence
nor its size tells of them. Data-key headers are shared in a table.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from schemas.contract import Contract
from schemas.event import Event
from security.batch_wire import (
    FLAG_BYTES,
    MAC_LENGTH,
    MAX_EVENTS,
    SEALED,
    VERSION,
    BatchFormatError,
    BatchSizeError,
    BatchVersionError,
    Header,
    MacError,
    RawBatch,
    RawEvent,
    SealedClass,
    class_bound,
    decode,
    encode,
    flags_bound,
)
from security.keys.port import KekName
from security.labels import OPEN_LEVEL, RESTRICTED, Label, effective, flags_from_bits, flags_to_bits
from security.sealing import Sealer

__all__ = [
    "BatchFormatError",
    "BatchSizeError",
    "BatchVersionError",
    "Header",
    "MacError",
    "OpenedBatch",
    "OpenedEvent",
    "Prepared",
    "RawBatch",
    "RawEvent",
    "pack",
    "unpack",
]


@dataclass(frozen=True, slots=True)
class Prepared:
    """An event that is ready to be packed: validated, its data encoded by label class (`Codec.encode_classes`)."""

    event: Event
    contract: Contract
    blobs: tuple[bytes, ...]


def pack(events: Sequence[Prepared], sealer: Sealer, agency: str, gateway: str) -> bytes:
    """Pack 1 to 256 events of one agency; `gateway` names the MAC key. Raises `BatchSizeError`."""
    if not 1 <= len(events) <= MAX_EVENTS:
        raise BatchSizeError(count=len(events))
    packer = _Packer(sealer, agency)
    raw = tuple(packer.event(prepared) for prepared in events)
    flags = packer.flags(events, raw)
    body = encode(RawBatch(agency, tuple(packer.keys), tuple(packer.rules.items()), flags, raw))
    name = gateway.encode("ascii")
    value = bytes([VERSION, len(name)]) + name + body
    return value + sealer.mac(gateway, value)


class _Packer:
    def __init__(self, sealer: Sealer, agency: str) -> None:
        self._sealer = sealer
        self._agency = agency
        self._layouts: dict[tuple[int, frozenset[str]], tuple[KekName | None, ...]] = {}
        self.keys: dict[bytes, int] = {}
        self.rules: dict[int, bytes] = {}

    def event(self, prepared: Prepared) -> RawEvent:
        contract = prepared.contract
        layout = self._layout(contract, prepared.event.flags)
        header = _header(prepared, layout)
        if not any(layout):
            return RawEvent(header, ())
        bound = class_bound(header, contract.digest)
        pairs = enumerate(zip(layout, prepared.blobs, strict=True))
        return RawEvent(
            header,
            tuple(
                self._seal(index, kek, bound + index.to_bytes(2, "big"), blob) for index, (kek, blob) in pairs if kek
            ),
        )

    def flags(self, events: Sequence[Prepared], raw: tuple[RawEvent, ...]) -> SealedClass:
        clear = b"".join(flags_to_bits(prepared.event.flags).to_bytes(FLAG_BYTES, "big") for prepared in events)
        kek = self._sealer.name(self._agency, Label(RESTRICTED))
        return self._seal(SEALED, kek, flags_bound(self._agency, raw), clear)

    def _layout(self, contract: Contract, flags: frozenset[str]) -> tuple[KekName | None, ...]:
        """Return per class the KEK it is sealed by, None where it stands open."""
        known = self._layouts.get((contract.id, flags))
        if known is None:
            labels = [effective(label_class, flags) for label_class in contract.classes]
            known = tuple(
                self._sealer.name(self._agency, label) if label.level > OPEN_LEVEL else None for label in labels
            )
            self._layouts[contract.id, flags] = known
            self.rules[contract.id] = contract.digest
        return known

    def _seal(self, index: int, kek: KekName, ad: bytes, clear: bytes) -> SealedClass:
        key, body = self._sealer.seal_parts(kek, ad, clear)
        return SealedClass(index, self.keys.setdefault(key, len(self.keys)), body)


def _header(prepared: Prepared, layout: Sequence[KekName | None]) -> Header:
    event, contract, blobs = prepared.event, prepared.contract, prepared.blobs
    lengths = tuple(SEALED if kek else len(blob) for kek, blob in zip(layout, blobs, strict=True))
    return Header(
        event.id,
        contract.type,
        contract.id,
        event.source,
        event.sequence,
        event.subject,
        event.occurred_at,
        event.recorded_at,
        event.district,
        contract.level,
        event.supersedes,
        lengths,
        b"".join(blob for kek, blob in zip(layout, blobs, strict=True) if not kek),
    )


class OpenedEvent:
    """One event of an opened batch: `header` is there at once, classes and flags are opened when asked for."""

    __slots__ = ("_batch", "_bound", "_raw", "header", "position")

    def __init__(self, batch: OpenedBatch, raw: RawEvent, position: int) -> None:
        self.header = raw.header
        self.position = position
        self._raw = raw
        self._batch = batch
        self._bound: bytes | None = None

    def flags(self) -> frozenset[str]:
        """Return the event's flags; the batch's flags are opened once."""
        return self._batch.flags()[self.position]

    def open(self, class_indexes: Sequence[int]) -> list[bytes | None]:
        """Return one entry per class of the contract: its bytes if it was asked for, else None.

        Raises `SealBrokenError` where a sealed class does not belong here, `UnknownKeyError` where its key is gone.
        """
        header = self.header
        blobs: list[bytes | None] = [None] * len(header.lengths)
        start = 0
        for index, length in enumerate(header.lengths):
            if length == SEALED:
                continue
            if index in class_indexes:
                blobs[index] = header.open[start : start + length]
            start += length
        for part in self._raw.sealed:
            if part.index in class_indexes:
                blobs[part.index] = self._open_part(part)
        return blobs

    def _open_part(self, part: SealedClass) -> bytes:
        if self._bound is None:
            self._bound = class_bound(self.header, self._batch.rule(self.header.schema_id))
        return self._batch.open_part(part, self._bound + part.index.to_bytes(2, "big"))


class OpenedBatch:
    """A batch whose MAC fits: its events in order, `agency`, `gateway`."""

    def __init__(self, raw: RawBatch, gateway: str, sealer: Sealer) -> None:
        self.agency = raw.agency
        self.gateway = gateway
        self._raw = raw
        self._rules = dict(raw.rules)
        self._sealer = sealer
        self._flags: tuple[frozenset[str], ...] | None = None

    @cached_property
    def events(self) -> list[OpenedEvent]:
        """The events, in order."""
        return [OpenedEvent(self, event, position) for position, event in enumerate(self._raw.events)]

    @property
    def headers(self) -> Iterator[Header]:
        """The events' headers, in order: all that a replay needs of most events."""
        return (event.header for event in self._raw.events)

    def flags(self) -> tuple[frozenset[str], ...]:
        """Return the flags of every event, opened once."""
        if self._flags is None:
            clear = self.open_part(self._raw.flags, flags_bound(self.agency, self._raw.events))
            if len(clear) != FLAG_BYTES * len(self._raw.events):
                raise BatchFormatError
            bits = struct.unpack(f">{len(self._raw.events)}H", clear)
            self._flags = tuple(map(flags_from_bits, bits))
        return self._flags

    def rule(self, schema_id: int) -> bytes:
        """Return the label-rule digest under which `schema_id` was sealed."""
        found = self._rules.get(schema_id)
        if found is None:
            raise BatchFormatError
        return found

    def open_part(self, part: SealedClass, ad: bytes) -> bytes:
        """Open one sealed part of this batch."""
        if not 0 <= part.key < len(self._raw.keys):
            raise BatchFormatError
        return self._sealer.open_parts(self._raw.keys[part.key], part.body, ad)


def unpack(value: bytes, sealer: Sealer) -> OpenedBatch:
    """Check the MAC and decode a batch; classes stay sealed until they are asked for.

    Raises `MacError`, `BatchVersionError`, `BatchFormatError`, or `UnknownKeyError` for a gateway nobody registered.
    """
    if len(value) < 2 + MAC_LENGTH:
        raise BatchFormatError
    if value[0] != VERSION:
        raise BatchVersionError(version=value[0])
    end = 2 + value[1]
    try:
        gateway = value[2:end].decode("ascii")
    except UnicodeDecodeError:
        raise BatchFormatError from None
    # The MAC comes before any parsing: a decoder is no place for bytes that nobody vouches for.
    if not sealer.mac_fits(gateway, value[:-MAC_LENGTH], value[-MAC_LENGTH:]):
        raise MacError
    return OpenedBatch(decode(value[end:-MAC_LENGTH]), gateway, sealer)
