"""What the desk refuses.

desk.sign_in        401  wrong account or password
desk.session        401  no session, or it ended
desk.not_yours      403  the role or the assignment does not allow this act
desk.look_up        403  a person may not be looked up so: no duty to the case, another purpose, nobody named
desk.publish        422  the decision to publish is not complete; the gateway's own codes come through as they are
"""

from __future__ import annotations

from schemas.errors import DeniedError, RefusedError


class SessionMissingError(DeniedError):
    """The call carries no session token, or the session ended."""

    code = "desk.session"
    http_status = 401


class NotYoursError(DeniedError):
    """The role or the assignment does not allow this act."""

    code = "desk.not_yours"


class PublishRefusedError(RefusedError):
    """The decision that is to be published is not complete, or not one of those this person may publish here."""

    code = "desk.publish"


class LookUpError(DeniedError):
    """A person may not be looked up so."""

    code = "desk.look_up"
