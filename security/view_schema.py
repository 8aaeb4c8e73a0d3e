"""The schema of a view: derived from (contract version, static mask), shared by every subscription that has both.

    record casebus.view.<agency>.<Name>V<version>
      fields always given that may stand open
      _part_<class>   ["null", record]  one per open class given case by case
      _sealed         ["null", "bytes"] everything above level 2 or about a person, sealed to the receiver
      _withheld       array of {field, reason}

The schema of what is inside `_sealed` stands in the attribute `casebus.sealed`, so one id covers both. An underscore
cannot begin a contract's field name, so nothing collides. A class about a person is sealed whatever its level: a flag
may raise it, and a schema must not tell which event carried one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import fastavro

from schemas.avro_types import define_once
from schemas.contract import Contract, LabelClass
from schemas.errors import IntegrityError, NotFoundError
from security.labels import OPEN_LEVEL, about_person
from security.policy.mask import Given, StaticMask

FIRST_ID: Final = 1 << 30
SEALED: Final = "_sealed"
WITHHELD: Final = "_withheld"
INNER: Final = "casebus.sealed"


class ViewCollisionError(IntegrityError):
    """Two view schemas fell on one id."""

    code = "sealing.view_collision"


class UnknownViewError(NotFoundError):
    """No view schema has this id."""

    code = "sealing.view_unknown"


@dataclass(frozen=True)
class ViewSchema:
    """One view schema: `schema` is Avro; `id` is 2^30 plus the first 30 bits of SHA-256 of its canonical JSON."""

    schema: dict[str, Any]

    @cached_property
    def canonical(self) -> bytes:
        """The canonical form: JSON, keys sorted, no spaces, UTF-8."""
        return json.dumps(self.schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @cached_property
    def id(self) -> int:
        """The schema id of the wire framing."""
        return FIRST_ID + (int.from_bytes(hashlib.sha256(self.canonical).digest()[:4], "big") >> 2)

    @cached_property
    def parsed(self) -> Any:
        """The schema as fastavro reads it."""
        return fastavro.parse_schema(self.schema)

    @cached_property
    def parsed_inner(self) -> Any:
        """The schema of the sealed part as fastavro reads it; None where nothing is sealed."""
        return fastavro.parse_schema(self.schema[INNER]) if INNER in self.schema else None


def stands_open(label_class: LabelClass) -> bool:
    """Tell whether a class may stand in the clear part of a view."""
    return label_class.level <= OPEN_LEVEL and not about_person(label_class.about)


def view_schema(contract: Contract, mask: StaticMask) -> ViewSchema:
    """Derive the view schema of `contract` under `mask`."""
    name = f"casebus.view.{contract.agency}.{contract.schema['name']}V{contract.version}"
    clear = [each for each in contract.classes if stands_open(each)]
    closed = [each for each in contract.classes if not stands_open(each) and mask.given[each.index]]
    reason = {"type": "record", "name": f"{name}Withheld", "fields": [_named("field"), _named("reason")]}
    fields = _fields(name, clear, mask)
    inner = {}
    if closed:
        fields.append({"name": SEALED, "type": ["null", "bytes"], "default": None})
        inner = {INNER: define_once(_record(f"{name}Sealed", _fields(f"{name}Sealed", closed, mask)))}
    fields.append({"name": WITHHELD, "type": {"type": "array", "items": reason}})
    head = {"casebus.type": contract.type, "casebus.version": contract.version}
    return ViewSchema({**define_once(_record(name, fields)), **head, **inner})


def part_name(label_class: LabelClass) -> str:
    """Return the name of the nullable sub-record of a class."""
    return f"_part_{label_class.index}"


def _named(name: str) -> dict[str, Any]:
    return {"name": name, "type": "string"}


def _record(name: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": fields}


def _fields(name: str, classes: list[LabelClass], mask: StaticMask) -> list[dict[str, Any]]:
    always, parts = [], []
    for each in classes:
        members = [_member(f.name, f.avro_type) for f in each.fields if f.name in mask.fields[each.index]]
        if mask.given[each.index] is Given.ALWAYS:
            always += members
        elif mask.given[each.index] is Given.SOMETIMES:
            part = _record(f"{name}Part{each.index}", members)
            parts.append(_member(part_name(each), ["null", part]))
    return always + parts


def _member(name: str, avro_type: Any) -> dict[str, Any]:
    default = {"default": None} if isinstance(avro_type, list) else {}
    return {"name": name, "type": avro_type, **default}


class ViewRegistry:
    """The view schemas that are in use, by id; a collision of ids is refused."""

    def __init__(self) -> None:
        self._by_id: dict[int, ViewSchema] = {}

    def register(self, schema: ViewSchema) -> ViewSchema:
        """Add a schema; the same one again is the same. Raises `ViewCollisionError`."""
        known = self._by_id.setdefault(schema.id, schema)
        if known.canonical != schema.canonical:
            raise ViewCollisionError(id=schema.id)
        return known

    def by_id(self, number: int) -> ViewSchema:
        """Return the schema with this id; raises `UnknownViewError`."""
        if number not in self._by_id:
            raise UnknownViewError(id=number)
        return self._by_id[number]
