"""`Codec`: the compiled functions of one contract."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from schemas.codec.decoder import DecoderSource, Row
from schemas.codec.encoder import EncoderSource
from schemas.codec.errors import UnencodableError

Blob = bytes | memoryview
Data = Mapping[str, Any]

_UNFIT = (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError, struct.error)


class Codec:
    """Encodes and decodes the records of one contract.

    `classes` are the label classes in canonical order, each a list of (field name, type in normal form); a plain record
    has one. Units: timestamps in microseconds, dates in days since 1970-01-01, both integers.
    """

    decode: Callable[[Blob], dict[str, Any]]
    """Bytes of a whole record → its fields, canonical order. Raises `DecodeError`."""

    def __init__(self, contract: str, classes: Sequence[Sequence[Row]]) -> None:
        self.contract = contract
        self.rows = tuple(tuple(rows) for rows in classes)
        self._encode, self._encode_classes = _compile_encoder(self.rows, fast=True)
        whole = tuple(row for rows in self.rows for row in rows)
        read = _compile_decoder(contract, "decode", whole)
        self.decode = read
        self._projections: dict[frozenset[str], Callable[[Sequence[Blob | None]], dict[str, Any]]] = {}

    @cached_property
    def _safe(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        return _compile_encoder(self.rows, fast=False)

    @cached_property
    def decode_from(self) -> Callable[[Blob, int], tuple[dict[str, Any], int]]:
        """A function from bytes and an offset to the record that begins there, and where it ends."""
        whole = tuple(row for rows in self.rows for row in rows)
        return _compile_decoder(self.contract, "following", whole)

    @cached_property
    def _per_class(self) -> tuple[Callable[..., dict[str, Any]], ...]:
        return tuple(_compile_decoder(self.contract, "decode", rows) for rows in self.rows)

    @cached_property
    def _slices(self) -> tuple[Callable[..., dict[str, Any]], ...]:
        return tuple(_compile_decoder(self.contract, "slices", rows) for rows in self.rows)

    def encode(self, data: Data) -> bytes:
        """Return the Avro bytes of the whole record; `UnencodableError` names the field that does not fit."""
        try:
            return self._encode(data)  # type: ignore[no-any-return]
        except _UNFIT:
            return b"".join(self._encode_carefully(data))

    def encode_classes(self, data: Data) -> tuple[bytes, ...]:
        """Return one blob per label class; joined they equal `encode(data)`."""
        try:
            return self._encode_classes(data)  # type: ignore[no-any-return]
        except _UNFIT:
            return self._encode_carefully(data)

    def decode_class(self, index: int, blob: Blob) -> dict[str, Any]:
        """Return the fields of one class; raises `DecodeError`."""
        return self._per_class[index](blob)

    def slices(self, index: int, blob: bytes) -> dict[str, bytes]:
        """Return field name → its bytes, in order; the texts inside are not checked."""
        return self._slices[index](blob)

    def project(self, names: Sequence[str] | frozenset[str]) -> Callable[[Sequence[Blob | None]], dict[str, Any]]:
        """Return a function from class blobs to the named fields only; it is cached.

        It reads no further than the last named field of a class; the fields of a class that is None are left out.
        """
        wanted = frozenset(names)
        ready = self._projections.get(wanted)
        if ready is None:
            unknown = wanted - {name for rows in self.rows for name, _ in rows}
            if unknown:
                raise UnencodableError(contract=self.contract, field=min(unknown))
            source = DecoderSource(self.contract)
            main = source.project("project", self.rows, wanted)
            ready = self._projections[wanted] = _run([*source.functions, main], source.names)["project"]
        return ready

    def _encode_carefully(self, data: Data) -> tuple[bytes, ...]:
        """Encode in the safe form: long strings pass; what still fails is named field by field."""
        try:
            return self._safe[1](data)  # type: ignore[no-any-return]
        except _UNFIT:
            pass
        for name, kind in (row for rows in self.rows for row in rows):
            try:
                _compile_encoder((((name, kind),),), fast=False)[0](data)
            except _UNFIT:
                raise UnencodableError(contract=self.contract, field=name) from None
        raise UnencodableError(contract=self.contract, field="")


def _compile_encoder(classes: Sequence[Sequence[Row]], *, fast: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    source = EncoderSource(fast=fast)
    names = _run([source.classes(classes)], source.names)
    return names["encode"], names["encode_classes"]


def _compile_decoder(contract: str, verb: str, rows: Sequence[Row]) -> Callable[..., Any]:
    source = DecoderSource(contract)
    main = getattr(source, verb)(verb, rows)
    return _run([*source.functions, main], source.names)[verb]  # type: ignore[no-any-return]


def _run(parts: Sequence[str], names: dict[str, Any]) -> dict[str, Any]:
    """Compile generated source: it is built from validated names only, never from data."""
    scope = dict(names)
    exec(compile("\n".join(parts), "<casebus codec>", "exec"), scope)  # noqa: S102
    return scope
