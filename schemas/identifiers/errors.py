"""What can be wrong with an identifier; field: `kind`, the name of the format. Never the text itself."""

from __future__ import annotations

from schemas.errors import RefusedError


class IdentifierError(RefusedError):
    """The text is not written as this identifier is."""

    code = "identifier.format"


class ChecksumError(IdentifierError):
    """The check character does not fit: a typing mistake."""

    code = "identifier.checksum"


class IdentifierDateError(IdentifierError):
    """The date inside does not exist."""

    code = "identifier.date"
