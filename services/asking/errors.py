"""What can go wrong with a request for a subscription."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from schemas.errors import DeniedError, NotFoundError, RefusedError, UsageError
from schemas.faults import Fault


class WishError(RefusedError):
    """The wish cannot be reviewed as it is; every fault is told."""

    code: ClassVar[str] = "asking.faults"

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__(count=len(faults), faults=[fault.as_dict() for fault in faults])


class NoRequestError(NotFoundError):
    """There is no such request, or it is another organisation's."""

    code: ClassVar[str] = "asking.no_request"


class SettledError(RefusedError):
    """The request is not pending any more; field: `state`."""

    code: ClassVar[str] = "asking.settled"
    http_status: ClassVar[int] = 409


class PendingError(RefusedError):
    """A request for this subscription is pending, or the organisation has as many as it may."""

    code: ClassVar[str] = "asking.pending"
    http_status: ClassVar[int] = 409


class ChangedError(RefusedError):
    """What the request would get is not what the reviewer saw."""

    code: ClassVar[str] = "asking.changed"
    http_status: ClassVar[int] = 409


class NotReviewerError(DeniedError):
    """This person does not review this request: the role, the own organisation, or an approval given already."""

    code: ClassVar[str] = "asking.not_reviewer"


class ReasonError(UsageError):
    """No reason for declining that is known."""

    code: ClassVar[str] = "asking.reason"
