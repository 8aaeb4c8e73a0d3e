"""Verification by several processes, and from a record on: the same word as one process over everything, or less."""

from __future__ import annotations

from pathlib import Path

import pytest

from security.audit.layout import Layout
from security.audit.passage import number_at
from security.audit.verify import verify
from security.audit.verify_parts import verify_in_parts
from tests.unit.security.audit.retirement_shop import LATER, RECORDS, let_go, old_log, opened
from tests.unit.security.audit.workshop import KEY, NOW, copy_of, release, segments


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of three full segments and a little more."""
    return old_log(tmp_path_factory.mktemp("whole") / "audit")


def altered(directory: Path, which: int) -> Path:
    """Flip a bit in the midst of a segment."""
    path = segments(directory)[which]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))
    return directory


@pytest.mark.parametrize("level", [1, 2, 4])
def test_several_processes_say_what_one_says(whole: Path, tmp_path: Path, level: int) -> None:
    """In order, and with a retired segment: the report is the same, word for word; how far it is is told."""
    directory = copy_of(whole, tmp_path / "audit")
    if level == 4:
        let_go(directory, 1)
    told: list[tuple[int, int]] = []

    report = verify_in_parts(directory, level, KEY, jobs=2, progress=lambda done, of: told.append((done, of)))

    assert report.as_dict() == verify(directory, level, KEY).as_dict()
    assert report.ok
    assert len(report.retired) == (level == 4)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert (told[-1][0] if told else 0) == report.records


def test_several_processes_name_a_fault_as_one_does(whole: Path, tmp_path: Path) -> None:
    """A flipped bit in the midst: found by one process, named by another that reads everything."""
    directory = altered(copy_of(whole, tmp_path / "audit"), 1)

    report = verify_in_parts(directory, 2, KEY, jobs=2)

    assert report.as_dict() == verify(directory, 2, KEY).as_dict()
    assert [(fault.kind, fault.seq // RECORDS) for fault in report.faults] == [("frame_crc", 1)]


def test_segments_before_are_not_read_and_that_is_said(whole: Path) -> None:
    """From a record in the second segment on: the first counts by its footer."""
    report = verify(whole, 3, KEY, since=RECORDS + 7)

    assert report.ok
    assert (report.records, report.size) == (2 * RECORDS + 40, 3 * RECORDS + 40)
    assert [(n.kind, n.count) for n in report.notices] == [("passed", RECORDS)]
    assert verify_in_parts(whole, 3, KEY, jobs=2, since=RECORDS + 7).as_dict() == report.as_dict()
    assert verify(whole, 3, KEY, since=1 << 40).records == 40


def test_what_is_not_read_is_not_vouched_for_and_what_is_read_is(whole: Path, tmp_path: Path) -> None:
    """A flipped bit before is found by reading all; one behind is, and hashes that lie about what was passed are."""
    before = altered(copy_of(whole, tmp_path / "before" / "audit"), 0)
    assert not verify(before, 2, KEY).ok
    assert verify(before, 2, KEY, since=RECORDS).ok
    behind = altered(copy_of(whole, tmp_path / "behind" / "audit"), 2)
    assert [f.kind for f in verify(behind, 2, KEY, since=RECORDS).faults] == ["frame_crc"]

    swapped = copy_of(whole, tmp_path / "swapped" / "audit")
    other = old_log(tmp_path / "other" / "audit")
    segments(swapped)[0].write_bytes(segments(other)[0].read_bytes())
    assert [f.kind for f in verify(swapped, 2, KEY, since=2 * RECORDS).faults] == ["header_link"]
    segments(swapped)[0].unlink()
    assert [f.kind for f in verify(swapped, 2, KEY, since=2 * RECORDS).faults] == ["segment_missing"]


def test_a_retirement_is_not_called_theft_where_its_record_was_passed(whole: Path, tmp_path: Path) -> None:
    """The record that retired a segment stands where nothing was read: that is said, and nothing else."""
    directory = copy_of(whole, tmp_path / "audit")
    let_go(directory, 1)
    with opened(directory) as log:
        log.append([release(n) for n in range(2 * RECORDS)])

    report = verify(directory, 2, KEY, since=1 << 40)

    assert report.ok
    assert [notice.kind for notice in report.notices] == ["not_checked", "passed"]
    assert [each.first for each in verify(directory, 2, KEY).retired] == [0]


def test_a_time_means_the_first_segment_that_may_have_it(whole: Path) -> None:
    """Before the log, within it, and behind its last full segment."""
    layout = Layout(whole)

    assert [number_at(layout, at) for at in (0, NOW, NOW + 1, LATER)] == [0, 0, 3 * RECORDS, 3 * RECORDS]
