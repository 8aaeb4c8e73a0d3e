"""Sessions of people: a random token outside, its SHA-256 here. They end by idleness, age, or restart."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass
from typing import Final

from schemas.clock import HOUR, Clock
from security.keys.port import SYSTEM_RANDOM, Random

TOKEN_BYTES: Final = 32
_MOST: Final = 10_000


@dataclass(slots=True)
class _Session:
    account: str
    opened: int
    seen: int


class Sessions:
    """The open sessions of a node, in memory.

    Looking a token up by its digest compares nothing that an attacker could learn from by timing: he would have to
    find a preimage. `idle` and `age` are microseconds.
    """

    def __init__(
        self, clock: Clock, *, idle: int = HOUR // 2, age: int = 12 * HOUR, random: Random = SYSTEM_RANDOM
    ) -> None:
        self._clock = clock
        self._idle = idle
        self._age = age
        self._random = random
        self._open: dict[bytes, _Session] = {}
        self._lock = threading.Lock()

    def open(self, account: str) -> str:
        """Open a session of `account`; return its token."""
        token = base64.urlsafe_b64encode(self._random(TOKEN_BYTES)).decode().rstrip("=")
        now = self._clock.now_us()
        with self._lock:
            if len(self._open) >= _MOST:
                self._sweep(now)
            self._open[digest(token)] = _Session(account, now, now)
        return token

    def who(self, token: str) -> str | None:
        """Return the account of a token, None if there is no such session or it ended; a look keeps it awake."""
        key, now = digest(token), self._clock.now_us()
        with self._lock:
            session = self._open.get(key)
            if session is None:
                return None
            if self._over(session, now):
                del self._open[key]
                return None
            session.seen = now
            return session.account

    def close(self, token: str) -> None:
        """End the session of a token; an unknown one is no error."""
        with self._lock:
            self._open.pop(digest(token), None)

    def close_all(self, account: str) -> int:
        """End every session of an account; return how many there were."""
        with self._lock:
            mine = [key for key, session in self._open.items() if session.account == account]
            for key in mine:
                del self._open[key]
        return len(mine)

    def _over(self, session: _Session, now: int) -> bool:
        return now - session.seen >= self._idle or now - session.opened >= self._age

    def _sweep(self, now: int) -> None:
        for key in [key for key, session in self._open.items() if self._over(session, now)]:
            del self._open[key]
        if len(self._open) >= _MOST:
            del self._open[min(self._open, key=lambda key: self._open[key].seen)]


def digest(token: str) -> bytes:
    """Return what is kept of a token: SHA-256, 32 bytes."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
