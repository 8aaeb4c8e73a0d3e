"""What `casebus policy` can refuse."""

from __future__ import annotations

from schemas.errors import NotFoundError


class UnknownAskerError(NotFoundError):
    """The site has no subscription and no account of this name."""

    code = "policy.asker"
