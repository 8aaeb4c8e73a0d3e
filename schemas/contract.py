"""The contract: what one event type carries, and how each of its fields is labelled.

A contract is one Avro record in an `.avsc` file. Beside the Avro attributes each field carries its label:

    casebus.level   1 public, 2 internal, 3 sensitive, 4 restricted
    casebus.flags   compartments of the field (list, mostly empty)
    casebus.about   whom the field is about: one of `ABOUT`, "" for nobody
    casebus.zh, casebus.en, casebus.source   names for people, and where the field comes from (law, standard, system)

and optionally `casebus.format` (an identifier of `schemas.identifiers`), `casebus.codes` (a list of `schemas/codes`),
`casebus.unit` (of the number), `casebus.min`, `casebus.max`, `casebus.example`.

**Canonical order.** Fields are sorted by label class (level, flags, about), keeping the file's order inside a class.
So the class blobs of an event, concatenated, are the Avro encoding of the whole record: release joins slices and
decodes nothing. The conventions stand in docs/adr/0002-contracts-and-classes.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from schemas.checks import Check, check_of
from schemas.codec import Codec
from schemas.sound import Sound, compile_sound

LEVELS = (1, 2, 3, 4)
FLAG_ORDER = (
    "minor",
    "minor14",
    "sealed",
    "spi",
    "informant",
    "investigation_open",
    "state_work_secret",
    "business_secret",
    "officer_crime",
)
"""Every flag, in the order of its bit on the wire: append only."""
FLAGS = frozenset(FLAG_ORDER)
HIDING_FLAGS = frozenset({"sealed", "informant", "officer_crime"})
"""Flags that also hide that the record exists."""

PERSONS = frozenset({"suspect", "convict", "party", "complainant", "officer"})
ABOUT = PERSONS | {"", "enterprise"}
"""Whom a field may be about; an event flag raises the fields about a person."""

MAX_CONTRACT_ID = 2**30 - 1
"""Ids of contracts end here; a view's id is 2^30 plus 30 bits of its digest."""


@dataclass(frozen=True)
class Field:
    """One field: `avro_type` is fully expanded (no named references), `extras` holds the optional `casebus.*`.

    `parts` holds the attributes of the members of records inside it: `casebus.types.Party.uscc` → format, names.
    """

    name: str
    avro_type: Any
    level: int
    flags: frozenset[str]
    about: str
    zh: str
    en: str
    doc: str
    source: str
    nullable: bool
    default: None = None
    extras: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def label(self) -> tuple[int, tuple[str, ...], str]:
        """The class key: level, sorted flags, about."""
        return self.level, tuple(sorted(self.flags)), self.about

    @property
    def base_type(self) -> Any:
        """The type without `null`."""
        return self.avro_type[1] if self.nullable else self.avro_type


@dataclass(frozen=True)
class LabelClass:
    """The fields of one contract that share a label; `index` is its place in the canonical order."""

    index: int
    level: int
    flags: frozenset[str]
    about: str
    fields: tuple[Field, ...]

    @property
    def about_person(self) -> bool:
        """Whether an event flag such as `minor` raises this class."""
        return self.about in PERSONS


@dataclass(frozen=True)
class Contract:
    """One version of one event type.

    Attributes:
        id: schema id in the wire framing, 1 … 2^30-1, from `contracts/ids.json`.
        schema: the Avro schema in canonical field order, named types defined at their first use.
        subject_field: the mandatory level ≤ 2 string that is the primary case reference.
        case_refs: field name → scheme of the case reference (`GA_AJBH`, `FY_AH`, …).
        share: `unconditional`, `conditional` or `none` (政务数据共享条例).
        retention_days: how long ids and states of this type are kept.
        owner: kind of organisation that answers for the contract (code list `organisation_kind`).
        publishers: kinds of organisations that publish it; empty means the owner alone.
        agreement_no: the co-signed agreement on which courts and procuratorates share.
        vault: whether it may hold a person in clear; see `schemas.person_fields`.
        level: the highest level of its fields.
    """

    id: int
    type: str
    version: int
    agency: str
    zh: str
    en: str
    schema: dict[str, Any]
    fields: tuple[Field, ...]
    subject_field: str
    retention_days: int
    share: str
    themes: tuple[str, ...]
    case_refs: Mapping[str, str]
    owner: str = ""
    publishers: tuple[str, ...] = ()
    agreement_no: str = ""
    vault: bool = False

    @property
    def key(self) -> str:
        """`type/version`: the key in ids.json."""
        return f"{self.type}/{self.version}"

    @property
    def fullname(self) -> str:
        """The Avro full name, also the subject name in a registry (TopicRecordName)."""
        return f"{self.schema['namespace']}.{self.schema['name']}"

    @cached_property
    def level(self) -> int:
        """The highest level of its fields: what a node's and a publisher's ceiling are compared with."""
        return max(f.level for f in self.fields)

    @cached_property
    def classes(self) -> tuple[LabelClass, ...]:
        """The label classes in canonical order."""
        return tuple(
            LabelClass(index, label[0], frozenset(label[1]), label[2], tuple(members))
            for index, (label, members) in enumerate(groupby(self.fields, key=lambda f: f.label))
        )

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Field name → field."""
        return {f.name: f for f in self.fields}

    @cached_property
    def class_of(self) -> Mapping[str, int]:
        """Field name → index of its label class."""
        return {f.name: c.index for c in self.classes for f in c.fields}

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over names, types, order and labels: 32 bytes, the label-rule digest of sealing."""
        rows = [[f.name, f.avro_type, f.level, sorted(f.flags), f.about] for f in self.fields]
        head = {"casebus-contract": 1, "type": self.type, "version": self.version, "subject": self.subject_field}
        text = json.dumps({**head, "fields": rows}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).digest()

    @cached_property
    def checks(self) -> tuple[tuple[str, bool, Check], ...]:
        """(field name, nullable, check) in canonical order: what validation runs."""
        return tuple((f.name, f.nullable, check_of(f.base_type, f.extras, f.parts)) for f in self.fields)

    @cached_property
    def sound(self) -> Sound:
        """The generated reader of sound data; compiled at first use."""
        fields = zip(self.fields, self.checks, strict=True)
        return compile_sound((f.name, f.nullable, f.base_type, f.extras, check) for f, (_, _, check) in fields)

    @cached_property
    def coded(self) -> Mapping[str, str]:
        """Field name → its code list."""
        return {f.name: str(f.extras["codes"]) for f in self.fields if "codes" in f.extras}

    @cached_property
    def codec(self) -> Codec:
        """The generated codec; compiled at first use."""
        return Codec(self.key, [[(f.name, f.avro_type) for f in c.fields] for c in self.classes])


def canonical_order(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Sort by label class; the order inside a class stays."""
    return tuple(sorted(fields, key=lambda f: f.label))
