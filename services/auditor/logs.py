"""The other audit logs of a site, as copies that the node keeps: what the officer's desk searches beside its own.

    DIR/audit-logs/<log>/audit/          the copy, made from the log's replica (ADR 0023)
    DIR/audit-logs/<log>/audit-index.db  the index over it
    DIR/audit-logs/<log>/copy.json       how far the copy is, and what is wrong with it

Which logs there must be is said by the site's control records; one of which nothing is here is named all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.clock import SECOND, Clock
from schemas.texts import text
from security.audit.checkpoint import VerifierKey
from security.audit.copying import signing_key
from security.audit.evidence import Evidence
from security.audit.layout import Layout
from security.audit.policy import Policy
from services.auditor.errors import LogEmptyError, UnknownLogError
from streams.audit_copy import CopyState, kept_in

STALE = 60 * SECOND
"""A copy that was not compared with its topic for so long may lack what was written since."""


@dataclass(frozen=True)
class Why:
    """What is wrong with a log here: a code of the catalogue with its fields."""

    code: str
    fields: dict[str, Any]

    def as_dict(self) -> dict[str, str]:
        """Render it for JSON, with its sentence in both languages."""
        said = {language: text(f"{self.code}.message", language, **self.fields) for language in ("zh", "en")}
        return {"code": self.code, **said}


@dataclass(frozen=True)
class OtherLog:
    """One log of the site beside the node's own; `policy` has the keys that may have signed it."""

    name: str
    folder: Path
    policy: Policy
    clock: Clock

    @property
    def directory(self) -> Path:
        """The copy."""
        return self.folder / "audit"

    @property
    def index(self) -> Path:
        """The index over it."""
        return self.folder / "audit-index.db"

    @property
    def signed(self) -> bool:
        """Whether there are records under a signed head."""
        return Layout(self.directory).checkpoint.exists()

    @property
    def state(self) -> CopyState:
        """How far the copy is."""
        return CopyState.read(self.folder) or CopyState()

    def evidence(self) -> Evidence:
        """Open the copy under its newest head, by the one key that signed it: so a bundle names no other.

        Raises:
            LogEmptyError: there is no head. IntegrityError: no known key signed it, or the copy has another root.
        """
        return Evidence.open(self.directory, Policy.of_key(self.key()))

    def key(self) -> VerifierKey:
        """Return the key that signed the copy's head, of those that are known."""
        if not self.signed:
            raise LogEmptyError(log=self.name)
        return signing_key(Layout(self.directory).checkpoint.read_text(encoding="utf-8"), self.policy)

    def as_dict(self) -> dict[str, Any]:
        """Say how far the copy is, for JSON: records, records under the head, when the topic was last read."""
        state, why = self.state, self.why()
        return {
            "log": self.name,
            "size": state.signed,
            "records": state.size,
            "at": state.at,
            "why": why.as_dict() if why else None,
        }

    def why(self) -> Why | None:
        """Say why the copy may lack records or is not to be believed; None where it is whole and up to date."""
        state = self.state
        if state.why:
            return Why(state.why, dict(state.about))
        if not state.at:
            return Why("auditor.copy_absent", {"log": self.name})
        if state.promised > state.signed:
            return Why("auditor.copy_behind", {"log": self.name, "have": state.size, "need": state.promised})
        if self.clock.now_us() - state.at > STALE:
            return Why("auditor.copy_stale", {"log": self.name, "seconds": (self.clock.now_us() - state.at) // SECOND})
        if state.size and not state.signed:
            return Why("auditor.copy_unsigned", {"log": self.name})
        return None


class OtherLogs:
    """The other logs of a site: `expected` answers their names by control, `policy` the keys of one of them."""

    def __init__(
        self,
        root: Path,
        expected: Callable[[], Collection[str]],
        policy: Callable[[str], Policy],
        clock: Clock,
    ) -> None:
        self._root, self._expected, self._policy, self._clock = root, expected, policy, clock

    def names(self) -> list[str]:
        """Name the logs: those that the site names, and those of which something was ever here."""
        return sorted(kept_in(self._root) | set(self._expected()))

    def all(self) -> list[OtherLog]:
        """Return every log, by name."""
        return [self._log(name) for name in self.names()]

    def of(self, name: str) -> OtherLog:
        """Return one log; UnknownLogError where the site has none of that name."""
        if name not in self.names():
            raise UnknownLogError(log=name)
        return self._log(name)

    def _log(self, name: str) -> OtherLog:
        return OtherLog(name, self._root / name, self._policy(name), self._clock)
