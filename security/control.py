"""Control records: what governs the bus (sources, subscriptions, models, …), signed, in one dense order of epochs.

A worker verifies each record, applies it to a snapshot and swaps the snapshot whole: readers see the old state or the
new, never half. It never goes below the highest epoch seen, and a hole in the epochs stops it: what was missed might
have been a revocation.

Wire format: msgpack array [version 1, epoch, kind, key, body (canonical JSON bytes, empty = removed), approvers,
audit_seq, signature 64]. The signature is Ed25519 over `casebus-control-v1` ‖ 0x00 ‖ the array without its
last element.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import msgspec

from schemas.errors import IntegrityError, RefusedError, UnavailableError
from security.keys.port import Signer
from security.keys.signing import signature_fits

VERSION: Final = 1
KINDS: Final = ("source", "subscription", "model", "policy", "breaker", "key", "site")
_DOMAIN: Final = b"casebus-control-v1\0"


class ControlFormatError(IntegrityError):
    """The bytes are not a control record."""

    code = "control.format"


class ControlSignatureError(IntegrityError):
    """The signature does not fit: the record was altered, or another key signed it."""

    code = "control.signature"


class ControlKindError(RefusedError):
    """A kind, or a version, that this code does not know: it stops rather than skip what may be a revocation."""

    code = "control.kind"


class ControlApproversError(RefusedError):
    """No approver, or one person twice."""

    code = "control.approvers"


class ControlGapError(UnavailableError):
    """An epoch is missing between the snapshot and the record."""

    code = "control.gap"


class ControlStaleError(IntegrityError):
    """A record at or below the epoch already applied that is not the one that was applied."""

    code = "control.stale"


class ControlRecord(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One control record; `body` is canonical JSON, empty where the key is removed; `audit_seq` is its audit leaf."""

    version: int
    epoch: int
    kind: str
    key: str
    body: bytes
    approvers: tuple[str, ...]
    audit_seq: int
    signature: bytes

    @property
    def removed(self) -> bool:
        """Whether the record takes its key away."""
        return not self.body

    @property
    def value(self) -> dict[str, Any]:
        """The body as JSON values; empty where the key is removed."""
        return msgspec.json.decode(self.body, type=dict[str, Any]) if self.body else {}


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ControlRecord).decode


def _signed(record: ControlRecord) -> bytes:
    return _DOMAIN + _encode(msgspec.structs.astuple(record)[:-1])


def sign(
    signer: Signer,
    *,
    epoch: int,
    kind: str,
    key: str,
    body: Mapping[str, Any] | None,
    approvers: Iterable[str],
    audit_seq: int,
) -> ControlRecord:
    """Make a signed record; `body` None removes the key. Raises `ControlKindError`, `ControlApproversError`."""
    content = b"" if body is None else msgspec.json.encode(body, order="deterministic")
    record = ControlRecord(VERSION, epoch, kind, key, content, tuple(approvers), audit_seq, b"")
    _check(record)
    return msgspec.structs.replace(record, signature=signer.sign(_signed(record)))


def verify(record: ControlRecord, public_key: bytes) -> None:
    """Return if the record is signed by `public_key` and well-formed; else raise its coded error."""
    if not signature_fits(public_key, record.signature, _signed(record)):
        raise ControlSignatureError(epoch=record.epoch)
    _check(record)


def _check(record: ControlRecord) -> None:
    if record.version != VERSION or record.kind not in KINDS:
        raise ControlKindError(kind=record.kind, version=record.version)
    if not record.approvers or len(set(record.approvers)) != len(record.approvers):
        raise ControlApproversError(epoch=record.epoch)


def encode(record: ControlRecord) -> bytes:
    """Return the record's bytes for the bus."""
    return _encode(record)


def decode(raw: bytes) -> ControlRecord:
    """Read the bytes of a record; raises `ControlFormatError`. The signature is not checked here: see `verify`."""
    try:
        record = _decode(raw)
        if record.body:
            msgspec.json.decode(record.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ControlFormatError from None
    return record


@dataclass(frozen=True)
class Snapshot:
    """The state after `epoch`: (kind, key) → record. Immutable; `apply` returns the next one."""

    epoch: int = 0
    records: Mapping[tuple[str, str], ControlRecord] = field(default_factory=lambda: MappingProxyType({}))
    last: ControlRecord | None = None

    def apply(self, record: ControlRecord, public_key: bytes) -> Snapshot:
        """Verify `record` and return the snapshot after it.

        The record last applied may come again (a replay): the snapshot stays as it is. Raises `ControlStaleError` for
        another record at or below the epoch, `ControlGapError` for one that leaves a hole, and what `verify` raises.
        """
        return self.apply_all((record,), public_key)

    def apply_all(self, records: Iterable[ControlRecord], public_key: bytes) -> Snapshot:
        """Apply several in order and swap once; nothing is applied if one of them is refused."""
        epoch, last, held = self.epoch, self.last, dict(self.records)
        for record in records:
            verify(record, public_key)
            if record == last:
                continue
            if record.epoch <= epoch:
                raise ControlStaleError(epoch=record.epoch, highest=epoch)
            if record.epoch != epoch + 1:
                raise ControlGapError(epoch=record.epoch, highest=epoch)
            epoch, last = record.epoch, record
            if record.removed:
                held.pop((record.kind, record.key), None)
            else:
                held[record.kind, record.key] = record
        return self if epoch == self.epoch else Snapshot(epoch, MappingProxyType(held), last)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return key → body of every record of `kind`; raises `ControlKindError` for a kind nobody knows."""
        if kind not in KINDS:
            raise ControlKindError(kind=kind, version=VERSION)
        return {key: record.value for (held, key), record in self.records.items() if held == kind}
