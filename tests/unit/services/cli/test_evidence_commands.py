"""`audit prove`, `audit export` and `verify`: files, exit codes, one JSON document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from security.audit.tlog_proof import TlogProof
from services.cli.app import app
from tests.unit.security.audit.evidence_shop import POLICY, witnessed
from tests.unit.security.audit.workshop import KEY, filled


def call(*words: object) -> tuple[int, dict[str, Any]]:
    """Run a command with `--json`; return its exit code and its document."""
    done = CliRunner().invoke(app, [*map(str, words), "--json"])
    return done.exit_code, json.loads(done.stdout) if done.stdout else {}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A node's directory with an audit log of 20 records."""
    filled(tmp_path / "data" / "audit")
    (tmp_path / "key").write_text(KEY.text + "\n", encoding="utf-8")
    return tmp_path / "data"


def test_export_and_verify(data: Path, tmp_path: Path) -> None:
    """What `export` writes, `verify` accepts with the caller's key, and refuses with code 6 once it is changed."""
    bundle = tmp_path / "bundle.json"
    code, said = call("audit", "export", 3, 4, "--from", 7, "--to", 9, "--out", bundle, "--data", data)
    assert (code, said["records"]) == (0, 5)

    code, said = call("verify", bundle, "--public-key", tmp_path / "key")
    assert (code, said["ok"], said["seqs"], said["faults"]) == (0, True, [3, 4, 7, 8, 9], [])

    bundle.write_bytes(bundle.read_bytes().replace(b"m7", b"m8"))
    code, said = call("verify", bundle, "--public-key", tmp_path / "key")
    assert (code, said["ok"], said["faults"][0]["kind"]) == (6, False, "bundle.checksum")


def test_prove_writes_files_too(data: Path, tmp_path: Path) -> None:
    """`prove` prints the proof, and writes a bundle and a C2SP proof file where it is told to."""
    bundle, proof = tmp_path / "bundle.json", tmp_path / "p.tlog-proof"
    code, said = call("audit", "prove", 5, "--out", bundle, "--proof-file", proof, "--data", data)

    assert (code, said["seq"]) == (0, 5)
    assert call("verify", bundle, "--public-key", tmp_path / "key")[0] == 0
    assert TlogProof.parse(proof.read_text(encoding="utf-8")).index == 5


def test_keys_come_from_the_caller(data: Path, tmp_path: Path) -> None:
    """Without a key or policy nothing is verified; with an unreadable one neither."""
    bundle = tmp_path / "bundle.json"
    call("audit", "export", 3, "--out", bundle, "--data", data)

    assert call("verify", bundle)[1]["error"]["code"] == "bundle.key_needed"
    assert call("verify", bundle)[0] == 2
    assert call("verify", bundle, "--public-key", tmp_path / "missing")[0] == 2
    assert call("verify", tmp_path / "missing", "--public-key", tmp_path / "key")[0] == 2


def test_what_cannot_be_exported(data: Path, tmp_path: Path) -> None:
    """No records, half a range, records beyond the head: each leaves with its code and writes nothing."""
    out = tmp_path / "bundle.json"
    for words, code in (((), 2), (("--from", 1), 2), ((20,), 3)):
        assert call("audit", "export", *words, "--out", out, "--data", data)[0] == code
    assert not out.exists()


def test_a_witnessed_log(tmp_path: Path) -> None:
    """Under a policy with witnesses the cosigned head is exported, with the proof since an earlier head."""
    _, earlier = witnessed(tmp_path / "data" / "audit")
    policy, before, bundle = tmp_path / "policy", tmp_path / "before", tmp_path / "bundle.json"
    policy.write_text(POLICY.text, encoding="utf-8")
    before.write_text(earlier, encoding="utf-8")
    (tmp_path / "key").write_text(KEY.text, encoding="utf-8")
    words = ("--out", bundle, "--data", tmp_path / "data", "--policy", policy, "--since", before)

    assert call("audit", "export", 1, *words)[0] == 0
    code, said = call("verify", bundle, "--policy", policy)
    assert (code, said["since"], sorted(said["cosigned"])) == (0, 280, ["court", "police"])
    code, said = call("verify", bundle, "--public-key", tmp_path / "key")
    assert (code, said["faults"][0]["kind"]) == (6, "bundle.policy_differs")
    assert call("verify", bundle, "--public-key", tmp_path / "key", "--own-policy")[0] == 0


def test_for_a_person(data: Path, tmp_path: Path) -> None:
    """Without `--json` both answers are plain text that says whether the bundle holds."""
    bundle = tmp_path / "bundle.json"
    call("audit", "export", 3, "--out", bundle, "--data", data)
    arguments = ["verify", str(bundle), "--public-key", str(tmp_path / "key")]

    assert CliRunner().invoke(app, arguments).stdout.startswith("ok: 1 records")
    bundle.write_bytes(b"{}")
    assert CliRunner().invoke(app, arguments).stdout.startswith("NOT OK  bundle.form")


def test_export_tiles(data: Path, tmp_path: Path) -> None:
    """The log is written as tiles, again only what is new; a folder of something else is refused."""
    out = tmp_path / "tiles"

    assert call("audit", "export-tiles", out, "--data", data) == (0, {"files": 3, "size": 20, "before": 0})
    assert call("audit", "export-tiles", out, "--data", data)[1]["before"] == 20
    assert (out / "tile" / "entries" / "000.p" / "20").exists()
    code, said = call("audit", "export-tiles", tmp_path, "--data", data)
    assert (code, said["error"]["code"]) == (2, "auditor.target_taken")


def test_a_report(data: Path, tmp_path: Path) -> None:
    """A verified bundle becomes a page in the language asked for; one that does not hold becomes none."""
    bundle, page, key = tmp_path / "bundle.json", tmp_path / "page.html", tmp_path / "key"
    call("audit", "export", 3, "--out", bundle, "--data", data)

    assert call("audit", "report", bundle, "--out", page, "--lang", "zh", "--public-key", key)[1]["language"] == "zh"
    assert 'lang="zh-CN"' in page.read_text(encoding="utf-8")
    page.unlink()
    bundle.write_bytes(bundle.read_bytes() + b" ")
    assert call("audit", "report", bundle, "--out", page, "--public-key", key)[0] == 6
    assert not page.exists()
