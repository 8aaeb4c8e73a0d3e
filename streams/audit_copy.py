"""Following the replica of a log on the bus into a copy of it: what counts of the topic, from the last look on.

The copy's folder is laid out as a data directory is, so that every command for a log takes it by `--data`:

    FOLDER/audit/     the copy (security/audit/copying.py)
    FOLDER/copy.json  how far the topic was read, when, and what is wrong, if anything; read by the officer's desk
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from schemas.clock import SECOND, Clock
from schemas.errors import CasebusError, UnavailableError
from security.audit.copying import LogCopy
from security.audit.files import write_durably
from security.audit.policy import Policy
from security.audit.segment import Header, SegmentFormError
from streams.audit_replica import BEFORE, HEAD, OPEN, PAGE, PARTITION, PREFIX, last_opening, lease_of, parsed
from streams.bus.port import Reader, Stored

STATE = "copy.json"
PULSE = 10 * SECOND
"""A look that changed nothing is written down this often."""


class CopyUnopenedError(UnavailableError):
    """The topic has groups, but its log was never opened by a version that tells which log it is."""

    code = "auditor.copy_unopened"


@dataclass(frozen=True)
class CopyState:
    """How far a copy is.

    Attributes:
        offset, lease: where the topic is read on, and by which opening. size: records of the copy.
        signed: those under its newest head. promised: the size of the newest head that was seen.
        at: when the topic was last read to its end, microseconds; 0: never. why, about: what is wrong, by its code.
    """

    offset: int = 0
    lease: int = BEFORE
    size: int = 0
    signed: int = 0
    promised: int = 0
    at: int = 0
    why: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> CopyState | None:
        """Read what the last look left in a copy's folder; None where there was none, or it cannot be read."""
        try:
            return cls(**json.loads((folder / STATE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def kept_in(root: Path) -> set[str]:
    """Return the names of the logs of which a copy was ever begun, each in a folder of its own."""
    return {path.parent.name for path in root.glob(f"*/{STATE}")}


class TopicCopy:
    """Keeps the copy of the log `name` in `folder` up with its topic; `policy` answers the keys that are known now."""

    def __init__(
        self, reader: Reader, folder: Path, name: str, origin: str, policy: Callable[[], Policy], clock: Clock
    ) -> None:
        self.folder, self._topic, self._origin = folder, PREFIX + name, origin
        self._reader, self._policy, self._clock = reader, policy, clock
        self._copy: LogCopy | None = None
        self._state = CopyState.read(folder) or CopyState()
        self._told, self._written = (-1, "", 0), 0
        self._head_wrong: CasebusError | None = None

    def look(self) -> CopyState:
        """Take what is new; what is wrong is in the state that is returned and written down, never raised."""
        try:
            copy = self._opened()
            self._follow(copy)
        except (CasebusError, OSError) as error:
            self._say(error)
            self.close()
        else:
            self._say(self._head_wrong, at=self._clock.now_us())
        return self._state

    def close(self) -> None:
        """Give the copy's file back; the next look reads the folder again."""
        if self._copy is not None:
            self._copy.close()
        self._copy = None

    def _opened(self) -> LogCopy:
        if self._copy is None:
            self._copy = LogCopy(self.folder / "audit", self._origin, self._policy())
            if self._copy.size < self._state.size:
                # Something of it is gone: the topic is read from its start, and what the copy has is left out.
                self._state = replace(self._state, offset=0, lease=BEFORE)
        self._copy.policy = self._policy()
        return self._copy

    def _follow(self, copy: LogCopy) -> None:
        self._reader.partitions(self._topic)
        while stored := self._reader.read(self._topic, PARTITION, self._state.offset, PAGE):
            for each in stored:
                if each.key == HEAD:
                    self._show(copy, each)
                else:
                    self._take(copy, each)
                lease = max(self._state.lease, lease_of(each))
                self._state = replace(self._state, offset=each.offset + 1, lease=lease)

    def _show(self, copy: LogCopy, each: Stored) -> None:
        try:
            copy.show(each.value.decode(errors="replace"))
        except CasebusError as error:
            # Whoever can write to the topic could put one here: it is told, and the copy goes on under true ones.
            self._head_wrong = error
        else:
            self._head_wrong = None

    def _take(self, copy: LogCopy, each: Stored) -> None:
        if each.key == OPEN or lease_of(each) < self._state.lease:
            return
        (group,) = parsed(each)
        if not copy.size:
            opening = last_opening(self._reader, self._topic)
            try:
                copy.begin(Header.decode(opening.value if opening else b""))
            except SegmentFormError:
                raise CopyUnopenedError(topic=self._topic) from None
        copy.take(group)

    def _say(self, error: CasebusError | OSError | None, at: int = 0) -> None:
        """Write down how far the copy is, and what is wrong with it; `at`: the topic was read to its end."""
        before, why, about = self._state, "", dict[str, Any]()
        if isinstance(error, CasebusError):
            why, about = error.code, error.fields
        elif error is not None:
            why, about = "audit.unreadable", {"file": self.folder.name, "reason": type(error).__name__}
        if self._copy is not None:
            size, signed = self._copy.size, self._copy.signed
            promised = max(before.promised, self._copy.promised)
            before = replace(before, size=size, signed=signed, promised=promised)
        self._state = replace(before, at=at or before.at, why=why, about=about)
        told = (self._state.offset, why, self._state.signed)
        if told != self._told or self._state.at - self._written > PULSE:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_durably(self.folder / STATE, json.dumps(asdict(self._state), ensure_ascii=False).encode())
            self._told, self._written = told, self._state.at
