"""Errors of the audit log; texts in `schemas/texts/audit.toml`. No field ever holds a value of a record."""

from __future__ import annotations

from schemas.errors import IntegrityError, NotFoundError, RefusedError, UnavailableError
from schemas.room import names_no_room


class AuditMissingError(NotFoundError):
    """There is no audit log in the directory."""

    code = "audit.missing"


class RecordMissingError(NotFoundError):
    """The log holds no record with that number, or it is not under a signed head yet."""

    code = "audit.no_record"


class RecordRetiredError(NotFoundError):
    """The record's retention has ended: its leaf and its proof stay, what it said does not."""

    code = "audit.retired"


class EntryRefusedError(RefusedError):
    """An entry cannot be written: unknown act, wrong type, float, null, clear case number."""

    code = "audit.entry_refused"


class EntryTooLargeError(EntryRefusedError):
    """An entry's body would pass 16 KiB."""

    code = "audit.entry_too_large"


class AuditLockedError(UnavailableError):
    """Another writer has the log open."""

    code = "audit.locked"


class AuditUnreadableError(UnavailableError):
    """The system cannot read a file of the log now; what it holds is not in question."""

    code = "audit.unreadable"


class AuditPoisonedError(UnavailableError):
    """A write, fsync or space error ended this writer; what was acknowledged is on disk."""

    code = "audit.poisoned"

    @property
    def full(self) -> bool:
        """Whether it was for want of room: with room, opening the log again goes on."""
        return names_no_room(self.fields.get("reason"))


class AuditClosedError(UnavailableError):
    """The log was closed."""

    code = "audit.closed"


class AuditTamperedError(IntegrityError):
    """Something at or below the floor is not what was written or signed."""

    code = "audit.tampered"


class AuditRolledBackError(IntegrityError):
    """The log is shorter than a head that was signed, or than what the bus cites."""

    code = "audit.rolled_back"


class NoteError(IntegrityError):
    """A signed note or verifier key does not parse, or its signature does not fit."""

    code = "audit.note"


class SignerRefusedError(IntegrityError):
    """The signer saw another history than the one it is asked to sign."""

    code = "audit.signer_refused"


class AuditReplicaError(UnavailableError):
    """The replica cannot take records now; none counts until it has them."""

    code = "audit.replica_unavailable"


class ReplicaFencedError(UnavailableError):
    """Another writer took this log's replica over: nothing of this one counts any more."""

    code = "audit.replica_fenced"


class ReplicaDiffersError(IntegrityError):
    """The replica holds other bytes than the log: one of them is not what was written."""

    code = "audit.replica_differs"
