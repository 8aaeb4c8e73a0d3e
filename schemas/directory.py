"""The resource directory (资源目录): what is shared, by theme, and the field table of each entry.

Rows are plain values for a CSV file, a page or an API. The directory speaks of contracts, never of events.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields

from schemas.catalogue import Contracts
from schemas.codes import code_list
from schemas.contract import Contract, Field
from schemas.type_text import type_text

SHARES = {
    "unconditional": ("无条件共享", "shared without condition"),
    "conditional": ("有条件共享", "shared on a condition"),
    "none": ("不予共享", "not shared"),
}
LEVELS = {1: ("公开", "public"), 2: ("内部", "internal"), 3: ("敏感", "sensitive"), 4: ("秘密(工作秘密)", "restricted")}
BOM = "\ufeff"


@dataclass(frozen=True)
class Entry:
    """One entry of the directory: the newest version of an event type under one of its themes."""

    theme: str
    theme_zh: str
    theme_en: str
    type: str
    version: int
    zh: str
    en: str
    doc: str
    owner: str
    owner_zh: str
    owner_en: str
    publishers: str
    share: str
    share_zh: str
    share_en: str
    agreement_no: str
    level: int
    level_zh: str
    level_en: str
    fields: int
    subject: str
    case_refs: str
    retention_days: int
    schema_id: int


@dataclass(frozen=True)
class FieldRow:
    """One row of a field table; a member of a record stands below its field as `field.member`."""

    name: str
    zh: str
    en: str
    type: str
    mandatory: bool
    level: int
    flags: str
    about: str
    unit: str
    codes: str
    format: str
    doc: str
    source: str


def directory(contracts: Contracts) -> tuple[Entry, ...]:
    """Return the entries, by theme in the order of the theme list and by event type within."""
    order = {code: place for place, code in enumerate(code_list("theme"))}
    found = [_entry(contracts.by_type(t), theme) for t in contracts.types() for theme in contracts.by_type(t).themes]
    return tuple(sorted(found, key=lambda entry: (order.get(entry.theme, len(order)), entry.theme, entry.type)))


def directory_csv(entries: Iterable[Entry]) -> str:
    """Return the directory as CSV with a byte order mark, so that spreadsheets read the Chinese."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [f.name for f in fields(Entry)], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(asdict(entry) for entry in entries)
    return BOM + out.getvalue()


def field_table(contract: Contract) -> tuple[FieldRow, ...]:
    """Return the fields of a contract in canonical order, members of records below their field."""
    return tuple(row for field in contract.fields for row in _rows(field))


def _rows(field: Field) -> Iterator[FieldRow]:
    yield _row(field.name, field, field.extras, zh=field.zh, en=field.en, type_=type_text(field.avro_type))
    for place, said in field.parts.items():
        member = place.rpartition(".")[2]
        yield _row(f"{field.name}.{member}", field, said, zh=said.get("zh", ""), en=said.get("en", ""), type_="")


def _row(name: str, field: Field, said: Mapping[str, object], *, zh: object, en: object, type_: str) -> FieldRow:
    return FieldRow(
        name=name,
        zh=str(zh),
        en=str(en),
        type=type_,
        mandatory=not field.nullable,
        level=field.level,
        flags=" ".join(sorted(field.flags)),
        about=field.about,
        unit=str(said.get("unit", "")),
        codes=str(said.get("codes", "")),
        format=str(said.get("format", "")),
        doc=str(said.get("doc", field.doc)),
        source=field.source,
    )


def _entry(contract: Contract, theme: str) -> Entry:
    owner = contract.owner or contract.agency
    owner_zh, owner_en = _named("organisation_kind", owner)
    theme_zh, theme_en = _named("theme", theme)
    return Entry(
        theme=theme,
        theme_zh=theme_zh,
        theme_en=theme_en,
        type=contract.type,
        version=contract.version,
        zh=contract.zh,
        en=contract.en,
        doc=str(contract.schema.get("doc", "")),
        owner=owner,
        owner_zh=owner_zh,
        owner_en=owner_en,
        publishers=" ".join(contract.publishers or (owner,)),
        share=contract.share,
        share_zh=SHARES[contract.share][0],
        share_en=SHARES[contract.share][1],
        agreement_no=contract.agreement_no,
        level=contract.level,
        level_zh=LEVELS[contract.level][0],
        level_en=LEVELS[contract.level][1],
        fields=len(contract.fields),
        subject=contract.subject_field,
        case_refs=" ".join(f"{name}={scheme}" for name, scheme in contract.case_refs.items()),
        retention_days=contract.retention_days,
        schema_id=contract.id,
    )


def _named(codes: str, code: str) -> tuple[str, str]:
    """Return both names of a code; a code that is on no list is its own name, so that no page fails over one."""
    found = code_list(codes).get(code)
    return (found.zh, found.en) if found else (code, code)
