"""Errors of the witness and of those who ask one; texts in `schemas/texts/witness.toml`."""

from __future__ import annotations

from schemas.errors import IntegrityError, NotFoundError, UnavailableError


class WitnessSetBackError(IntegrityError):
    """The witness's database is older than what it has signed: a restored backup."""

    code = "witness.set_back"


class WitnessStoreError(UnavailableError):
    """The witness's database cannot be written; nothing was signed."""

    code = "witness.store"


class NoWitnessError(NotFoundError):
    """The directory holds no witness."""

    code = "witness.absent"


class LogSetBackError(IntegrityError):
    """A witness knows a larger head of this log than the log has: the log was set back, or forked."""

    code = "witness.log_set_back"


class WitnessRefusedError(IntegrityError):
    """A witness refuses the head: it does not continue what it has seen."""

    code = "witness.refused"


class NoWitnessUrlError(NotFoundError):
    """A witness of the policy has no address."""

    code = "witness.no_url"
