"""What others wrote agrees: Tessera's client and fsck, transparency-dev's proofs and notes read our export."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from security.audit.evidence import Evidence
from security.audit.policy import Policy
from security.audit.tiles import export_tiles
from tests.house.tree import ROOT
from tests.unit.security.audit.evidence_shop import KEYS, POLICY, cosign
from tests.unit.security.audit.workshop import KEY, open_log, release

pytestmark = pytest.mark.go
SIZE = 3_001
OLD = (1, 256, 1_000, 2_816, 3_000, 3_001)


@pytest.fixture(scope="session")
def tessera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checking program, built from its pinned modules."""
    program = tmp_path_factory.mktemp("go") / "tessera"
    done = subprocess.run(
        ["go", "build", "-o", str(program), "."],
        cwd=ROOT / "tests" / "interop" / "tessera",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOFLAGS": "-mod=readonly"},
    )
    assert done.returncode == 0, done.stderr
    return program


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, Path, dict[str, Any]]:
    """A witnessed log of 3,001 records, exported, with proofs of ours for some records and sizes."""
    folder = tmp_path_factory.mktemp("log")
    log = open_log(folder / "audit", span=10)
    for first in range(0, SIZE, 500):
        log.append([release(n) for n in range(first, min(first + 500, SIZE))])
    log.close()
    note = (folder / "audit" / "checkpoint").read_text(encoding="utf-8")
    (folder / "audit" / "cosigned").write_text(cosign(note, "court", "police"), encoding="utf-8")
    evidence = Evidence.open(folder / "audit", POLICY)
    assert export_tiles(evidence, folder / "tiles") is not None
    proofs = {
        "inclusion": [
            {"index": n, "entry": text_of(evidence.entry(n)), "path": [text_of(node) for node in evidence.path(n)]}
            for n in (0, 1, 255, 256, 2_815, 2_816, 3_000)
        ],
        "consistency": [
            {
                "size": old,
                "root": text_of(evidence.tree.root(old)),
                "path": [text_of(node) for node in evidence.tree.consistency_proof(old, SIZE)],
            }
            for old in OLD
        ],
    }
    return evidence, folder, proofs


def text_of(raw: bytes) -> str:
    """Return base64."""
    return base64.b64encode(raw).decode()


def ask(program: Path, folder: Path, proofs: dict[str, Any], *keys: str) -> subprocess.CompletedProcess[str]:
    """Let the program check an export."""
    (folder / "proofs.json").write_text(json.dumps(proofs), encoding="utf-8")
    words = [str(program), str(folder / "tiles"), str(folder / "proofs.json"), *keys]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def test_they_agree(tessera: Path, exported: tuple[Evidence, Path, dict[str, Any]]) -> None:
    """Tiles, bundles, head, cosignatures, inclusion and consistency proofs: all are what theirs compute."""
    evidence, folder, proofs = exported
    done = ask(tessera, folder, proofs, KEY.text, KEYS["court"].text, KEYS["police"].text)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "size": SIZE,
        "root": evidence.head.root.hex(),
        "inclusion": 7,
        "consistency": len(OLD),
        "cosigners": 2,
    }


@pytest.mark.parametrize("what", ["an entry", "a tile", "a path", "a cosigner that did not sign", "the key"])
def test_they_refuse_what_is_changed(
    tessera: Path, exported: tuple[Evidence, Path, dict[str, Any]], what: str, tmp_path: Path
) -> None:
    """The agreement is no accident: a change in any part makes theirs refuse."""
    evidence, _, proofs = exported
    assert export_tiles(evidence, tmp_path / "tiles") is not None
    given, keys = json.loads(json.dumps(proofs)), [KEY.text]
    if what in {"an entry", "a tile"}:
        path = tmp_path / "tiles" / "tile" / ("entries" if what == "an entry" else "0") / "003"
        raw = bytearray(path.read_bytes())
        raw[100] ^= 1
        path.write_bytes(bytes(raw))
    elif what == "a path":
        given["inclusion"][0]["path"][0] = text_of(bytes(32))
    elif what == "the key":
        keys = [KEY.text.replace("+", "x+", 1)]
    else:
        keys.append(KEYS["justice"].text)

    assert ask(tessera, tmp_path, given, *keys).returncode == 1


def test_the_policy_asks_for_no_witness_here(exported: tuple[Evidence, Path, dict[str, Any]], tmp_path: Path) -> None:
    """Without witnesses the node's own head is exported."""
    _, folder, _ = exported
    plain = Evidence.open(folder / "audit", Policy.of_key(KEY))

    assert export_tiles(plain, tmp_path / "tiles") is not None
    assert (tmp_path / "tiles" / "checkpoint").read_text(encoding="utf-8") == plain.note
