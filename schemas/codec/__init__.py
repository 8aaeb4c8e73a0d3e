"""The codec: one encoder, decoder and splitter per contract, generated as Python source and compiled once.

Bytes are Avro binary, equal to what fastavro and the reference implementation write. Times stay integers
(microseconds, days). Encoding trusts that the data was validated (`schemas.validation`): it refuses what it cannot
encode, but it does not check formats. Decoding trusts nothing: hostile bytes give a coded error, and no length is
believed before it is compared with what is left of the buffer.
"""

from schemas.codec.compiled import Codec
from schemas.codec.errors import DecodeError, UnencodableError

__all__ = ["Codec", "DecodeError", "UnencodableError"]
