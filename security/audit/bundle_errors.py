"""What is wrong with a bundle, each with its own code; texts in `schemas/texts/bundle.toml`.

`seq` is the number of the record concerned.
"""

from __future__ import annotations

from schemas.errors import IntegrityError, UsageError


class BundleFormError(IntegrityError):
    """The file is no bundle in canonical form."""

    code = "bundle.form"


class BundleVersionError(IntegrityError):
    """A bundle of another version than this program knows."""

    code = "bundle.version"


class BundleChecksumError(IntegrityError):
    """The bytes differ from the checksum that the bundle carries: damaged, or changed carelessly."""

    code = "bundle.checksum"


class BundlePolicyError(IntegrityError):
    """The policy in the bundle cannot be read."""

    code = "bundle.policy_form"


class PolicyDiffersError(IntegrityError):
    """The policy in the bundle is not the verifier's: other keys, other witnesses, another quorum."""

    code = "bundle.policy_differs"


class RecordFormError(IntegrityError):
    """A record is not canonical, or of a version that this program does not know."""

    code = "bundle.record_form"


class RecordOrderError(IntegrityError):
    """Records do not stand in ascending order, each once."""

    code = "bundle.record_order"


class RecordPlaceError(IntegrityError):
    """A record says another number of itself than the bundle, or lies beyond the head."""

    code = "bundle.record_place"


class InclusionError(IntegrityError):
    """The head does not cover the record: it, its place, or its proof was changed."""

    code = "bundle.inclusion"


class LinkError(IntegrityError):
    """Two neighbouring records do not follow each other."""

    code = "bundle.chain"


class EarlierHeadError(IntegrityError):
    """The earlier head is not one that the policy accepts, or not of the same log, or not earlier."""

    code = "bundle.earlier_head"


class ConsistencyError(IntegrityError):
    """The head does not continue the earlier one: history was rewritten between them, or the proof was changed."""

    code = "bundle.consistency"


class KeyNeededError(UsageError):
    """A bundle was to be verified without a key or policy of the verifier's own."""

    code = "bundle.key_needed"


class NothingToExportError(UsageError):
    """No record was asked for, or none is under the signed head."""

    code = "bundle.nothing"
