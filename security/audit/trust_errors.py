"""Errors of trust: policies, cosignatures, and heads judged by them; texts in `schemas/texts/trust.toml`."""

from __future__ import annotations

from schemas.errors import IntegrityError, UsageError


class PolicyFormError(UsageError):
    """A policy file does not follow the C2SP tlog-policy format; `line` counts from 1."""

    code = "trust.policy_form"


class UnknownLogError(IntegrityError):
    """The head names a log that the policy does not know."""

    code = "trust.unknown_log"


class HeadFormError(IntegrityError):
    """The head is no signed note with a checkpoint."""

    code = "trust.head_form"


class HeadSignatureError(IntegrityError):
    """The log's own signature is missing, or does not fit."""

    code = "trust.head_signature"


class CosignatureError(IntegrityError):
    """A cosignature of a witness of the policy does not fit."""

    code = "trust.cosignature"


class QuorumError(IntegrityError):
    """Fewer witnesses have cosigned the head than the policy asks for."""

    code = "trust.quorum"
