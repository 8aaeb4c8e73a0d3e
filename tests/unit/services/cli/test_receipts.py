"""`casebus agency receipt`: offline, by the key that was kept, for the very bytes that were sent."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from security.keys.memory import MemoryKeystore
from services.cli.agency import app
from services.cli.receipts import NotReceiptError, verified
from services.gateway.receipt import Commit, Statement

BODY = b'{"sent": "so"}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an answer, the key of its gateway, another gateway's key, and the event."""
    keys = MemoryKeystore()
    for label in ("mine", "other"):
        keys.provision_signer(label)
    digest = hashlib.sha256(BODY).hexdigest()
    statement = Statement(at=1_772_323_200_000_000, body=digest, id="id", node="n1", seq=7, source="a/b")
    receipt = Commit((statement,), keys.signer("mine")).receipt(0)
    (tmp_path / "answer.json").write_bytes(msgspec.json.encode({"status": "accepted", "receipt": receipt}))
    (tmp_path / "event.json").write_bytes(BODY)
    for label in ("mine", "other"):
        (tmp_path / f"{label}.json").write_text(json.dumps({"public_key": keys.signer(label).public_key.hex()}))
    return tmp_path


@pytest.mark.parametrize(("key", "event", "exits"), [("mine", BODY, 0), ("other", BODY, 6), ("mine", BODY + b" ", 6)])
def test_a_receipt_fits_its_key_and_its_bytes(folder: Path, key: str, event: bytes, exits: int) -> None:
    """Exit 6 for another gateway's key and for one byte more."""
    (folder / "event.json").write_bytes(event)
    files = [str(folder / name) for name in ("answer.json", f"{key}.json", "event.json")]

    done = CliRunner().invoke(app, ["receipt", files[0], "--key", files[1], "--event", files[2], "--json"])

    told = json.loads(done.stdout)
    assert (done.exit_code, told["verifies"], told["seq"], told["body_checked"]) == (exits, exits == 0, 7, True)


@pytest.mark.parametrize("content", ["[]", "{}", "no JSON", '{"receipt": {"statement": 1}}'])
def test_what_is_no_receipt_is_named(folder: Path, content: str) -> None:
    """A usage error, not a failed proof."""
    (folder / "answer.json").write_text(content)

    with pytest.raises(NotReceiptError):
        verified(folder / "answer.json", folder / "mine.json", None)
