"""Segments past their retention go; their hashes stay, and with them every proof."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.clock import DAY, ManualClock
from security.audit.catching_up import catch_up
from security.audit.checker import checked_head
from security.audit.directory_replica import DirectoryReplica, compare_directory
from security.audit.errors import AuditRolledBackError, AuditTamperedError, RecordRetiredError
from security.audit.evidence import Evidence
from security.audit.kept import Kept, Stay, keep, kept_path, retired_until
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.log_tree import LogTree
from security.audit.policy import Policy
from security.audit.proofs import consistency_holds, inclusion_holds
from security.audit.reading import find, prove, read
from security.audit.record import Entry
from security.audit.retention import RecordHold, Retention
from security.audit.retiring import ArchiveError, Standing, Warrant, due, retire
from security.audit.runs import RunTable
from security.audit.segment import SegmentFormError
from security.audit.sm3 import Sm3Head, Sm3MissingError, head_over
from security.audit.tiles import export_tiles, tile_path
from security.audit.verify import verify
from tests.unit.security.audit.retirement_shop import (
    LATER,
    RECORDS,
    SAFE,
    SPAN,
    WARRANT,
    let_go,
    old_log,
    opened,
    surveyed,
)
from tests.unit.security.audit.test_flips import flipped
from tests.unit.security.audit.workshop import KEY, NOW, ORIGIN, abandon, copy_of, open_log, release, segments

TRUST = Policy.of_key(KEY)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of three full segments and a little more, from which nothing was retired."""
    return old_log(tmp_path_factory.mktemp("whole") / "audit")


@pytest.fixture(scope="module")
def gone(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same log, its first two segments retired."""
    directory = copy_of(whole, tmp_path_factory.mktemp("gone") / "audit")
    let_go(directory)
    return directory


def checked(directory: Path) -> AuditLog:
    """Open a log a year later, with its checker."""
    return open_log(directory, span=SPAN, clock=ManualClock(LATER), checked=True)


def kinds(directory: Path, level: int = 2) -> list[str]:
    """Return what verification finds."""
    return [fault.kind for fault in verify(directory, level, KEY).faults]


def test_verification_names_what_was_retired_and_by_which_record(gone: Path) -> None:
    """It is in order at every level, and each range stands in the report with its record."""
    for level in (2, 3, 4):
        report = verify(gone, level, KEY)
        assert report.ok, report.faults
        by = [each.by for each in report.retired]
        assert [(each.first, each.records) for each in report.retired] == [(0, RECORDS), (RECORDS, RECORDS)]
        assert [find(gone, seq).record.act for seq in by] == ["retain", "retain"]
        assert [(each.kind, each.seq, each.count) for each in report.notices] == [("retired", n, RECORDS) for n in by]
        assert report.as_dict()["retired"][0] == {"first": 0, "records": RECORDS, "record": by[0]}
    assert len(segments(gone)) == 2
    assert retired_until(Layout(gone)) == 2 * RECORDS


@pytest.fixture(scope="module")
def proving(whole: Path, gone: Path) -> tuple[LogTree, Evidence]:
    """The tree of before, and what proves now."""
    return RunTable(whole).tree(3 * RECORDS + 40), Evidence.open(gone, TRUST)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_every_leaf_and_every_earlier_size_can_still_be_proved(
    proving: tuple[LogTree, Evidence], data: st.DataObject
) -> None:
    """Leaves and roots are those of before; a proof leads from each to the signed root of now."""
    before, after = proving
    old = data.draw(st.integers(1, 3 * RECORDS + 40))
    assert after.tree.root(old) == before.root(old)
    proof = after.tree.consistency_proof(old, after.head.size)
    assert consistency_holds(old, after.head.size, before.root(old), after.head.root, proof)
    seq = data.draw(st.integers(0, after.head.size - 1))
    leaf = after.runs.leaves(seq >> 8, after.head.size)[seq & 255]
    assert inclusion_holds(leaf, seq, after.head.size, after.path(seq), after.head.root)
    if seq < 3 * RECORDS:
        assert leaf == before.node(0, seq)


def test_a_retired_record_has_leaf_and_proof_and_no_words(whole: Path, gone: Path) -> None:
    """Asking for it says so by a code; its proof says the same leaf as before; what explains the log stays readable."""
    with pytest.raises(RecordRetiredError):
        find(gone, 5)
    with pytest.raises(RecordRetiredError):
        Evidence.open(gone, TRUST).bundle([5])
    assert "c2sp.org/tlog-proof" in Evidence.open(gone, TRUST).proof_file(5)
    proved = prove(gone, 5, KEY)
    assert proved["retired"]
    assert "entry" not in proved
    assert proved["leaf"] == prove(whole, 5, KEY)["leaf"]
    assert find(gone, RECORDS).record.act == "erase"
    assert prove(gone, RECORDS, KEY)["record"] == prove(whole, RECORDS, KEY)["record"]
    assert [stored.seq for stored in read(gone)][:3] == [0, RECORDS, 2 * RECORDS]


def test_hashes_without_a_record_are_a_segment_taken_away(whole: Path, tmp_path: Path) -> None:
    """Whoever can write to the disk can make the hashes; only the log's own signed word makes it a retirement."""
    directory = copy_of(whole, tmp_path / "audit")
    keep(Layout(directory), surveyed(directory)[0].kept)
    assert not kinds(directory), "hashes beside a segment that is there say nothing"
    segments(directory)[0].unlink()
    report = verify(directory, 2, KEY)
    assert [(fault.kind, fault.seq, fault.count) for fault in report.faults] == [("retired_unrecorded", 0, RECORDS)]
    assert not report.retired


def test_a_record_above_the_head_or_of_one_person_retires_nothing(whole: Path, tmp_path: Path) -> None:
    """Unsigned words can be put there by whoever can write to the disk; one person alone cannot retire."""
    alone = copy_of(whole, tmp_path / "alone" / "audit")
    let_go(alone, 1, Warrant(("wang", "wang"), "p"))
    assert kinds(alone) == ["retired_unrecorded"]
    unsigned = copy_of(whole, tmp_path / "unsigned" / "audit")
    log = opened(unsigned)
    going = due(surveyed(unsigned), LATER, SAFE)[:1]
    log.checkpoint = lambda: ""  # type: ignore[method-assign] # a head that is never signed
    retire(log, Layout(unsigned), going, WARRANT, None)
    abandon(log)
    assert kinds(unsigned) == ["retired_unrecorded"]


def test_what_stays_cannot_go_too(gone: Path, tmp_path: Path) -> None:
    """A file of hashes that is gone is a missing segment, and the log does not open as if it began later."""
    directory = copy_of(gone, tmp_path / "audit")
    kept_path(Layout(directory), RECORDS).unlink()
    assert kinds(directory) == ["segment_missing"]
    first = copy_of(gone, tmp_path / "first" / "audit")
    for path in Layout(first).pieces()[2:]:
        path.unlink()
    with pytest.raises(AuditRolledBackError):
        opened(first)


def test_every_flipped_bit_of_what_stays_is_found(gone: Path, tmp_path: Path) -> None:
    """Header, hashes, footer, records that stay, end: a sample of bits; the bench `audit-alter` takes many more."""
    directory = copy_of(gone, tmp_path / "audit")
    draw = random.Random(7)  # noqa: S311 - a reproducible sample
    path = Layout(directory).pieces()[1]
    data = path.read_bytes()
    edges = [*range(0, 256 * 8, 97), *range((len(data) - 200) * 8, len(data) * 8, 41)]
    for bit in [*edges, *draw.sample(range(len(data) * 8), 30)]:
        path.write_bytes(flipped(data, bit))
        assert kinds(directory), f"bit {bit}"
    path.write_bytes(data)
    assert not kinds(directory)


def test_the_form_of_what_stays_refuses_records_that_are_not_there(whole: Path) -> None:
    """A record that stays must be the one of its leaf; the bytes have one form only."""
    kept = surveyed(whole)[0].kept
    assert Kept.decode(kept.encode()) == kept
    false = Kept(kept.header, kept.leaves, kept.footer, (Stay(1, kept.stays[0].entry),), kept.size)
    for data in (false.encode(), kept.encode()[:-1], kept.encode() + b"\0", kept.encode()[:300]):
        with pytest.raises(SegmentFormError):
            Kept.decode(data)


def test_a_log_with_retired_segments_goes_on(gone: Path, tmp_path: Path) -> None:
    """It opens, writes, retires more, and verifies; the record of an earlier retirement outlives its own segment."""
    directory = copy_of(gone, tmp_path / "audit")
    with opened(directory) as log:
        log.append([release(n) for n in range(3 * RECORDS)])
    later = LATER + 400 * DAY
    with opened(directory, later) as log:
        log.append([release(1)])
        going = due(surveyed(directory), later, SAFE)
        assert [each.first for each in going] == [2 * RECORDS, 3 * RECORDS, 4 * RECORDS, 5 * RECORDS]
        retire(log, Layout(directory), going, WARRANT, None)
    report = verify(directory, 3, KEY)
    assert report.ok, report.faults
    assert len(report.retired) == 6
    assert report.retired[0].by < retired_until(Layout(directory))
    assert find(directory, report.retired[0].by).record.act == "retain"


def test_the_checker_proves_growth_over_a_retirement(whole: Path, tmp_path: Path) -> None:
    """Its own head from before leads to the one behind it: retired beside a checked writer, and opened again."""
    directory = copy_of(whole, tmp_path / "audit")
    with checked(directory) as log:
        log.append([release(n) for n in range(30)])
        log.checkpoint()
        before = checked_head(Layout(directory))
        retire(log, Layout(directory), due(surveyed(directory), LATER, SAFE)[:2], WARRANT, None)
        log.append([release(n) for n in range(2 * RECORDS)])
    with checked(directory) as log:
        log.append([release(n) for n in range(RECORDS)])
    after = checked_head(Layout(directory))

    assert before
    assert after
    assert (before.size, after.size) == (3 * RECORDS + 70, 6 * RECORDS + 72)
    proof = Evidence.open(directory, TRUST).tree.consistency_proof(before.size, after.size)
    assert consistency_holds(before.size, after.size, before.root, after.root, proof)
    assert verify(directory, 3, KEY).ok


@pytest.mark.parametrize("hashes", [True, False])
def test_a_gap_behind_what_was_retired_is_named(whole: Path, tmp_path: Path, *, hashes: bool) -> None:
    """The first segment went by a record, the second did not: it alone is named, and without hashes nothing opens.

    Where hashes are missing too nothing behind the gap is followed, so no record is believed about what lies before it.
    """
    directory = copy_of(whole, tmp_path / "audit")
    let_go(directory, 1)
    if hashes:
        keep(Layout(directory), surveyed(directory)[0].kept)
    segments(directory)[0].unlink()

    report = verify(directory, 2, KEY)

    kind = "retired_unrecorded" if hashes else "segment_missing"
    assert [(fault.kind, fault.seq) for fault in report.faults] == [(kind, RECORDS)]
    assert [(each.first, each.records) for each in report.retired] == [(0, RECORDS)] * hashes
    if not hashes:
        with pytest.raises(AuditTamperedError):
            checked(directory)


def test_what_must_stay_keeps_everything_behind_it(whole: Path) -> None:
    """Young, held by case or by time, not replicated, not witnessed; and a longer-kept act keeps its whole segment."""
    every = surveyed(whole)
    assert len(due(every, LATER, SAFE)) == 3
    assert due(every, LATER, SAFE, most=2) == every[:2]
    assert not due(every, NOW + 300 * DAY, SAFE)
    assert len(due(every, LATER, Standing(2 * RECORDS, 1 << 50))) == 2
    assert len(due(every, LATER, Standing(1 << 50, 3 * RECORDS - 1))) == 2
    assert every[2].blocked(LATER, Standing(1 << 50, 0)) == "unwitnessed"
    assert not due(surveyed(whole, RecordHold("2025-17", "li", NOW)), LATER, SAFE)
    assert not due(surveyed(whole, policy=Retention(default=1, acts={"erase": 2})), LATER, SAFE)
    other = RecordHold("2025-18", "li", NOW, case="ab" * 32)
    assert len(due(surveyed(whole, other), LATER, SAFE)) == 3


def test_an_archive_has_the_segment_before_it_goes(whole: Path, tmp_path: Path) -> None:
    """Its copy is the segment byte for byte; where it cannot be had, nothing goes and nothing is recorded."""
    directory, archive = copy_of(whole, tmp_path / "audit"), tmp_path / "archive"
    names = {path.name: path.read_bytes() for path in segments(directory)[:1]}
    with pytest.raises(ArchiveError):
        let_go(directory, 1, archive=archive)
    archive.mkdir()
    (archive / next(iter(names))).write_bytes(b"something else")
    with pytest.raises(ArchiveError):
        let_go(directory, 1, archive=archive)
    assert len(segments(directory)) == 4
    assert not retired_until(Layout(directory))
    (archive / next(iter(names))).unlink()
    seq = let_go(directory, 1, archive=archive)
    assert {path.name: path.read_bytes() for path in archive.iterdir()} == names
    assert find(directory, seq).record.data["archived"] is True
    for name, content in names.items():
        (directory / "segments" / name).write_bytes(content)
    assert verify(directory, 3, KEY).records == verify(whole, 3, KEY).records + 1, "put back, it is read again"


def test_the_sm3_head_is_what_it_was(whole: Path, gone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It counts what was retired by the root that stays; where none could be kept it is refused by a code."""
    head = Sm3Head(ORIGIN)
    for stored in (*read(whole), *list(read(gone, 3 * RECORDS + 40))):
        head.add(stored.entry)
    assert head_over(Evidence.open(gone, TRUST)) == head.checkpoint

    bare = copy_of(whole, tmp_path / "audit")
    with monkeypatch.context() as patch:
        patch.setattr("security.audit.retiring.Sm3Head", lambda _: (_ for _ in ()).throw(Sm3MissingError()))
        let_go(bare)
    with pytest.raises(RecordRetiredError):
        head_over(Evidence.open(bare, TRUST))
    assert verify(bare, 3, KEY).ok


def test_tiles_of_retired_records_are_hashes_alone(whole: Path, gone: Path, tmp_path: Path) -> None:
    """A new export has every hash tile and no entries below the minimum index; an older one only grows."""
    export_tiles(Evidence.open(whole, TRUST), tmp_path / "old")
    done, fresh = export_tiles(Evidence.open(gone, TRUST), tmp_path / "old"), tmp_path / "new"
    assert done
    assert done.before == 3 * RECORDS + 40
    export_tiles(Evidence.open(gone, TRUST), fresh)
    for number in range(3):
        tile, entries = tile_path(0, number), tile_path("entries", number)
        assert (fresh / tile).read_bytes() == (tmp_path / "old" / tile).read_bytes()
        assert (fresh / entries).exists() == (number == 2)


def test_the_replica_lets_go_too_and_can_still_give_the_log_back(tmp_path: Path) -> None:
    """Files wholly before the end go, the hashes stay with it; a log that was lost is taken up from it."""
    directory = old_log(tmp_path / "audit")
    replica = DirectoryReplica(tmp_path / "replica", ORIGIN)
    with opened(directory) as log:
        replica.belong(Layout(directory))
        log.replicate(replica)
        replica._end = 1 << 30
        log.append([Entry(act="admin", obj="begins a file")])
    let_go(directory, 2)
    replica.retire(Layout(directory))
    assert len(replica.kept_files()) == 2
    assert sorted(path.name for path in replica.directory.glob("*.groups")) == [
        f"{0:020d}.groups",
        f"{808:020d}.groups",
    ]
    with opened(directory) as log:
        log.replicate(replica)
        log.append([release(n) for n in range(RECORDS)])
    with opened(directory, LATER + 400 * DAY) as log:
        log.replicate(replica)
        going = due(surveyed(directory), LATER + 400 * DAY, SAFE)
        retire(log, Layout(directory), going, WARRANT, None)
        replica.retire(Layout(directory))
    assert compare_directory(directory, replica) == log.size
    assert min(int(path.stem) for path in replica.directory.glob("*.groups")) > 0
    shutil.rmtree(directory)
    assert catch_up(directory, ORIGIN, replica, step=4096) == log.size - retired_until(Layout(directory))
    report = verify(directory, 3, KEY)
    assert report.ok, report.faults
    assert len(report.retired) == 4


def test_a_new_replica_begins_behind_what_was_retired(gone: Path, tmp_path: Path) -> None:
    """It has the hashes, then the groups; log and replica agree."""
    directory = copy_of(gone, tmp_path / "audit")
    replica = DirectoryReplica(tmp_path / "replica", ORIGIN)
    with opened(directory) as log:
        replica.belong(Layout(directory))
        log.replicate(replica)
        log.append([release(1)])
        size = log.size
    assert compare_directory(directory, replica) == size
    replica.close()
    again = DirectoryReplica(tmp_path / "replica", ORIGIN)
    assert (again.size(), len(again.kept_files())) == (size, 2)
    again.close()
