"""What an older version wrote, the newest version reads: by Avro's schema resolution, over the golden bytes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from schemas.catalogue import Contracts
from schemas.contract import Contract
from tests.unit.schemas.random_records import random_records
from tests.unit.schemas.values import judges
from tests.unit.schemas.versions import field, row, two

CONTRACTS = Contracts.load()
GOLDEN = Path(__file__).parent / "golden"
OLDER = [c for c in CONTRACTS.all() if c is not CONTRACTS.by_type(c.type)]


def resolved(body: bytes, old: Contract, new: Contract) -> Any:
    """Read bytes of `old` with the schema of `new`."""
    return fastavro.schemaless_reader(io.BytesIO(body), judges(old.schema)[0], judges(new.schema)[0])


@pytest.mark.parametrize("old", OLDER, ids=lambda c: c.key)
def test_golden_bytes_of_older_versions_are_read_by_the_newest(old: Contract) -> None:
    """Every field the old version had keeps its value; every field since is null."""
    golden = json.loads((GOLDEN / f"{old.key.replace('/', '.v')}.json").read_text(encoding="utf-8"))
    body = bytes.fromhex(golden["bytes"])
    new = CONTRACTS.by_type(old.type)

    found = resolved(body, old, new)

    before = old.codec.decode(body)
    assert {name: found[name] for name in before} == before
    assert all(found[f.name] is None for f in new.fields if f.name not in before)


def test_there_are_older_versions() -> None:
    """The test above has something to read."""
    assert {"court.judgment.effective/1", "police.case.filed/1"} <= {c.key for c in OLDER}


def test_any_record_of_an_older_version_is_read(tmp_path: Path) -> None:
    """A wider number, a further symbol and new nullable fields, over many records."""

    def change(raw: dict[str, Any]) -> None:
        row(raw, "count")["type"] = "long"
        row(raw, "kind")["type"]["symbols"].append("c")
        row(raw, "other_no")["casebus.level"] = 4
        raw["casebus"]["case_refs"].pop("other_no")
        raw["fields"].append(field("more", ["null", "int"]))

    old, new = two(tmp_path, change)

    for data in random_records(old, 50):
        assert resolved(old.codec.encode(data), old, new) == {**data, "more": None}
