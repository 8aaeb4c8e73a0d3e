"""Refusals of retention; texts in `schemas/texts/retention.toml`."""

from __future__ import annotations

from typing import ClassVar

from schemas.errors import DeniedError, NotFoundError, RefusedError


class NoRetentionError(NotFoundError):
    """No policy of retention is in force: everything is kept."""

    code: ClassVar[str] = "retention.none"


class NothingDueError(RefusedError):
    """No segment may go now."""

    code: ClassVar[str] = "retention.nothing_due"


class NothingProposedError(RefusedError):
    """Nothing waits for approval."""

    code: ClassVar[str] = "retention.not_proposed"


class ChangedProposalError(RefusedError):
    """What is proposed is not what the approver saw."""

    code: ClassVar[str] = "retention.changed"
    http_status: ClassVar[int] = 409


class ProposedError(RefusedError):
    """Somebody else's proposal waits for approval."""

    code: ClassVar[str] = "retention.proposed"


class SameKeeperError(DeniedError):
    """Nobody approves or lifts their own."""

    code: ClassVar[str] = "retention.same_person"


class NotKeeperError(DeniedError):
    """A role that takes no part in retention."""

    code: ClassVar[str] = "retention.role"


class NoRecordHoldError(NotFoundError):
    """No hold of that reference stands."""

    code: ClassVar[str] = "retention.no_hold"


class NotApprovedError(RefusedError):
    """Nobody approved that segments go."""

    code: ClassVar[str] = "retention.not_approved"


class MustStayError(RefusedError):
    """A segment that was approved must stay by now; none of them goes."""

    code: ClassVar[str] = "retention.must_stay"
