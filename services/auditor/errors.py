"""Errors of the officer's tools; texts in `schemas/texts/auditor.toml`."""

from __future__ import annotations

from schemas.errors import DeniedError, IntegrityError, NotFoundError, UnavailableError, UsageError
from security.audit.fork import ForkEvidence


class IndexUnusableError(UnavailableError):
    """The index's file cannot be opened or written."""

    code = "auditor.index_unusable"


class IndexLiesError(IntegrityError):
    """The index says something that the log does not bear out, or hides a record that it has."""

    code = "auditor.index_lies"


class InstantError(UsageError):
    """A time that cannot be read."""

    code = "auditor.instant"


class TargetTakenError(UsageError):
    """A folder to export to holds something already."""

    code = "auditor.target_taken"


class NotAnAuditorError(DeniedError):
    """The role does not read the audit log."""

    code = "auditor.role"


class PurposeError(DeniedError):
    """The purpose stated is not the one the person is registered for."""

    code = "auditor.purpose"


class PdfUnavailableError(UnavailableError):
    """The report cannot be set as PDF: the program's typesetter lacks its system libraries."""

    code = "auditor.pdf"


class SourceUnavailableError(UnavailableError):
    """Another agency's log cannot be reached."""

    code = "watch.unreachable"


class WatchedLogError(IntegrityError):
    """Another agency's log shows something else than it signs, or was set back."""

    code = "watch.fault"


class WatchStateError(IntegrityError):
    """What the watcher remembers was changed, or belongs to another log."""

    code = "watch.state"


class ForkedError(IntegrityError):
    """Another agency's log has two histories; `evidence` proves it."""

    code = "watch.forked"

    def __init__(self, evidence: ForkEvidence, **fields: object) -> None:
        super().__init__(**fields)
        self.evidence = evidence


class UnknownLogError(NotFoundError):
    """The site has no log of this name."""

    code = "auditor.log"


class LogEmptyError(NotFoundError):
    """Nothing of this log is here under a signed head."""

    code = "auditor.log_empty"
