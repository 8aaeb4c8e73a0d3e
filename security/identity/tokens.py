"""Tokens of organisation systems: what a publisher shows at the gateway. Only their SHA-256 is kept, in a private file.

A token is `cb_` ‖ id (8 hex) ‖ `_` ‖ secret (43 characters, 32 random bytes). The id finds the entry, the digest of the
whole is compared in constant time.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from security.identity.sessions import digest
from security.identity.stored import StoredEntries
from security.keys.port import SYSTEM_RANDOM, Random

PREFIX: Final = "cb_"
ID_BYTES: Final = 4
SECRET_BYTES: Final = 32
_PARTS: Final = 2


class StoredToken(msgspec.Struct, frozen=True):
    """One token as it lies in the file: whose it is, and its digest."""

    source: str
    digest: bytes


class SourceTokens:
    """The tokens of the organisation systems that may publish."""

    def __init__(self, path: Path, random: Random = SYSTEM_RANDOM) -> None:
        self._stored: StoredEntries[StoredToken] = StoredEntries(path, StoredToken)
        self._random = random
        self._known: dict[str, StoredToken] = {}
        self._stamp: tuple[int, int] | None = None

    def issue(self, source: str) -> str:
        """Make a token for the system `source`; it is shown this once. Older ones stay valid until revoked."""
        name = self._random(ID_BYTES).hex()
        secret = base64.urlsafe_b64encode(self._random(SECRET_BYTES)).decode().rstrip("=")
        token = f"{PREFIX}{name}_{secret}"

        def add(entries: dict[str, StoredToken]) -> None:
            entries[name] = StoredToken(source, digest(token))

        self._change(add)
        return token

    def revoke(self, source: str) -> int:
        """Revoke every token of `source`; return how many there were."""
        gone: list[str] = []

        def drop(entries: dict[str, StoredToken]) -> None:
            gone.extend(name for name, entry in entries.items() if entry.source == source)
            for name in gone:
                del entries[name]

        self._change(drop)
        return len(gone)

    def who(self, token: str) -> str | None:
        """Return the system a token belongs to, None for any other text."""
        name = _name(token)
        if name is None:
            return None
        # A token revoked by another process must stop working here too: the file is asked before each use.
        stamp = self._stored.stamp()
        if stamp is None or stamp != self._stamp:
            self._known, self._stamp = self._stored.load(), stamp
        entry = self._known.get(name)
        fits = hmac.compare_digest(entry.digest if entry else bytes(32), digest(token))
        return entry.source if entry is not None and fits else None

    def sources(self) -> tuple[str, ...]:
        """Return the systems that have a token, sorted."""
        return tuple(sorted({entry.source for entry in self._stored.load().values()}))

    def _change(self, change: Callable[[dict[str, StoredToken]], None]) -> None:
        self._stored.change(change)
        self._stamp = None


def _name(token: str) -> str | None:
    if not token.startswith(PREFIX):
        return None
    parts = token.removeprefix(PREFIX).split("_", 1)
    return parts[0] if len(parts) == _PARTS and len(parts[0]) == 2 * ID_BYTES else None
