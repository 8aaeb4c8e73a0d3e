"""How far a receiver has come, as it stands between two requests.

On the embedded bus a topic is one partition, and a cursor is the offset of the last view. On Kafka it is the positions
of all partitions: opaque, and bound by a keyed digest to its topic, so that nobody makes one up.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import ClassVar, Final, Protocol

import msgspec

from schemas.errors import UsageError
from security.payload import KeyedDigest

Cursor = int | str
Positions = tuple[int, ...]
"""For each partition the offset to go on from."""
BEGINNING: Final = "-1"
HIGHEST: Final = 2**62
MAC: Final = 16
_VERSION: Final = 1
_DOMAIN: Final = "receiver-cursor"


class CursorError(UsageError):
    """No cursor of this subscription."""

    code: ClassVar[str] = "subscription.cursor"


class Cursors(Protocol):
    """Reads and writes cursors."""

    def positions(self, topic: str, cursor: Cursor, count: int) -> Positions:
        """Return the positions a cursor says, for a topic of `count` partitions; raises `CursorError`."""
        ...

    def cursor(self, topic: str, positions: Positions) -> Cursor:
        """Return the cursor of positions."""
        ...


class OffsetCursors:
    """Cursors of topics with one partition: the offset of the last view."""

    def positions(self, topic: str, cursor: Cursor, count: int) -> Positions:
        """Return the offset after it."""
        del topic
        try:
            offset = int(cursor)
        except ValueError:
            raise CursorError from None
        if count != 1 or not -1 <= offset <= HIGHEST:
            raise CursorError
        return (offset + 1,)

    def cursor(self, topic: str, positions: Positions) -> Cursor:
        """Return the offset before the position."""
        del topic
        return positions[0] - 1


class SignedCursors:
    """Cursors of topics with partitions: base64url of msgpack [1, positions] ‖ keyed digest, 16 bytes."""

    def __init__(self, digest: KeyedDigest) -> None:
        self._digest = digest

    def positions(self, topic: str, cursor: Cursor, count: int) -> Positions:
        """Return what the cursor holds; `-1` is the beginning of every partition."""
        if str(cursor) == BEGINNING:
            return (0,) * count
        try:
            text = str(cursor)
            raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
            if not hmac.compare_digest(raw[-MAC:], self._mac(topic, raw[:-MAC])):
                raise CursorError
            version, positions = msgspec.msgpack.decode(raw[:-MAC], type=tuple[int, Positions])
        except (binascii.Error, ValueError, msgspec.MsgspecError):
            raise CursorError from None
        if version != _VERSION or len(positions) != count:
            raise CursorError
        return positions

    def cursor(self, topic: str, positions: Positions) -> Cursor:
        """Return the positions with their digest."""
        body = msgspec.msgpack.encode((_VERSION, positions))
        return base64.urlsafe_b64encode(body + self._mac(topic, body)).decode().rstrip("=")

    def _mac(self, topic: str, body: bytes) -> bytes:
        return self._digest(_DOMAIN, topic.encode() + b"\0" + body)[:MAC]
