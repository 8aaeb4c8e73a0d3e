"""Audit records: a closed common header and one `data` object per act, as canonical JSON (ADR 0005).

`Entry` is what a caller says; the log adds number, time, node and lease. Bodies are a subset of RFC 8785: ASCII keys
ascending, integers below 2^53, no floats, no nulls, NFC strings. `encode` refuses whatever `decode` would refuse, so a
record that was written is one that verifies.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from security.audit.acts import ACTS, Act
from security.audit.errors import EntryRefusedError, EntryTooLargeError

VERSION = 1
"""Version of the header, key `v`."""

PREFIX = b"\x01\x01"
"""Record version 1, suite 1 (SHA-256): the first two bytes of each entry E."""

BODY_AT = len(PREFIX) + 32
MAX_BODY = 16_384
MAX_EVENTS = 256
DIGEST_HEX = 64

CHUNK = 32
"""Records that are decoded at once: enough for one call to pay, few enough to stay in the processor's cache."""

_Int = Annotated[int, msgspec.Meta(ge=-(2**53 - 1), le=2**53 - 1)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_Partition = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
# Four levels below `data`, spelled out: the decoder checks them in C and no input can nest deeper.
_Value1 = bool | _Int | str
_Value2 = bool | _Int | str | list[_Value1] | dict[str, _Value1]
_Value3 = bool | _Int | str | list[_Value2] | dict[str, _Value2]
_Value4 = bool | _Int | str | list[_Value3] | dict[str, _Value3]

if TYPE_CHECKING:
    _Act = Act
    Data = dict[str, Any]
else:
    # The decoder must take an act that this version does not know: it is reported, not refused.
    _Act = str
    Data = dict[str, _Value4]


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """A sealed blob beside the log: `c` digest of its ciphertext (hex), `kid` its key's id (hex)."""

    c: str
    kid: str


class Entry(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One act, as a caller says it and as the log keeps it. Field order is the order of the keys: do not change it.

    Attributes:
        act: what was done, a name of `acts.Act`.
        out: `ok`, or a reason code.
        actor, org, role, purpose: who, for whom, in which role, for what purpose; aliases and codes.
        case: keyed digest of the case reference, 64 hex digits; a clear number is refused.
        obj: what was acted on; an id.
        topic, part, off: position of the source record.
        ctl: control epoch under which it was done.
        why: reason code. idem: id of the act, for repetitions. pol, msg, req, trace: digests and ids, see ADR 0005.
        data: one object per act: booleans, integers below 2^53, strings, arrays and objects, at most 4 deep.
        epoch, node, seq, ts, v: filled in by the log; what a caller puts there is replaced.
    """

    act: _Act
    actor: str = ""
    case: str = ""
    ctl: _Count = 0
    data: Data = msgspec.field(default_factory=lambda: {})  # noqa: PIE807 - a factory other than `dict` is never left out
    epoch: _Count = msgspec.field(default_factory=lambda: 0)
    idem: str = ""
    msg: str = ""
    node: str = msgspec.field(default_factory=lambda: "")
    obj: str = ""
    off: _Count | None = None
    org: str = ""
    out: str = msgspec.field(default_factory=lambda: "ok")
    part: _Partition | None = None
    pii: tuple[Sealed, ...] = ()
    pol: str = ""
    purpose: str = ""
    req: str = ""
    role: str = ""
    seq: _Count = msgspec.field(default_factory=lambda: 0)
    topic: str = ""
    trace: str = ""
    ts: _Count = msgspec.field(default_factory=lambda: 0)
    v: _Count = msgspec.field(default_factory=lambda: VERSION)
    why: str = ""


class FormError(ValueError):
    """A body is not canonical, or its header is not the closed one; the text says what, without any value."""


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Entry)


def genesis(origin: str, nonce: bytes) -> bytes:
    """Return prev of record 0; `nonce` is 32 random bytes kept in each segment header."""
    return sha256(b"casebus-audit-genesis-v1\0" + origin.encode() + nonce).digest()


def encode(entries: Sequence[Entry], seq: int, ts: int, node: str, epoch: int) -> list[bytes]:
    """Return the canonical bodies of `entries`, numbered from `seq`, all with time `ts` in microseconds.

    The hot path of the log: one call into the encoder and one into the decoder for each chunk.

    Raises:
        EntryRefusedError: an entry has an unknown act, a clear case number, or a value that is not canonical.
        EntryTooLargeError: a body passes 16 KiB.
    """
    bodies: list[bytes] = []
    for at in range(0, len(entries), CHUNK):
        bodies += _encode_chunk(entries[at : at + CHUNK], seq + at, ts, node, epoch)
    return bodies


def _encode_chunk(entries: Sequence[Entry], seq: int, ts: int, node: str, epoch: int) -> list[bytes]:
    replace, body_of = msgspec.structs.replace, _encoder.encode
    numbered = [replace(e, seq=n, ts=ts, node=node, epoch=epoch, v=VERSION) for n, e in enumerate(entries, seq)]
    try:
        bodies = [body_of(entry) for entry in numbered]
        lines = b"\n".join(bodies)
        if lines.isascii() and not _unwanted(numbered) and max(map(len, bodies)) <= MAX_BODY:
            _decoder.decode_lines(lines)
            return bodies
    except (TypeError, ValueError, OverflowError):
        pass
    for entry in numbered:
        if fault := refusal(entry):
            raise fault
    return bodies


def refusal(entry: Entry) -> EntryRefusedError | None:
    """Say why `entry` cannot be written, without any of its values; None where it can."""
    try:
        if reason := _unwanted([entry]):
            return EntryRefusedError(reason=reason)
        body = _encoder.encode(entry)
        if len(body) > MAX_BODY:
            return EntryTooLargeError(bytes=len(body), limit=MAX_BODY)
        decode(body)
    except FormError as error:
        return EntryRefusedError(reason=str(error))
    except (TypeError, ValueError, OverflowError) as error:
        return EntryRefusedError(reason=type(error).__name__)
    return None


def _unwanted(entries: Iterable[Entry]) -> str:
    """Name what the encoder cannot see: an act that this version does not know, a case that is no digest."""
    for entry in entries:
        if entry.act not in ACTS:
            return "unknown act"
        if entry.case and (len(entry.case) != DIGEST_HEX or not entry.case.isalnum()):
            return "case is not a keyed digest"
    return ""


def decode(body: bytes) -> Entry:
    """Decode one body; FormError where it is not canonical or its header is not the closed one."""
    try:
        record = _decoder.decode(body)
    except (ValueError, msgspec.DecodeError) as error:
        raise FormError(_path_of(error)) from None
    if _encoder.encode(record) != body:
        raise FormError("not canonical: encoding it again gives other bytes")
    if not body.isascii():
        _check_unicode(body, record)
    return record


def decode_many(bodies: Sequence[bytes]) -> list[Entry] | None:
    """Decode bodies in bulk; None where any of them may be wrong, for the caller to look at one by one.

    Equal bytes with one line a body mean that each body is canonical: a canonical body holds no line break.
    """
    lines = b"\n".join(bodies) + b"\n"
    try:
        records: list[Entry] = _decoder.decode_lines(lines)
        if len(records) != len(bodies) or _encoder.encode_lines(records) != lines:
            return None
    except (ValueError, msgspec.DecodeError):
        return None
    if not lines.isascii():
        try:
            for body, record in zip(bodies, records, strict=True):
                _check_unicode(body, record)
        except FormError:
            return None
    return records


def _check_unicode(body: bytes, record: Entry) -> None:
    """Check NFC and ASCII keys. In JSON a quote precedes each string, so the text is NFC exactly if each string is."""
    if not unicodedata.is_normalized("NFC", body.decode()):
        raise FormError("a string is not in Unicode NFC")
    if not _keys_are_ascii(record.data):
        raise FormError("a key is not ASCII")


def _keys_are_ascii(value: Any) -> bool:
    if isinstance(value, dict):
        return all(key.isascii() and _keys_are_ascii(item) for key, item in value.items())
    return all(map(_keys_are_ascii, value)) if isinstance(value, list) else True


def _path_of(error: Exception) -> str:
    """Keep of a decoder's message what names a place and a type, never a value."""
    text = str(error)
    return text if text.startswith(("Expected ", "Object ")) else type(error).__name__
