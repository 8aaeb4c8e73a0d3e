"""The differences between two versions of a contract, one `Change` each, sorted by path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from schemas.contract import Contract, Field
from schemas.type_text import type_text

HEAD = (
    "subject_field",
    "case_refs",
    "share",
    "agreement_no",
    "owner",
    "publishers",
    "retention_days",
    "themes",
    "vault",
)
WORDS = ("zh", "en", "doc", "source")


@dataclass(frozen=True, order=True)
class Change:
    """One difference.

    Attributes:
        path: `field` or `field.attribute`; `contract.attribute` for the contract itself.
        kind: `added`, `removed`, `type`, `level`, `flags`, `about`, `rule` (a format, list or limit), `words`, `head`.
        old, new: both sides as text; empty where there is none.
    """

    path: str
    kind: str
    old: str
    new: str

    def as_dict(self) -> dict[str, str]:
        """Render for a JSON answer."""
        return asdict(self)


def differences(old: Contract, new: Contract) -> tuple[Change, ...]:
    """Return every difference from `old` to `new`; the order of fields follows from their labels and is none."""
    return tuple(sorted((*_head(old, new), *_fields(old, new))))


def _head(old: Contract, new: Contract) -> Iterator[Change]:
    for name in HEAD:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield Change(f"contract.{name.removesuffix('_field')}", "head", _said(before), _said(after))
    for name in ("zh", "en"):
        if getattr(old, name) != getattr(new, name):
            yield Change(f"contract.{name}", "words", getattr(old, name), getattr(new, name))


def _fields(old: Contract, new: Contract) -> Iterator[Change]:
    for name, after in new.by_name.items():
        if name not in old.by_name:
            yield Change(name, "added", "", type_text(after.avro_type))
        else:
            yield from _field(name, old.by_name[name], after)
    for name, before in old.by_name.items():
        if name not in new.by_name:
            yield Change(name, "removed", type_text(before.avro_type), "")


def _field(name: str, old: Field, new: Field) -> Iterator[Change]:
    if old.avro_type != new.avro_type:
        yield Change(name, "type", type_text(old.avro_type), type_text(new.avro_type))
    if old.level != new.level:
        yield Change(f"{name}.level", "level", str(old.level), str(new.level))
    if old.flags != new.flags:
        yield Change(f"{name}.flags", "flags", ", ".join(sorted(old.flags)), ", ".join(sorted(new.flags)))
    if old.about != new.about:
        yield Change(f"{name}.about", "about", old.about, new.about)
    for key in sorted({*old.extras, *new.extras}):
        if old.extras.get(key) != new.extras.get(key):
            yield Change(f"{name}.{key}", "rule", _said(old.extras.get(key)), _said(new.extras.get(key)))
    for key in WORDS:
        if getattr(old, key) != getattr(new, key):
            yield Change(f"{name}.{key}", "words", getattr(old, key), getattr(new, key))


def _said(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
