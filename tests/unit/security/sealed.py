"""Fixed keys, a fixed random port and small contracts for the tests of this room."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import fastavro

from schemas.clock import ManualClock
from schemas.contract import Contract, Field, canonical_order
from schemas.event import Event
from security.batch import Prepared
from security.keys.memory import MemoryKeystore
from security.sealing import Budget, Sealer

NOON = 1_760_000_000_000_000
PERSON_KEY = {"type": "fixed", "name": "casebus.types.PersonKey", "size": 33}


def fixed_random(seed: str = "seed") -> Callable[[int], bytes]:
    """A random port that always yields the same bytes: SHA-256 in counter mode over `seed`."""
    counter = itertools.count()

    def draw(length: int) -> bytes:
        blocks = (hashlib.sha256(f"{seed}/{next(counter)}".encode()).digest() for _ in range(-(-length // 32)))
        return b"".join(blocks)[:length]

    return draw


def sealer(keystore: MemoryKeystore | None = None, *, budget: Budget | None = None) -> Sealer:
    """A sealer over fixed keys that provisions what it needs."""
    keys = keystore or MemoryKeystore(random=fixed_random("keys"))
    return Sealer(keys, ManualClock(NOON), provisions=True, budget=budget, random=fixed_random("data keys"))


def field(name: str, avro_type: Any, level: int, about: str = "", flags: Sequence[str] = ()) -> Field:
    """One field of a small contract."""
    return Field(
        name=name,
        avro_type=avro_type,
        level=level,
        flags=frozenset(flags),
        about=about,
        zh=name,
        en=name,
        doc="",
        source="test",
        nullable=isinstance(avro_type, list),
    )


def contract(event_type: str, number: int, fields: Sequence[Field]) -> Contract:
    """A small contract whose first field is its subject."""
    ordered = canonical_order(fields)
    agency, _, rest = event_type.partition(".")
    schema = {
        "type": "record",
        "name": "".join(part.capitalize() for part in rest.replace("_", ".").split(".")),
        "namespace": f"casebus.{agency}",
        "fields": [{"name": f.name, "type": f.avro_type} for f in ordered],
    }
    return Contract(
        id=number,
        type=event_type,
        version=1,
        agency=agency,
        zh=event_type,
        en=event_type,
        schema=schema,
        fields=ordered,
        subject_field=fields[0].name,
        retention_days=365,
        share="conditional",
        themes=(),
        case_refs={},
    )


FILED = contract(
    "police.case.filed",
    11,
    [
        field("ajbh", "string", 2),
        field("unit", "string", 2),
        field("notice", ["null", "string"], 1),
        field("charge_code", "string", 3),
        field("suspect", PERSON_KEY, 3, "suspect"),
        field("alias", ["null", "string"], 3, "suspect"),
        field("reason", ["null", "string"], 4, flags=["investigation_open"]),
    ],
)
FINE = contract(
    "traffic.fine.created",
    12,
    [field("fine_no", "string", 2), field("amount_cents", "long", 1), field("article", "int", 1)],
)
FILED_DATA: dict[str, Any] = {
    "ajbh": "A9901010100002025100001",
    "unit": "990101010000",
    "notice": None,
    "charge_code": "CANARY-charge",
    "suspect": b"\x01" + bytes(range(32)),
    "alias": "CANARY-alias",
    "reason": "CANARY-reason",
}
FINE_DATA: dict[str, Any] = {"fine_no": "F-1", "amount_cents": 12_300, "article": 157}


def filed(number: int = 1, flags: Sequence[str] = (), **changed: Any) -> Prepared:
    """A prepared `police.case.filed`."""
    return _prepared(FILED, FILED_DATA | changed, "police-990101/cases", number, flags)


def fine(number: int = 1, flags: Sequence[str] = (), **changed: Any) -> Prepared:
    """A prepared `traffic.fine.created`: nothing above level 2."""
    return _prepared(FINE, FINE_DATA | changed, "roadpolice-IT/fines", number, flags)


def _prepared(kind: Contract, data: dict[str, Any], source: str, number: int, flags: Sequence[str]) -> Prepared:
    event = Event(
        id=hashlib.sha256(f"{source}{number}".encode()).digest()[:16],
        type=kind.type,
        source=source,
        sequence=f"{number:020d}",
        subject=data[kind.subject_field],
        occurred_at=NOON - number,
        district="990101",
        data=data,
        flags=frozenset(flags),
        recorded_at=NOON,
    )
    return Prepared(event, kind, class_blobs(kind, data))


def class_blobs(kind: Contract, data: dict[str, Any]) -> tuple[bytes, ...]:
    """The data by label class, each class encoded by fastavro as a record of its own."""
    return tuple(
        _avro(f"C{c.index}", [{"name": f.name, "type": f.avro_type} for f in c.fields], data) for c in kind.classes
    )


def _avro(name: str, fields: list[dict[str, Any]], data: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, {"type": "record", "name": name, "fields": fields}, data)
    return out.getvalue()
