"""Golden bytes: one file per contract version; what was written once stays readable for ever.

The bytes were made by the Avro reference implementation from the event in the file. A new contract version needs a
new file; an old file never changes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.catalogue import Contracts
from schemas.cloudevents import data_to_json, read

CONTRACTS = Contracts.load()
FOLDER = Path(__file__).parent / "golden"
FILES = sorted(FOLDER.glob("*.json"))


def test_every_contract_version_has_its_bytes() -> None:
    """No contract without golden bytes, no golden bytes without a contract."""
    assert {path.stem for path in FILES} == {c.key.replace("/", ".v") for c in CONTRACTS.all()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_bytes_are_what_they_were(path: Path) -> None:
    """The event gives the recorded bytes, class by class, and they give the event."""
    golden: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    contract = CONTRACTS.by_id(golden["id"])
    body = bytes.fromhex(golden["bytes"])

    event = read(golden["event"], CONTRACTS)

    assert (contract.key, contract.digest.hex()) == (golden["contract"], golden["digest"])
    assert contract.codec.encode(event.data) == body
    assert [blob.hex() for blob in contract.codec.encode_classes(event.data)] == golden["classes"]
    assert data_to_json(contract, contract.codec.decode(body)) == golden["event"]["data"]
