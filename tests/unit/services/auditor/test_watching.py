"""Following another agency's log: what it shows is verified, and what is not one history is proved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from security.audit.checkpoint import Checkpoint, signed
from security.audit.evidence import Evidence
from security.audit.fork import ForkEvidence
from security.audit.policy import Policy
from security.audit.tiles import export_tiles
from security.audit.trust_errors import HeadSignatureError
from services.auditor.errors import ForkedError, SourceUnavailableError, WatchedLogError, WatchStateError
from services.auditor.log_source import SegmentSource, TileSource, split_bundle
from services.auditor.watching import LogWatch
from services.cli.app import app
from tests.unit.security.audit.workshop import KEY, ORIGIN, SIGNER, copy_of, open_log, release

POLICY = Policy.of_key(KEY)
SIZES = (1, 255, 256, 257, 300, 513)


def grown(directory: Path, size: int, first: int = 0) -> None:
    """Bring a log to this size, with a head over it; other records for another `first`."""
    log = open_log(directory)
    log.append([release(first + n) for n in range(log.size, size)])
    log.close()


def watch(state: Path, directory: Path) -> LogWatch:
    """Follow a log in its own directory."""
    return LogWatch(state, POLICY, SegmentSource(directory, POLICY))


@pytest.mark.parametrize("by", ["segments", "tiles"])
def test_a_log_that_grows_is_followed(tmp_path: Path, by: str) -> None:
    """Each head is accepted, by segments or by tiles, also by a watcher that was started anew."""
    directory = tmp_path / "audit"
    before = 0
    for size in SIZES:
        grown(directory, size)
        if by == "tiles":
            export_tiles(Evidence.open(directory, POLICY), tmp_path / "tiles")
        source = TileSource(str(tmp_path / "tiles")) if by == "tiles" else SegmentSource(directory, POLICY)
        follower = LogWatch(tmp_path / "state", POLICY, source)
        for known in (before, size):
            seen = follower.look()
            assert (seen.before, seen.size) == (known, size)
        before = size


@pytest.mark.parametrize(("common", "known", "other"), [(5, 9, 9), (5, 9, 14), (5, 14, 9), (3, 8, 12), (300, 310, 600)])
def test_a_second_history_is_proved(tmp_path: Path, common: int, known: int, other: int) -> None:
    """Of the same size, larger, smaller: the evidence convinces somebody who has only the key."""
    directory, second = tmp_path / "audit", tmp_path / "second" / "audit"
    grown(directory, common)
    second.parent.mkdir()
    copy_of(directory, second)
    grown(directory, known)
    grown(second, other, first=10_000)
    watch(tmp_path / "state", directory).look()

    with pytest.raises(ForkedError) as raised:
        watch(tmp_path / "state", second).look()
    origin, earlier, later = ForkEvidence.parse(raised.value.evidence.content).verify(POLICY)
    assert (origin, earlier, later) == (ORIGIN, min(known, other), max(known, other))


def test_a_log_that_was_set_back_is_told(tmp_path: Path) -> None:
    """An older head of the same history is no fork, and no progress either."""
    directory, older = tmp_path / "audit", tmp_path / "older" / "audit"
    grown(directory, 5)
    older.parent.mkdir()
    copy_of(directory, older)
    grown(directory, 9)
    watch(tmp_path / "state", directory).look()

    with pytest.raises(WatchedLogError) as raised:
        watch(tmp_path / "state", older).look()
    assert raised.value.fields == {"kind": "truncated", "seq": 5}


def test_every_flipped_bit_of_the_entries_is_found(tmp_path: Path) -> None:
    """A bit of what the tiles show is never accepted, and what was known stays known."""
    directory, tiles = tmp_path / "audit", tmp_path / "tiles"
    grown(directory, 3)
    export_tiles(Evidence.open(directory, POLICY), tiles)
    path = tiles / "tile/entries/000.p/3"
    whole = path.read_bytes()
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        follower = LogWatch(tmp_path / f"state{at}", POLICY, TileSource(str(tiles)))
        with pytest.raises(WatchedLogError):
            follower.look()
        assert follower.size == 0


def test_heads_of_others_and_a_missing_log_are_refused(tmp_path: Path) -> None:
    """Only the policy's key counts; a log that is not there is unavailable, not empty."""
    directory = tmp_path / "audit"
    grown(directory, 3)
    with pytest.raises(SourceUnavailableError):
        LogWatch(tmp_path / "state", POLICY, TileSource(str(tmp_path / "nothing"))).look()
    note = (directory / "checkpoint").read_text(encoding="utf-8")
    (directory / "checkpoint").write_text(note.replace("\n3\n", "\n2\n"), encoding="utf-8")
    with pytest.raises(HeadSignatureError):
        watch(tmp_path / "state", directory).look()
    signed_note = signed(Checkpoint(ORIGIN, 3, bytes(32)), SIGNER)
    (directory / "checkpoint").write_text(signed_note, encoding="utf-8")
    with pytest.raises(WatchedLogError):
        watch(tmp_path / "state", directory).look()


def test_a_changed_memory_is_refused(tmp_path: Path) -> None:
    """The watcher does not go on from leaves that its own note does not sign."""
    grown(tmp_path / "audit", 5)
    watch(tmp_path / "state", tmp_path / "audit").look()
    leaves = tmp_path / "state" / "leaves"
    leaves.write_bytes(bytes(32) + leaves.read_bytes()[32:])

    with pytest.raises(WatchStateError):
        watch(tmp_path / "state", tmp_path / "audit")


def test_a_bundle_that_ends_within_an_entry_is_refused() -> None:
    """Lengths are not believed."""
    assert split_bundle(b"\0\2ab\0\1c") == [b"ab", b"c"]
    with pytest.raises(WatchedLogError):
        split_bundle(b"\0\3ab")


def test_the_command(tmp_path: Path) -> None:
    """Exit 0 and one document; on a fork exit 6 and a file that `witness fork` accepts."""
    directory, second, key = tmp_path / "audit", tmp_path / "second" / "audit", tmp_path / "key"
    key.write_text(KEY.text + "\n", encoding="utf-8")
    grown(directory, 5)
    second.parent.mkdir()
    copy_of(directory, second)
    grown(directory, 9)
    grown(second, 11, first=10_000)
    shutil.move(second, tmp_path / "forked")
    words = ["--state", str(tmp_path / "state"), "--public-key", str(key), "--json"]
    evidence = tmp_path / "fork.json"
    done = CliRunner().invoke(app, ["audit", "watch", str(directory), *words])
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"before": 0, "size": 9, "cosigned": 0})
    forked = CliRunner().invoke(app, ["audit", "watch", str(tmp_path / "forked"), *words, "--evidence", str(evidence)])

    assert forked.exit_code == 6
    checked = CliRunner().invoke(app, ["witness", "fork", str(evidence), "--public-key", str(key), "--json"])
    assert (checked.exit_code, json.loads(checked.stdout)["forked"]) == (0, True)
