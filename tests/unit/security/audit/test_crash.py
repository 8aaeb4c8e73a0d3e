"""Crashes: the end cut at every byte, bytes lost at random, kill -9; what was acknowledged is always there."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from security.audit.errors import AuditRolledBackError, AuditTamperedError
from security.audit.log import AuditLog
from security.audit.reading import read
from security.audit.verify import verify
from tests.unit.security.audit.workshop import KEY, abandon, copy_of, filled, open_log, release, segments


def crashed(directory: Path, signed: int, groups: list[int]) -> list[tuple[int, int]]:
    """Make a log that was abandoned after `groups` of records; return (size, end of the file's bytes) after each."""
    log = open_log(directory, span=8)
    if signed:
        log.append([release(n) for n in range(signed)])
        log.checkpoint()
    marks = [(log.size, log._pipeline.file.end)]
    for count in groups:
        log.append([release(log.size + n) for n in range(count)])
        marks.append((log.size, log._pipeline.file.end))
    abandon(log)
    return marks


def put(directory: Path, data: bytes) -> None:
    """Write these bytes into the log's only segment."""
    segments(directory)[0].write_bytes(data)


def recovered(directory: Path) -> AuditLog:
    """Open the log again; whoever calls closes it."""
    return open_log(directory, span=8)


def test_cut_at_every_byte_of_the_last_groups(tmp_path: Path) -> None:
    """Cut anywhere in the unsigned groups: whole groups stay, the rest is quarantined and recorded, the log goes on."""
    marks = crashed(tmp_path / "made" / "audit", 2, [1, 2, 1])
    data = segments(tmp_path / "made" / "audit")[0].read_bytes()
    for cut in range(marks[0][1], marks[-1][1] + 1):
        directory = copy_of(tmp_path / "made" / "audit", tmp_path / str(cut) / "audit")
        put(directory, data[:cut] + bytes(cut % 2 * 64))
        kept, end = max((size, end) for size, end in marks if end <= cut)
        torn = any(data[end:cut])  # zeros, such as the first bytes of a length, tell of no write

        before = verify(directory, 3, KEY)
        log = recovered(directory)
        after = list(read(directory))
        log.close()

        assert before.ok, cut
        assert before.records == kept, cut
        assert [n.kind for n in before.notices if n.kind == "torn_tail"] == ["torn_tail"] * torn, cut
        assert log.size == kept + torn, cut
        assert [s.record.act for s in after] == ["release"] * kept + ["recover"] * torn, cut
        assert verify(directory, 3, KEY).clean, cut
        shutil.rmtree(tmp_path / str(cut))


def test_cut_below_the_signed_head_is_tamper(tmp_path: Path) -> None:
    """Cut below the signed head: verification faults, and opening for writing refuses with exit code 6."""
    directory = tmp_path / "audit"
    crashed(directory, 3, [1])
    data = segments(directory)[0].read_bytes()
    signed_end = len(data[: data.index(b'"m2"')])
    for cut in (256, 300, signed_end, signed_end + 40):
        put(directory, data[:cut])

        assert not verify(directory, 2, KEY).ok
        with pytest.raises((AuditTamperedError, AuditRolledBackError)) as caught:
            recovered(directory)
        assert caught.value.exit_code == 6


@pytest.mark.parametrize("seed", range(30))
def test_any_part_of_the_last_write_may_be_lost(tmp_path: Path, seed: int) -> None:
    """A power loss keeps any subset of the last group's bytes: the groups before it stay whole."""
    directory = tmp_path / "audit"
    marks = crashed(directory, 2, [2, 3])
    draw = random.Random(seed)  # noqa: S311 - a reproducible sample
    data = bytearray(segments(directory)[0].read_bytes())
    start, end = marks[-2][1], marks[-1][1]
    grain = draw.choice([1, 16, 128])
    for at in range(start, end, grain):
        if draw.random() < 0.5:
            data[at : min(at + grain, end)] = bytes(min(grain, end - at))
    put(directory, bytes(data))

    log = recovered(directory)
    log.append([release(500)])
    log.close()
    report = verify(directory, 3, KEY)

    assert report.ok
    assert [s.record.obj for s in read(directory)][:4] == ["m0", "m1", "m2", "m3"]


def test_quarantine_keeps_the_bytes_and_the_record_says_so(tmp_path: Path) -> None:
    """The torn bytes are kept; the record names their length, digest, place and what they were."""
    directory = tmp_path / "audit"
    marks = crashed(directory, 1, [1])
    data = segments(directory)[0].read_bytes()
    torn = data[marks[0][1] : marks[-1][1] - 5].rstrip(b"\0")
    put(directory, data[: marks[-1][1] - 5])

    log = recovered(directory)
    (tail,) = log.recovered
    log.close()
    (kept,) = (directory / "quarantine").iterdir()
    record = list(read(directory))[-1].record

    assert kept.read_bytes() == torn
    assert (tail.kind, tail.seq, tail.size, tail.commits) == ("torn_tail", 1, len(torn), 0)
    assert (record.act, record.obj) == ("recover", kept.name)
    assert record.data["bytes"] == len(torn)
    assert record.data["kind"] == "torn_tail"
    assert record.data["sha256"].startswith(kept.name[21:37])


def test_a_crash_during_recovery_loses_no_record_of_it(tmp_path: Path) -> None:
    """A quarantined tail whose record was not written yet gets it at the next start."""
    directory = tmp_path / "audit"
    marks = crashed(directory, 1, [1])
    data = segments(directory)[0].read_bytes()
    put(directory, data[: marks[-1][1] - 5])
    recovered(directory).close()
    (kept,) = (directory / "quarantine").iterdir()
    kept.rename(kept.with_name(kept.name + ".pending"))

    log = recovered(directory)
    log.close()

    assert kept.exists()
    assert [s.record.act for s in read(directory)] == ["release", "recover", "recover"]


def test_whole_commits_behind_the_break_are_counted(tmp_path: Path) -> None:
    """Damage in front of whole groups is more than a power loss does: notice and record count the groups lost."""
    directory = tmp_path / "audit"
    marks = crashed(directory, 1, [1, 1, 1])
    data = bytearray(segments(directory)[0].read_bytes())
    data[marks[0][1] + 60] ^= 1
    put(directory, bytes(data))

    (notice,) = [n for n in verify(directory, 3, KEY).notices if n.kind == "torn_tail"]
    log = recovered(directory)
    log.close()

    assert notice.count == 3
    assert "3" in notice.text("zh")
    assert list(read(directory))[-1].record.data["commits"] == 3


def test_the_floor_of_the_bus_makes_it_tamper(tmp_path: Path) -> None:
    """Records that the bus cites must be there: the same damage below the caller's floor refuses to open."""
    directory = tmp_path / "audit"
    marks = crashed(directory, 1, [1, 1])
    data = bytearray(segments(directory)[0].read_bytes())
    data[marks[1][1] + 60] ^= 1
    put(directory, bytes(data))

    assert verify(directory, 2, KEY).ok
    assert not verify(directory, 2, KEY, floor=3).ok
    with pytest.raises(AuditTamperedError):
        open_log(directory, span=8, floor=3)
    put(directory, bytes(data[: marks[1][1]]))
    with pytest.raises(AuditRolledBackError):
        open_log(directory, span=8, floor=3)
    open_log(directory, span=8, floor=2).close()


def test_non_zero_bytes_behind_a_clean_stop(tmp_path: Path) -> None:
    """Bytes in the space of a cleanly stopped log: a fault by name; opening quarantines them under that name."""
    directory = filled(tmp_path / "audit", (3,), span=8)
    data = bytearray(segments(directory)[0].read_bytes())
    data[-7] = 0x55
    put(directory, bytes(data))

    report = verify(directory, 2, KEY)
    log = recovered(directory)
    log.close()

    assert [(f.kind, f.offset) for f in report.faults] == [("tail_not_zero", len(data) - 7)]
    assert log.recovered[0].kind == "tail_not_zero"
    assert list(read(directory))[-1].record.data["kind"] == "tail_not_zero"
    assert verify(directory, 3, KEY).ok


@pytest.mark.parametrize("keep", ["nothing of the footer", "half of the footer", "zeros behind it"])
def test_crash_while_a_segment_is_finished(tmp_path: Path, keep: str) -> None:
    """A full segment whose footer is torn, missing, or not cut to length yet is finished at the next start."""
    directory = filled(tmp_path / "audit", (16,))
    (path,) = segments(directory)
    data = path.read_bytes()
    footer = len(data) - data.index(b"\x46\x01\x01\x00") + 8
    path.write_bytes(
        {
            "nothing of the footer": data[:-footer] + bytes(300),
            "half of the footer": data[: -footer // 2] + bytes(300),
            "zeros behind it": data + bytes(300),
        }[keep]
    )
    (directory / "clean").unlink()

    assert verify(directory, 3, KEY).ok
    log = open_log(directory)
    log.append([release(n) for n in range(16, 20)])
    log.close()

    assert segments(directory)[0].read_bytes() == data
    assert verify(directory, 3, KEY).ok


def test_crash_between_the_signers_head_and_the_published_one(tmp_path: Path) -> None:
    """The signer may be ahead of the published head by one; the log goes on and publishes again."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(0)])
    older = (directory / "checkpoint").read_bytes()
    log.checkpoint()
    abandon(log)
    (directory / "checkpoint").write_bytes(older)

    assert verify(directory, 3, KEY).size == 1
    log = open_log(directory)
    log.close()
    report = verify(directory, 3, KEY)
    assert (report.ok, report.clean, report.size) == (True, True, 1)


def test_crash_while_the_log_is_made(tmp_path: Path) -> None:
    """A segment without records and without any head is a log that was being made; temporary files are no matter."""
    directory = tmp_path / "audit"
    abandon(open_log(directory))
    (directory / "checkpoint").unlink()
    shutil.rmtree(tmp_path / "audit-signer")
    (directory / "segments" / "00000000000000000000.tmp").write_bytes(b"half")
    (directory / "checkpoint.tmp").write_bytes(b"half")

    log = open_log(directory)
    log.append([release(0)])
    log.close()
    assert verify(directory, 3, KEY).ok


def test_records_without_any_head_are_tamper(tmp_path: Path) -> None:
    """A log signs its first head before its first record: records without a head are refused."""
    directory = filled(tmp_path / "audit")
    (directory / "checkpoint").unlink()
    shutil.rmtree(tmp_path / "audit-signer")

    with pytest.raises(AuditTamperedError):
        open_log(directory)
    assert verify(directory, 2, KEY).faults[0].kind == "head_missing"


def test_old_copy_put_back_is_refused(tmp_path: Path) -> None:
    """A log set back to an older copy of itself ends below the signer's own head: refused, and a fault."""
    directory = filled(tmp_path / "audit", (3,))
    shutil.copytree(directory, tmp_path / "old")
    log = open_log(directory)
    log.append([release(3)])
    log.close()
    shutil.rmtree(directory)
    (tmp_path / "old").rename(directory)

    with pytest.raises(AuditRolledBackError):
        open_log(directory)
    report = verify(directory, 2, KEY)
    assert [f.kind for f in report.faults] == ["truncated"]
    assert report.size == 4


WRITER = """
    import sys
    from pathlib import Path
    from schemas.clock import SystemClock
    from tests.unit.security.audit.workshop import open_log, release
    log = open_log(Path(sys.argv[1]), span=6, checkpoint_every=13, clock=SystemClock())
    size = log.size
    while True:
        done = log.append([release(size + n) for n in range(1 + size % 9)])
        size = log.size
        print(done.last, flush=True)
"""


@pytest.mark.slow
def test_kill_9_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Killed again and again at random moments: every acknowledged record is there, the log verifies, and goes on."""
    directory = tmp_path / "audit"
    draw = random.Random(7)  # noqa: S311 - a reproducible sample
    root = Path(__file__).resolve().parents[4]
    acknowledged = -1
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(directory)],
            cwd=root,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        ) as writer:
            assert writer.stdout is not None
            for _ in range(draw.randrange(1, 60)):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split("\n")
            acknowledged = max([acknowledged, *[int(line) for line in rest[:-1] if line]])
        report = verify(directory, 3, KEY)
        assert report.ok, report.faults
        assert report.records > acknowledged
        log = open_log(directory, span=6)
        assert log.size > acknowledged
        log.close()
    assert verify(directory, 3, KEY).clean
