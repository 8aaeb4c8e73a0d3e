"""What can be wrong with bytes, or with data to be written; no error ever holds a value."""

from __future__ import annotations

from schemas.errors import RefusedError


class UnencodableError(RefusedError):
    """The data does not fit the contract; fields: `contract`, `field`."""

    code = "codec.unencodable"


class DecodeError(RefusedError):
    """The bytes are not a record of this contract; fields: `contract`, `offset` in bytes."""

    code = "codec.malformed"


class TruncatedError(DecodeError):
    """The bytes end inside a value."""

    code = "codec.truncated"


class LengthError(DecodeError):
    """A length or count is negative or points past the end."""

    code = "codec.length"


class VarintError(DecodeError):
    """A number has more than 64 bits, or more than 32 where the type is `int`."""

    code = "codec.varint"


class TextError(DecodeError):
    """A string is not UTF-8."""

    code = "codec.utf8"


class SymbolError(DecodeError):
    """An enum's, a union's or a boolean's byte has no meaning."""

    code = "codec.symbol"


class TrailingError(DecodeError):
    """Bytes are left over after the last field."""

    code = "codec.trailing"
