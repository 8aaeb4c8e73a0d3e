"""What the desk refuses.

desk.sign_in        401  wrong account or password
desk.session        401  no session, or it ended
desk.not_yours      403  the role or the assignment does not allow this act
desk.look_up        403  a person may not be looked up so: no duty to the case, another purpose, nobody named
desk.identity.…     403  a clear name is not given; the code says which condition is not met; 429: too many
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


class IdentityDutyError(DeniedError):
    """No duty to the case, or nobody stands there in it."""

    code = "desk.identity.duty"


class IdentityPurposeError(DeniedError):
    """Another purpose than the one the duty is registered for."""

    code = "desk.identity.purpose"


class IdentityClearanceError(DeniedError):
    """The access policy gives this role no clear name, with a grant either."""

    code = "desk.identity.clearance"


class IdentityGrantError(DeniedError):
    """No grant of this person stands approved by two others, or it is over."""

    code = "desk.identity.grant"


class IdentityApproverError(DeniedError):
    """Who asked, who approved already, or a role that approves nothing."""

    code = "desk.identity.approver"


class IdentityBasisError(RefusedError):
    """A legal basis that is not one of those that may be named."""

    code = "desk.identity.basis"


class IdentityPaceError(DeniedError):
    """Too many in the last hour."""

    code = "desk.identity.pace"
    http_status = 429
