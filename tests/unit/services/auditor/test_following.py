"""The index follows the log by itself: from head to head, beside others that write it, whatever happens to it."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from schemas.errors import IntegrityError
from security.audit.errors import AuditMissingError
from security.audit.policy import Policy
from security.audit.terms import Question
from services.auditor.following import IndexFollower
from services.auditor.index import AuditIndex, covered
from services.auditor.index_check import check_index
from services.auditor.search import Searcher
from tests.unit.security.audit.workshop import KEY, open_log, release, segments

POLICY = Policy.of_key(KEY)


def grown(directory: Path, size: int) -> None:
    """Bring a log to this size, with a head over it."""
    log = open_log(directory, span=10)
    log.append([release(n) for n in range(log.size, size)])
    log.close()


@pytest.fixture
def follower(tmp_path: Path) -> IndexFollower:
    """A follower of a log that is not there yet."""
    return IndexFollower(tmp_path / "audit", tmp_path / "index.db")


def test_it_follows_from_head_to_head(tmp_path: Path, follower: IndexFollower) -> None:
    """It waits for a log, takes up every whole run below each head, and what it made is what a search would make."""
    with pytest.raises(AuditMissingError):
        follower.look()
    for size in (255, 256, 1_000, 1_000, 5_000):
        grown(tmp_path / "audit", size)
        assert follower.look() == covered(tmp_path / "index.db") == size // 256 * 256
    follower.close()

    report = check_index(tmp_path / "audit", tmp_path / "index.db")
    assert report is not None
    assert (report.runs, report.lies) == (19, ())


def test_of_two_that_write_the_slower_sets_nothing_back(tmp_path: Path, follower: IndexFollower) -> None:
    """A search that began before, and writes its runs after the follower wrote more, loses nothing of them."""
    directory, path = tmp_path / "audit", tmp_path / "index.db"
    grown(directory, 300)
    follower.look()
    slow = AuditIndex(path)
    table = slow.table(directory)
    grown(directory, 2_000)
    table.follow(600)
    follower.look()
    slow.flush()
    slow.close()

    assert covered(path) == 1_792
    with Searcher.open(directory, POLICY, path) as searcher:
        assert searcher.index.rows == 0
        assert searcher.search(Question(), exhaustive=True).found > 1_999
    grown(directory, 2_304)
    assert follower.look() == 2_304
    report = check_index(directory, path)
    assert report is not None
    assert report.lies == ()


def test_a_search_does_not_wait_for_whoever_writes(tmp_path: Path, follower: IndexFollower) -> None:
    """While the follower holds the file's one write lock, an index that is up to date is opened and asked."""
    directory, path = tmp_path / "audit", tmp_path / "index.db"
    grown(directory, 600)
    follower.look()
    with closing(sqlite3.connect(path, isolation_level=None)) as writing:
        writing.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with Searcher.open(directory, POLICY, path) as searcher:
            assert searcher.search(Question(obj=("m5",))).found == 1
        assert time.monotonic() - began < 15
        writing.execute("ROLLBACK")


def test_a_removed_index_is_made_anew(tmp_path: Path, follower: IndexFollower) -> None:
    """Removed, or made anew by somebody else while it is open, it is found whole again at the next look."""
    directory, path = tmp_path / "audit", tmp_path / "index.db"
    grown(directory, 700)
    follower.look()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"index.db{suffix}").unlink()
    assert follower.look() == covered(path) == 512

    other = AuditIndex(path)
    other.clear()
    other.close()
    assert covered(path) == 0
    assert follower.look() == covered(path) == 512


def test_an_altered_log_is_told_and_once_mended_followed_again(tmp_path: Path, follower: IndexFollower) -> None:
    """What does not chain is not indexed; the follower says so each time and goes on when the log is what it signs."""
    directory = tmp_path / "audit"
    grown(directory, 300)
    follower.look()
    grown(directory, 2_000)
    shutil.copytree(directory, tmp_path / "whole")
    path = segments(directory)[0]
    data = bytearray(path.read_bytes())
    data[len(data) * 9 // 10] ^= 1
    path.write_bytes(data)
    for _ in range(2):
        with pytest.raises(IntegrityError):
            follower.look()

    shutil.copyfile(tmp_path / "whole" / path.relative_to(directory), path)
    assert follower.look() == 1_792
