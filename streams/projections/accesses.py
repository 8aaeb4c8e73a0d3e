"""Who opened or changed what, as it stands on the bus: facts of the audit log for the security officer's page.

The audit log is the proof; this topic only lets a page show it quickly. A record carries ids, codes and the leaf
number; never a payload.
"""

from __future__ import annotations

import msgspec

TOPIC = "casebus.accesses"


class AccessRecord(msgspec.Struct, array_like=True, frozen=True):
    """One audited act of a person at the desk; `leaf` is its number in the node's audit log, `at` in microseconds."""

    v: int
    alert_id: str
    act: str
    outcome: str
    actor: str
    role: str
    organisation: str
    at: int
    leaf: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AccessRecord).decode


def encode(record: AccessRecord) -> bytes:
    """Encode for the bus."""
    return _encode(record)


def decode(value: bytes) -> AccessRecord:
    """Decode from the bus."""
    return _decode(value)
