"""How long release may go on without witnesses. Past the limit it stops, says why, and goes on by itself afterwards.

A pure rule over what is known, and a gate that knows it from the log's own files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.clock import SECOND, Clock
from schemas.errors import IntegrityError, UnavailableError
from security.audit.evidence import cosigned_path
from security.audit.layout import Layout
from security.audit.policy import NONE, Policy, judge

MAX_UNWITNESSED = 14_400 * SECOND
"""Four hours, as X-Road's message log allows without a timestamp."""


class UnwitnessedError(UnavailableError):
    """No quorum of witnesses has seen the log's head for too long; nothing is released meanwhile."""

    code = "trust.unwitnessed"


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The newest head that a quorum cosigned: its size, and when the quorum was reached, microseconds."""

    size: int
    at: int


def unwitnessed_for(size: int, last: Witnessed | None, since: int, now: int) -> int:
    """Return for how long records have stood without a quorum, microseconds; 0 where all are covered.

    Args:
        size: records of the log.
        last: the newest head with a quorum.
        since: when witnesses were first asked for.
        now: the time. A clock that went back counts as no time passed.
    """
    if last is not None and last.size >= size:
        return 0
    return max(now - (last.at if last else since), 0)


def quorum_time(cosigned: Mapping[str, int], policy: Policy) -> int | None:
    """Return the latest moment since which a quorum stands, POSIX seconds; None where it does not."""
    for moment in sorted(set(cosigned.values()), reverse=True):
        if policy.met_by({name for name, at in cosigned.items() if at >= moment}):
            return moment
    return None


class WitnessGate:
    """Asks before each release step whether the log is still witnessed; a policy without quorum asks for nothing.

    `size` tells the log's records, `since` is when the gate began to count where no head was ever cosigned.
    """

    def __init__(
        self,
        directory: Path,
        policy: Policy,
        clock: Clock,
        size: Callable[[], int],
        limit: int = MAX_UNWITNESSED,
        since: int | None = None,
    ) -> None:
        self._path = cosigned_path(Layout(directory))
        self._policy, self._clock, self._size, self._limit = policy, clock, size, limit
        self._since = clock.now_us() if since is None else since
        self._stamp: tuple[int, int] | None = None
        self._last: Witnessed | None = None

    def unwitnessed(self) -> int:
        """Return for how long records have stood without a quorum, microseconds."""
        if self._policy.quorum == NONE:
            return 0
        return unwitnessed_for(self._size(), self._newest(), self._since, self._clock.now_us())

    def require(self) -> None:
        """Raise UnwitnessedError where that is too long."""
        age = self.unwitnessed()
        if age > self._limit:
            raise UnwitnessedError(seconds=age // SECOND, limit=self._limit // SECOND)

    def _newest(self) -> Witnessed | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return self._last
        stamp = (status.st_ino, status.st_mtime_ns)
        if stamp != self._stamp:
            self._stamp = stamp
            self._read()
        return self._last

    def _read(self) -> None:
        """Take up the file; one that is not accepted changes nothing, so that the time goes on running."""
        try:
            judged = judge(self._path.read_text(encoding="utf-8"), self._policy)
        except (OSError, UnicodeDecodeError, IntegrityError):
            return
        at = quorum_time(judged.cosigned, self._policy)
        if at is not None:
            self._last = Witnessed(judged.checkpoint.size, at * SECOND)
