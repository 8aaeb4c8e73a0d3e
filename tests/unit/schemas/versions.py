"""A small catalogue for tests of change: one type, and versions of it made by changing a copy."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas import catalogue
from schemas.catalogue import Contracts
from schemas.contract import Contract

Change = Callable[[dict[str, Any]], object]


def field(name: str, kind: Any = "string", **more: Any) -> dict[str, Any]:
    """A well-labelled field; a nullable one gets its default."""
    row = {"name": name, "type": kind, "doc": "A field.", **({"default": None} if isinstance(kind, list) else {})}
    label = {"casebus.level": 2, "casebus.flags": [], "casebus.about": ""}
    return {**row, **label, "casebus.zh": "字段", "casebus.en": "field", "casebus.source": "a system", **more}


FIRST: dict[str, Any] = {
    "type": "record",
    "name": "ThingDone",
    "namespace": "casebus.test",
    "doc": "A thing was done.",
    "casebus": {
        "type": "test.thing.done",
        "version": 1,
        "zh": "办理",
        "en": "thing done",
        "subject": "no",
        "retention_days": 30,
        "share": "conditional",
        "themes": ["governance"],
        "case_refs": {"no": "TEST", "other_no": "OTHER"},
        "owner": "platform",
    },
    "fields": [
        field("no"),
        field("other_no"),
        field("who", "string", **{"casebus.level": 3, "casebus.flags": ["spi"], "casebus.about": "suspect"}),
        field("count", "int"),
        field("kind", {"type": "enum", "name": "Kind", "symbols": ["a", "b"]}),
        field("at", {"type": "long", "logicalType": "timestamp-micros"}),
        field("maybe", ["null", "string"]),
    ],
}


def row(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """The field of this name."""
    return next(f for f in raw["fields"] if f["name"] == name)


def changed(change: Change, version: int = 2) -> dict[str, Any]:
    """The next version: a copy of the first, changed."""
    raw = copy.deepcopy(FIRST)
    raw["casebus"]["version"] = version
    change(raw)
    return raw


def write(root: Path, raw: dict[str, Any]) -> Path:
    """Put a version into a folder."""
    path = root / "test" / f"thing.done.v{raw['casebus']['version']}.avsc"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(raw, ensure_ascii=False), encoding="utf-8")
    return path


def two(root: Path, change: Change) -> tuple[Contract, Contract]:
    """The first version and the changed one, loaded."""
    write(root, FIRST)
    write(root, changed(change))
    catalogue.record(root)
    old, new = Contracts.load(root).versions("test.thing.done")
    return old, new
