"""Local accounts: passwords as argon2id hashes (RFC 9106) in a private file, and a brake on guessing.

A wrong password and an unknown account take the same time and give the same answer. After five failures in a row an
account answers only after a wait that doubles, up to fifteen minutes; the wait ends by itself, so nobody can lock
another out for good. What a person may see is not kept here: that is a role (`security.policy.roles`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from schemas.clock import SECOND, Clock
from schemas.errors import DeniedError, UsageError
from security.identity.stored import StoredEntries

MIN_PASSWORD: Final = 10
FREE_FAILURES: Final = 5
FIRST_WAIT: Final = 15 * SECOND
LONGEST_WAIT: Final = 15 * 60 * SECOND
_REMEMBERED: Final = 10_000


class SignInError(DeniedError):
    """A wrong account or password: which of the two is not said."""

    code = "identity.sign_in"
    http_status = 401


class TooManyAttemptsError(DeniedError):
    """Too many failures in a row: wait."""

    code = "identity.wait"
    http_status = 429


class PasswordError(UsageError):
    """A password that is too short."""

    code = "identity.password"


class StoredAccount(msgspec.Struct):
    """One account as it lies in the file."""

    password: str
    disabled: bool = False


@dataclass(slots=True)
class _Failures:
    count: int = 0
    until: int = 0


class Accounts:
    """The local accounts of a node."""

    def __init__(self, path: Path, clock: Clock, hasher: PasswordHasher | None = None) -> None:
        self._stored: StoredEntries[StoredAccount] = StoredEntries(path, StoredAccount)
        self._clock = clock
        self._hasher = hasher or PasswordHasher()
        self._failures: dict[str, _Failures] = {}
        self._lock = threading.Lock()

    def set_password(self, name: str, password: str) -> None:
        """Make the account or change its password; raises `PasswordError` below ten characters."""
        if len(password) < MIN_PASSWORD:
            raise PasswordError(least=MIN_PASSWORD)
        hashed = self._hasher.hash(password)
        self._stored.change(lambda entries: entries.update({name: StoredAccount(hashed)}))

    def disable(self, name: str) -> None:
        """Shut the account; an unknown name changes nothing."""

        def shut(entries: dict[str, StoredAccount]) -> None:
            if name in entries:
                entries[name].disabled = True

        self._stored.change(shut)

    def names(self) -> tuple[str, ...]:
        """Return the names of the accounts that may sign in, sorted."""
        return tuple(sorted(name for name, entry in self._stored.load().items() if not entry.disabled))

    def check(self, name: str, password: str) -> None:
        """Return if the password is right; else raise `SignInError`, or `TooManyAttemptsError` without looking."""
        self._brake(name)
        entry = self._stored.load().get(name)
        # An unknown account is checked against a hash of nothing: the time taken must not tell whether it exists.
        right = self._fits(entry.password if entry else self._nobody, password)
        if entry is None or entry.disabled or not right:
            self._failed(name)
            raise SignInError
        with self._lock:
            self._failures.pop(name, None)
        if self._hasher.check_needs_rehash(entry.password):
            self.set_password(name, password)

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash("nobody signs in with this")

    def _fits(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerifyMismatchError, VerificationError, InvalidHashError):
            return False

    def _brake(self, name: str) -> None:
        with self._lock:
            failures = self._failures.get(name)
        now = self._clock.now_us()
        if failures is not None and now < failures.until:
            raise TooManyAttemptsError(seconds=-(-(failures.until - now) // SECOND))

    def _failed(self, name: str) -> None:
        with self._lock:
            if name not in self._failures and len(self._failures) >= _REMEMBERED:
                self._failures.pop(next(iter(self._failures)))
            failures = self._failures.setdefault(name, _Failures())
            failures.count += 1
            if failures.count >= FREE_FAILURES:
                wait = min(LONGEST_WAIT, FIRST_WAIT << min(failures.count - FREE_FAILURES, 16))
                failures.until = self._clock.now_us() + wait
