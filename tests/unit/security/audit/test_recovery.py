"""Opening for writing: what is checked before the first record, and what refuses to open."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from security.audit.checkpoint import Checkpoint, signed
from security.audit.directory_replica import DirectoryReplica
from security.audit.errors import AuditRolledBackError, AuditTamperedError
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.reading import read
from security.audit.verify import verify
from tests.unit.security.audit.workshop import (
    KEY,
    ORIGIN,
    SIGNER,
    abandon,
    filled,
    frames,
    open_log,
    rebuilt,
    release,
    segments,
)


def flip(path: Path, at: int) -> None:
    """Turn over a bit of the byte at `at`, counted from the end where negative."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def with_root(directory: Path, size: int) -> None:
    """Publish a head of this size with another root, as a thief of the key would."""
    note = signed(Checkpoint(ORIGIN, size, b"\3" * 32), SIGNER)
    (directory / "checkpoint").write_text(note, encoding="utf-8")
    (directory.with_name("audit-signer") / "head").write_text(note, encoding="utf-8")


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "a record of the last segment": (lambda d: flip(segments(d)[-1], 500), "frame_crc"),
    "the header of the last segment": (lambda d: flip(segments(d)[-1], 40), "header"),
    "the header of the first segment": (lambda d: flip(segments(d)[0], 40), "header"),
    "the footer of a segment passed over": (lambda d: flip(segments(d)[0], -20), "footer"),
    "a segment in the middle": (lambda d: segments(d)[1].unlink(), "header_link"),
    "the published head": (lambda d: flip(d / "checkpoint", 120), "head_signature"),
    "another root at the end": (lambda d: with_root(d, 50), "head_root"),
    "another root at the end of a segment": (lambda d: with_root(d, 32), "head_root"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tamper_refuses_to_open_for_writing(tmp_path: Path, name: str) -> None:
    """Each is named, exit code 6, and the lock is given back; verification of the same log is not ok."""
    change, kind = REFUSED[name]
    directory = filled(tmp_path / "audit", (10, 40))
    change(directory)

    for _ in range(2):
        with pytest.raises(AuditTamperedError) as caught:
            open_log(directory)
        assert (caught.value.fields["kind"], caught.value.exit_code) == (kind, 6)
    assert not verify(directory, 2, KEY).ok


def test_a_break_in_an_older_unsigned_segment_is_tamper(tmp_path: Path) -> None:
    """A segment is durable before the next exists: damage in any but the last is no torn tail, signed or not."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(n) for n in range(40)])
    abandon(log)
    flip(segments(directory)[1], 600)

    with pytest.raises(AuditTamperedError):
        open_log(directory)
    assert not verify(directory, 2, KEY).ok
    with pytest.raises(AuditTamperedError):
        list(read(directory))


def test_an_older_segment_cut_before_its_footer_is_tamper(tmp_path: Path) -> None:
    """An older segment without a footer is no torn tail either."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(n) for n in range(20)])
    abandon(log)
    path = segments(directory)[0]
    path.write_bytes(rebuilt(path.read_bytes(), [payload for _, payload in frames(path.read_bytes())][:-1]))

    with pytest.raises(AuditTamperedError):
        open_log(directory)
    assert [f.kind for f in verify(directory, 2, KEY).faults] == ["footer"]


def test_no_segments_at_all(tmp_path: Path) -> None:
    """A log whose segments are gone ends below its head."""
    directory = filled(tmp_path / "audit")
    for path in segments(directory):
        path.unlink()

    with pytest.raises(AuditRolledBackError):
        open_log(directory)


def test_segments_below_every_head_are_taken_by_their_footers(tmp_path: Path) -> None:
    """A long log opens by reading its last segment; the signed root vouches for the rest, the tree goes on right."""
    directory = filled(tmp_path / "audit", (70,))
    flip(segments(directory)[0], 600)  # only reading the bytes would find it, which opening leaves to `verify`

    log = open_log(directory)
    log.append([release(n) for n in range(70, 90)])
    log.close()

    report = verify(directory, 2, KEY)
    assert [(f.kind, f.file) for f in report.faults] == [("frame_crc", "segments/00000000000000000000.seg")]
    assert report.size == 90


def test_signer_state_lost(tmp_path: Path) -> None:
    """A signer without its state adopts the published head and goes on from it."""
    directory = filled(tmp_path / "audit", (40,))
    (tmp_path / "audit-signer" / "head").unlink()

    log = open_log(directory)
    log.append([release(40)])
    log.close()

    assert verify(directory, 3, KEY).size == 41


def test_span_of_an_old_log_is_kept(tmp_path: Path) -> None:
    """Opening with another segment width does not change that of a log that is there."""
    directory = filled(tmp_path / "audit", (10,))
    log = open_log(directory, span=8)
    log.append([release(n) for n in range(10, 40)])
    log.close()

    assert len(segments(directory)) == 3
    assert verify(directory, 3, KEY).ok


def test_a_floor_beyond_the_end_of_a_segment_opens(tmp_path: Path) -> None:
    """Killed with its newest head before, and the bus's citations behind, the end of a segment: nothing is missing."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(n) for n in range(9)])
    log.checkpoint()
    log.append([release(n) for n in range(9, 40)])
    abandon(log)

    again = open_log(directory, floor=40)
    again.close()
    assert again.size == 40


KEEPERS = ("signer", "checker", "replica", "bus")
"""Who remembers how far a log had come, each in a place of its own."""


def kept(folder: Path, floor: int = 0) -> AuditLog:
    """Open the log in `folder` as a node does; `floor` is what its bus cites."""
    replica = DirectoryReplica(folder / "replica", ORIGIN)
    known = [replica.head] if replica.head else []
    try:
        log = open_log(folder / "audit", floor=max(floor, replica.size()), checked=True, known=known)
    except BaseException:
        replica.close()
        raise
    replica.belong(Layout(folder / "audit"))
    log.replicate(replica)
    return log


@pytest.mark.parametrize("remember", [c for n in range(5) for c in itertools.combinations(KEEPERS, n)], ids="+".join)
def test_an_older_disk_is_refused_whoever_remembers(tmp_path: Path, remember: tuple[str, ...]) -> None:
    """The log was set back, and so was each keeper that is not in `remember`: one alone is enough to refuse."""
    folder, older = tmp_path / "now", tmp_path / "older"
    log = kept(folder)
    log.append([release(n) for n in range(5)])
    log.close()
    shutil.copytree(folder, older)
    log = kept(folder)
    log.append([release(n) for n in range(5, 9)])
    log.close()
    for name in ("signer", "checker", "replica"):
        if name in remember:
            place = "replica" if name == "replica" else f"audit-{name}"
            shutil.rmtree(older / place)
            shutil.copytree(folder / place, older / place)
    floor = 9 if "bus" in remember else 0

    if not remember:
        kept(older, floor).close()  # only a witness of another agency could tell
        return
    for _ in range(2):
        with pytest.raises(AuditRolledBackError) as caught:
            kept(older, floor)
        assert caught.value.fields == {"have": 5, "need": 9}
