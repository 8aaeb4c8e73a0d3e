"""`casebus audit`: exit codes and keys that people script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli.audit import Told, app
from tests.unit.security.audit.workshop import KEY, filled, segments


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data directory with a cleanly stopped log of twenty records."""
    filled(tmp_path / "audit")
    return tmp_path


def call(*words: str) -> Result:
    """Run one command."""
    return CliRunner().invoke(app, list(words))


def said(result: Result) -> Any:
    """Return the one JSON document of a command."""
    return json.loads(result.stdout)


def test_verify_ok(data: Path, tmp_path: Path) -> None:
    """A log in order: exit 0, the keys of the design, the key that was given named as given."""
    vkey = tmp_path / "key"
    vkey.write_text(KEY.text + "\n", encoding="utf-8")
    result = call("verify", "--data", str(data), "--public-key", str(vkey), "--json")

    assert result.exit_code == 0
    report = said(result)
    assert (report["records"], report["size"], report["ok"], report["faults"]) == (20, 20, True, [])
    assert report["levels"] == ["heads", "tree", "records"]
    assert (report["key"], report["clean"]) == ("given", True)
    assert "20" in call("verify", "--data", str(data)).stdout


def test_verify_names_a_flipped_bit(data: Path) -> None:
    """A flipped bit: exit 6, and the fault says kind, record, file, offset and text."""
    path = segments(data / "audit")[0]
    raw = bytearray(path.read_bytes())
    raw[500] ^= 8
    path.write_bytes(bytes(raw))

    result = call("verify", "--data", str(data), "--json")
    spoken = call("verify", "--data", str(data))

    assert (result.exit_code, spoken.exit_code) == (6, 6)
    (fault,) = said(result)["faults"]
    assert set(fault) == {"kind", "seq", "file", "offset", "text"}
    assert (fault["kind"], fault["file"]) == ("frame_crc", f"segments/{path.name}")
    assert "frame_crc" in spoken.stdout


def test_levels(data: Path) -> None:
    """Each level says what ran; level 4 counts the blobs; there is no level 5."""
    assert said(call("verify", "--level", "1", "--data", str(data), "--json"))["levels"] == ["heads"]
    four = said(call("verify", "--level", "4", "--data", str(data), "--json"))
    assert four["levels"] == ["heads", "tree", "records", "blobs"]
    assert four["blobs"] == {"present": 0, "erased": 0, "missing": 0, "erased_by": []}
    assert call("verify", "--level", "5", "--data", str(data)).exit_code == 2


def test_verification_from_a_record_or_a_time_on(data: Path) -> None:
    """A number or a date; what is not read is said; nonsense is a wrong call; one process or several."""
    for since in ("16", "2024-01-01"):
        report = said(call("verify", "--since", since, "--jobs", "1", "--data", str(data), "--json"))
        assert (report["ok"], report["records"], report["size"]) == (True, 4, 20)
        assert [notice["kind"] for notice in report["notices"]] == ["key_not_given", "passed"]
    for since in ("0", "2023-01-01", "2023-11-14T22:13:20+00:00"):
        assert said(call("verify", "--since", since, "--data", str(data), "--json"))["records"] == 20
    assert call("verify", "--since", "yesterday", "--data", str(data)).exit_code == 2
    assert call("verify", "--jobs", "-1", "--data", str(data)).exit_code == 2


def test_how_far_it_is_stands_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """At most a word a second."""
    told = Told(iter([0.0, 0.4, 1.0, 1.0, 1.9, 2.1, 2.1]).__next__)
    for done in (1, 2, 3, 4):
        told(done, 9)

    out, err = capsys.readouterr()
    assert (out, err) == ("", "2 of 9 records\n4 of 9 records\n")


@pytest.mark.parametrize("words", [("verify",), ("show", "0"), ("search",), ("prove", "0")])
def test_no_log_is_not_found(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Without a log every command leaves with exit 3 and one JSON document."""
    result = call(*words, "--data", str(tmp_path / "nowhere"), "--json")

    assert result.exit_code == 3
    assert said(result)["error"]["code"] == "audit.missing"


def test_show(data: Path) -> None:
    """One record is shown; a number beyond the end is not found."""
    shown = said(call("show", "5", "--data", str(data), "--json"))

    assert (shown["seq"], shown["record"]["obj"]) == (5, "m5")
    assert call("show", "20", "--data", str(data)).exit_code == 3


def test_search(data: Path) -> None:
    """Hits are selected by what was asked, counted whole, listed up to the limit; the scan covers every record."""
    hits = said(call("search", "--sub", "s1", "--limit", "2", "--data", str(data), "--json"))
    one = said(call("search", "--act", "release", "--obj", "m7", "--data", str(data), "--json"))

    assert (hits["scanned"], hits["found"], [h["seq"] for h in hits["hits"]]) == (20, 7, [1, 4])
    assert [h["seq"] for h in one["hits"]] == [7]
    assert said(call("search", "--case", "ab" * 32, "--data", str(data), "--json"))["found"] == 0
    assert '"m1"' in call("search", "--actor", "", "--data", str(data)).stdout


def test_prove(data: Path) -> None:
    """A record comes with its path and the signed head; a key that did not sign gives no proof."""
    proved = said(call("prove", "7", "--data", str(data), "--json"))

    assert (proved["seq"], proved["size"], len(proved["proof"])) == (7, 20, 5)
    assert proved["checkpoint"].startswith(KEY.name)
    assert call("prove", "20", "--data", str(data)).exit_code == 3
    assert call("prove", "7", "--data", str(data), "--public-key", str(data / "audit" / "checkpoint")).exit_code == 6
    assert call("verify", "--data", str(data), "--public-key", str(data / "none")).exit_code == 6


def test_tampered_log_cannot_be_searched_in_silence(data: Path) -> None:
    """Search and show end with exit 6 where the log is broken before their answer is whole."""
    path = segments(data / "audit")[0]
    path.write_bytes(path.read_bytes()[:600])

    assert call("search", "--data", str(data)).exit_code == 6
    assert call("show", "9", "--data", str(data)).exit_code == 6
