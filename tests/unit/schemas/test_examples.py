"""Examples: of any contract, with every type, valid and always the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from schemas import catalogue
from schemas.catalogue import Contracts
from schemas.cloudevents import parse, read, render
from schemas.examples import example

RECORD = {
    "type": "record",
    "name": "Part",
    "fields": [
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "raw", "type": "bytes"},
    ],
}
TYPES: dict[str, Any] = {
    "no": "string",
    "yes": "boolean",
    "small": "int",
    "real": "double",
    "raw": "bytes",
    "day": {"type": "int", "logicalType": "date"},
    "kind": {"type": "enum", "name": "Kind", "symbols": ["a", "b"]},
    "texts": {"type": "array", "items": "string"},
    "part": RECORD,
    "maybe": ["null", {"type": "fixed", "name": "Four", "size": 4}],
}


def load(root: Path) -> Contracts:
    """A catalogue with one contract of an agency nobody knows, holding every type."""
    label = {"casebus.level": 2, "casebus.flags": [], "casebus.about": "", "casebus.zh": "项"}
    fields = [
        {"name": n, "type": t, **label, "casebus.en": "item", "casebus.source": "a system"} for n, t in TYPES.items()
    ]
    fields[-1]["default"] = None
    head = {"type": "harbour.ship.moored", "version": 1, "zh": "靠泊", "en": "moored", "subject": "no"}
    rest = {"retention_days": 1, "share": "none", "themes": [], "case_refs": {}}
    raw = {"type": "record", "name": "ShipMoored", "namespace": "casebus.harbour", "casebus": {**head, **rest}}
    (root / "harbour").mkdir()
    (root / "harbour" / "ship.moored.v1.avsc").write_text(json.dumps({**raw, "fields": fields}), encoding="utf-8")
    catalogue.record(root)
    return Contracts.load(root)


def test_an_example_of_every_type_is_valid(tmp_path: Path) -> None:
    """Any contract has an example: it passes validation, is encoded, and comes back from JSON."""
    contracts = load(tmp_path)
    contract = contracts.by_type("harbour.ship.moored")
    made = example(contract)

    back = read(json.loads(json.dumps(render(made, contract))), contracts)

    assert back == made
    assert contract.codec.decode(contract.codec.encode(made.data)) == made.data
    assert made.source == "harbour-990103/system"


def test_an_example_is_always_the_same() -> None:
    """Made twice, an example is equal: golden files and documentation can rely on it."""
    contract = Contracts.load().by_type("police.case.filed")

    assert example(contract) == example(contract)


def test_the_envelope_of_an_example_is_read_alone() -> None:
    """The envelope needs no contract."""
    contract = Contracts.load().by_type("police.case.filed")

    assert parse(render(example(contract), contract)).id == example(contract).id
