"""Erasure of a person from the vault: asked for, approved by two others, refused under a legal hold. ADR 0017.

Each step is a record of act `erase` or `hold` that is durable before anything changes; the one of act `erase` whose
`out` is ok destroys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import msgspec

from schemas.clock import DAY, Clock
from schemas.errors import DeniedError, RefusedError
from security.approval import Approvals
from security.audit.acts import Act
from security.audit.port import Log
from security.audit.record import Data, Entry
from security.policy.roles import ERASERS
from security.vault import Erasure, Hold, Subject, Vault

APPROVALS = 2
BACKUPS_DAYS = 30
"""Days after which no backup of the keys is kept (a parameter of ours): then nobody can open what was erased."""


class HeldError(RefusedError):
    """A legal hold keeps what is there."""

    code: ClassVar[str] = "erasure.held"


class NotRequestedError(RefusedError):
    """Nobody asked for this erasure."""

    code: ClassVar[str] = "erasure.not_requested"


class RequestedError(RefusedError):
    """An erasure was asked for already."""

    code: ClassVar[str] = "erasure.requested"


class NotAnEraserError(DeniedError):
    """A role that takes no part in erasures."""

    code: ClassVar[str] = "erasure.role"


class SamePersonError(DeniedError):
    """Whoever asked, or approved before, does not approve again."""

    code: ClassVar[str] = "erasure.same_person"


class NoSuchHoldError(RefusedError):
    """No hold of that reference stands."""

    code: ClassVar[str] = "erasure.no_hold"


@dataclass(frozen=True)
class Erasing:
    """The steps of an erasure over one vault and one log; `org` and `role` are of whoever acts now.

    Raises `NotAnEraserError` where the role takes no part in it; the attempt is recorded.
    """

    vault: Vault
    audit: Log
    clock: Clock
    org: str
    role: str

    def hold(self, person: bytes, ref: str, by: str) -> Subject:
        """Set a legal hold."""
        subject = self.vault.subject(person)
        self._record("hold", subject, by, "set", {"ref": ref})
        hold = Hold(ref, by, self.clock.now_us())
        return self.vault.change(person, lambda s: msgspec.structs.replace(s, holds=(*s.holds, hold)))

    def lift(self, person: bytes, ref: str, by: str) -> Subject:
        """Lift a hold, never one of one's own setting; raises `NoSuchHoldError`, `SamePersonError`."""
        subject = self.vault.subject(person)
        standing = [hold for hold in subject.holds if hold.ref == ref]
        if not standing:
            raise NoSuchHoldError(ref=ref)
        if any(hold.by == by for hold in standing):
            raise SamePersonError(account=by)
        self._record("hold", subject, by, "lift", {"ref": ref})
        rest = tuple(hold for hold in subject.holds if hold.ref != ref)
        return self.vault.change(person, lambda s: msgspec.structs.replace(s, holds=rest))

    def request(self, person: bytes, basis: str, by: str) -> Subject:
        """Ask for an erasure; raises `HeldError`, `RequestedError`."""
        subject = self._free(person, by)
        if subject.erasure is not None:
            raise RequestedError(account=subject.erasure.by)
        self._record("erase", subject, by, "requested", {"basis": basis})
        wanted = Erasure(by, basis, self.clock.now_us())
        return self.vault.change(person, lambda s: msgspec.structs.replace(s, erasure=wanted))

    def approve(self, person: bytes, by: str) -> int | None:
        """Approve; with the second approval erase, and return the number of the record that says so.

        Raises `HeldError`, `NotRequestedError`, `SamePersonError`.
        """
        subject = self._free(person, by)
        asked = subject.erasure
        if asked is None:
            raise NotRequestedError
        standing = _standing(asked)
        if not standing.enough:
            if not standing.takes(by):
                raise SamePersonError(account=by)
            self._record("erase", subject, by, "approved", {"basis": asked.basis})
            asked = msgspec.structs.replace(asked, approvals=(*asked.approvals, by))
            self.vault.change(person, lambda s: msgspec.structs.replace(s, erasure=asked))
        if not _standing(asked).enough:
            return None
        data: Data = {
            "approvers": list(asked.approvals),
            "basis": asked.basis,
            "blobs": self.vault.count(person),
            "effective_at": self.clock.now_us() + BACKUPS_DAYS * DAY,
            "requester": asked.by,
        }
        seq = self._record("erase", subject, by, "ok", data)
        self.vault.destroy(person)
        return seq

    def _free(self, person: bytes, by: str) -> Subject:
        subject = self.vault.subject(person)
        if subject.holds:
            self._record("erase", subject, by, HeldError.code, {})
            raise HeldError(ref=subject.holds[0].ref)
        return subject

    def _record(self, act: Act, subject: Subject, by: str, out: str, data: Data) -> int:
        refused = self.role not in ERASERS
        entry = Entry(
            act=act,
            out=NotAnEraserError.code if refused else out,
            actor=by,
            org=self.org,
            role=self.role,
            obj=subject.kid,
            data={"kid": subject.kid, **data},
        )
        seq = self.audit.append([entry]).first
        if refused:
            raise NotAnEraserError(role=self.role)
        return seq


def _standing(asked: Erasure) -> Approvals:
    return Approvals(APPROVALS, asked.by, asked.approvals)
