"""The bytes of a raw batch: structures, refusals, and what each sealed part is bound to.

See `security.batch` for the layout as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from schemas.errors import IntegrityError, RefusedError, UsageError
from security.sealing import SUITE_AES_256_GCM

VERSION: Final = 1
MAX_EVENTS: Final = 256
MAC_LENGTH: Final = 32
SEALED: Final = -1
"""Stands for the length of a sealed class, and for the class index of the flags part."""
FLAG_BYTES: Final = 2
_CLASS_DOMAIN: Final = b"casebus-class-v1\0"
_FLAGS_DOMAIN: Final = b"casebus-flags-v1\0"


class BatchSizeError(UsageError):
    """An empty batch, or one of more than 256 events."""

    code = "sealing.batch_size"


class BatchFormatError(IntegrityError):
    """The bytes are not a batch."""

    code = "sealing.batch_format"


class BatchVersionError(RefusedError):
    """A batch of a version that this code does not know."""

    code = "sealing.batch_version"


class MacError(IntegrityError):
    """The gateway's MAC does not fit: quarantine the record, trip the breaker."""

    code = "sealing.mac"


class Header(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The open part of one event: routing attributes (level 1 and 2) and the open classes.

    `level` is the contract's own highest level: flags of the event do not show in it. `lengths` has one entry per
    class: the length of its bytes in `open`, or -1 where the class is sealed.
    """

    id: bytes
    type: str
    schema_id: int
    source: str
    sequence: str
    subject: str
    occurred_at: int
    recorded_at: int
    district: str
    level: int
    supersedes: bytes | None
    lengths: tuple[int, ...]
    open: bytes


class SealedClass(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One sealed class: its index in the contract, the index of its data-key header, and the sealed body."""

    index: int
    key: int
    body: bytes


class RawEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One event of a batch."""

    header: Header
    sealed: tuple[SealedClass, ...]


class RawBatch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The body of a batch: agency, data-key headers, (schema id, label-rule digest), sealed flags, events."""

    agency: str
    keys: tuple[bytes, ...]
    rules: tuple[tuple[int, bytes], ...]
    flags: SealedClass
    events: tuple[RawEvent, ...]


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(RawBatch).decode


def class_bound(header: Header, rule: bytes) -> bytes:
    """Return what every sealed class of the event is bound to, short of the class index."""
    named = encode((SUITE_AES_256_GCM, header.id, header.type, header.schema_id, rule))
    return _CLASS_DOMAIN + hashlib.sha256(encode(header)).digest() + named


def flags_bound(agency: str, events: Sequence[RawEvent]) -> bytes:
    """Return what the flags part is bound to: the agency and every event's open part, in order."""
    digest = hashlib.sha256(encode((agency, [event.header for event in events]))).digest()
    return _FLAGS_DOMAIN + bytes([SUITE_AES_256_GCM]) + digest


def decode(body: bytes) -> RawBatch:
    """Decode the body; raises `BatchFormatError`."""
    try:
        batch = _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BatchFormatError from None
    if not 1 <= len(batch.events) <= MAX_EVENTS:
        raise BatchFormatError
    return batch
