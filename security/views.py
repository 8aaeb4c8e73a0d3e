"""Views: the same event, other bytes for each receiver, still valid Avro of a derived schema.

A view joins slices of the event's class bytes; nothing is decoded. `ViewBuilder` is made once per (contract, mask,
receiver) and builds one view per event and decision.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Final

import fastavro

from schemas.contract import Contract, LabelClass
from schemas.errors import IntegrityError
from schemas.framing import frame, unframe
from security.keys.port import SYSTEM_RANDOM, Random
from security.policy.mask import Given, StaticMask
from security.policy.table import Decision
from security.receiver_key import ReceiverKey, binding
from security.sealing import SealBrokenError
from security.view_schema import SEALED, WITHHELD, ViewRegistry, stands_open, view_schema

_NULL: Final = b"\x00"
_PRESENT: Final = b"\x02"
Slice = Callable[[bytes], bytes]


class ViewMismatchError(IntegrityError):
    """A decision gives less than the view's schema promises: nothing leaves."""

    code = "sealing.view_mismatch"


class ViewBuilder:
    """Builds the views of one contract under one static mask for one receiver.

    `receiver` may be None only where the mask gives nothing that has to be sealed; else `ViewMismatchError`.
    """

    def __init__(
        self,
        contract: Contract,
        mask: StaticMask,
        registry: ViewRegistry,
        receiver: ReceiverKey | None = None,
        random: Random = SYSTEM_RANDOM,
    ) -> None:
        self.contract = contract
        self.schema = registry.register(view_schema(contract, mask))
        self._mask = mask
        self._receiver = receiver
        self._random = random
        self._slices = {each.index: _slice(contract, each, mask) for each in contract.classes if mask.given[each.index]}
        given = [each for each in contract.classes if mask.given[each.index]]
        self._open = _ordered([each for each in given if stands_open(each)], mask)
        self._closed = _ordered([each for each in given if not stands_open(each)], mask)
        self._fields = frozenset(name for names in mask.fields for name in names)
        self._withheld: dict[tuple[tuple[str, str], ...], bytes] = {}
        if self._closed and receiver is None:
            raise ViewMismatchError(type=contract.type)

    def build(self, event_id: bytes, blobs: Sequence[bytes | None], decision: Decision) -> bytes:
        """Return the framed view of one event.

        Args:
            event_id: 16 bytes; the sealed part is bound to it.
            blobs: per class its bytes; only those that `decision.classes` gives are looked at.
            decision: what the receiver gets of this event; one that releases nothing raises
                `ViewMismatchError`.
        """
        if not decision.released:
            raise ViewMismatchError(type=self.contract.type)
        clear = self._join(self._open, blobs, decision)
        withheld = self._withheld.get(decision.withheld)
        if withheld is None:
            withheld = self._withheld[decision.withheld] = self._encode_withheld(decision)
        if not self._closed:
            return frame(self.schema.id, clear + withheld)
        return frame(self.schema.id, clear + self._seal(event_id, blobs, decision, clear + withheld) + withheld)

    def _seal(self, event_id: bytes, blobs: Sequence[bytes | None], decision: Decision, rest: bytes) -> bytes:
        assert self._receiver is not None
        if not any(decision.classes[index] for index, _ in self._closed):
            if any(always for _, always in self._closed):
                raise ViewMismatchError(type=self.contract.type)
            return _NULL
        inner = self._join(self._closed, blobs, decision)
        sealed = self._receiver.seal(binding(self.schema.id, event_id, rest), inner, self._random)
        return _PRESENT + _count(len(sealed)) + sealed

    def _join(self, classes: Sequence[tuple[int, bool]], blobs: Sequence[bytes | None], decision: Decision) -> bytes:
        parts = []
        for index, always in classes:
            blob = blobs[index] if decision.classes[index] else None
            if blob is None:
                # A dropped field would be another schema: never join around an absent slice.
                if always or decision.classes[index]:
                    raise ViewMismatchError(type=self.contract.type)
                parts.append(_NULL)
                continue
            cut = self._slices[index]
            piece = cut(blob) if cut else blob
            parts.append(piece if always else _PRESENT + piece)
        return b"".join(parts)

    def _encode_withheld(self, decision: Decision) -> bytes:
        named = [pair for pair in decision.withheld if pair[0] in self._fields]
        if not named:
            return _NULL
        texts = b"".join(_count(len(text)) + text.encode("ascii") for pair in named for text in pair)
        return _count(len(named)) + texts + _NULL


def _count(number: int) -> bytes:
    """Encode a length or count ≥ 0 as Avro's zigzag varint."""
    rest, parts = number << 1, bytearray()
    while rest > 127:  # noqa: PLR2004 - seven bits a byte
        parts.append(rest & 127 | 128)
        rest >>= 7
    parts.append(rest)
    return bytes(parts)


def _ordered(classes: Sequence[LabelClass], mask: StaticMask) -> tuple[tuple[int, bool], ...]:
    """Order classes as the schema does: those always given first; pairs (index, always)."""
    always = [(each.index, True) for each in classes if mask.given[each.index] is Given.ALWAYS]
    return (*always, *((each.index, False) for each in classes if mask.given[each.index] is Given.SOMETIMES))


def _slice(contract: Contract, label_class: LabelClass, mask: StaticMask) -> Slice | None:
    """Return what cuts the wanted fields out of a class's bytes; None where all of it is wanted."""
    names, index, codec = mask.fields[label_class.index], label_class.index, contract.codec
    if len(names) == len(label_class.fields):
        return None

    def cut(blob: bytes) -> bytes:
        slices = codec.slices(index, blob)
        return b"".join(slices[name] for name in names)

    return cut


def read_view(framed: bytes, registry: ViewRegistry, key: ReceiverKey | None, event_id: bytes) -> dict[str, Any]:
    """Read a view: its fields flattened, with `_withheld` as a list of (field, reason).

    Without a key the sealed part is left out and `_sealed` is True. Raises `UnknownViewError`, `SealBrokenError`.
    """
    schema_id, body = unframe(framed)
    schema = registry.by_id(schema_id)
    outer = _decode(schema.parsed, body)
    sealed = outer.pop(SEALED, None)
    withheld = outer.pop(WITHHELD)
    data = _flat(outer)
    if sealed is not None and key is not None:
        inner = key.open(sealed, binding(schema_id, event_id, _without(body, sealed)))
        data |= _flat(_decode(schema.parsed_inner, inner))
    data[SEALED] = sealed is not None and key is None
    data[WITHHELD] = [(entry["field"], entry["reason"]) for entry in withheld]
    return data


def _without(body: bytes, sealed: bytes) -> bytes:
    """Return the view's bytes without its sealed part: what the part is bound to."""
    token = _PRESENT + _count(len(sealed)) + sealed
    before, _, after = body.rpartition(token)
    return before + after


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if not name.startswith("_part_"):
            flat[name] = value
        elif value is not None:
            flat |= value
    return flat


def _decode(schema: Any, body: bytes) -> dict[str, Any]:
    source = io.BytesIO(body)
    try:
        record = fastavro.schemaless_reader(source, schema)
    except (EOFError, IndexError, ValueError, UnicodeDecodeError):
        raise SealBrokenError from None
    if source.tell() != len(body) or not isinstance(record, dict):
        raise SealBrokenError
    return record
