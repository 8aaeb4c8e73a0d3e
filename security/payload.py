"""What an event says, as one digest: the same event sent twice is sealed differently and must still be known as one.

The digest is keyed, so that nobody guesses a short payload from a stolen state, and over length-prefixed parts, so that
no two events share their bytes. Times of recording are no part of it; the source's sequence is: it decides the order in
which facts fold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

KeyedDigest = Callable[[str, bytes], bytes]
"""(use, data) → 32-byte keyed digest."""
LENGTH: Final = 16

_encode = msgspec.msgpack.Encoder().encode


class Said(Protocol):
    """The attributes that an event and the header of a raw event share."""

    @property
    def type(self) -> str:
        """Event type."""
        ...

    @property
    def sequence(self) -> str:
        """The source's own sequence."""
        ...

    @property
    def subject(self) -> str:
        """The primary case reference."""
        ...

    @property
    def district(self) -> str:
        """District code."""
        ...

    @property
    def occurred_at(self) -> int:
        """Microseconds."""
        ...

    @property
    def supersedes(self) -> bytes | None:
        """Id of the event this one corrects."""
        ...


def payload_digest(
    digest: KeyedDigest, use: str, said: Said, flags: frozenset[str], blobs: Sequence[bytes | None]
) -> bytes:
    """Return the digest of an event's content for one use, 16 bytes; digests of different uses never meet."""
    parts = (said.type, said.sequence, said.subject, said.district, said.occurred_at, said.supersedes)
    return digest(use, _encode((*parts, sorted(flags), list(blobs))))[:LENGTH]
