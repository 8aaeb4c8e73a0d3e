"""The replica in a second directory: in step, after failures, for another log, and an older log that catches up."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from security.audit import directory_replica
from security.audit.catching_up import catch_up
from security.audit.directory_replica import DirectoryReplica, compare_directory
from security.audit.errors import (
    AuditReplicaError,
    AuditRolledBackError,
    AuditTamperedError,
    ReplicaDiffersError,
)
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.reading import read
from security.audit.verify import verify
from tests.unit.security.audit.workshop import KEY, ORIGIN, abandon, copy_of, filled, open_log, release, segments


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[DirectoryReplica]:
    """An empty replica."""
    made = DirectoryReplica(tmp_path / "replica", ORIGIN)
    yield made
    made.close()


def replicated(directory: Path, replica: DirectoryReplica, **options: object) -> AuditLog:
    """Open a log with its replica, as a node does."""
    known = [replica.head] if replica.head else []
    log = open_log(directory, floor=replica.size(), known=known, **options)
    replica.belong(Layout(directory))
    log.replicate(replica)
    return log


def test_every_group_stands_in_both(tmp_path: Path, replica: DirectoryReplica, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over segments, files of the replica, restarts and many threads, both hold the same bytes."""
    monkeypatch.setattr(directory_replica, "FILE_BYTES", 2_000)
    directory = tmp_path / "audit"
    log = replicated(directory, replica)
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda n: log.append([release(n), release(n + 1)]), range(40)))
    log.close()
    replica.close()
    again = DirectoryReplica(tmp_path / "replica", ORIGIN, new=False)

    assert compare_directory(directory, again) == again.size() == 80
    assert len(list((tmp_path / "replica").glob("*.groups"))) > 3
    assert verify(directory, 3, KEY).ok
    again.close()


def test_a_record_counts_only_once_the_replica_has_it(
    tmp_path: Path, replica: DirectoryReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the replica's disk is full nothing is acknowledged and nothing more is signed; afterwards both go on."""
    directory = tmp_path / "audit"
    log = replicated(directory, replica)
    log.append([release(0)])
    log.checkpoint()
    real = os.pwrite

    def full(descriptor: int, content: bytes, at: int) -> int:
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".groups":
            real(descriptor, content[:40], at)
            raise OSError(28, "full")
        return real(descriptor, content, at)

    monkeypatch.setattr(os, "pwrite", full)
    for number in (1, 2):
        with pytest.raises(AuditReplicaError):
            log.append([release(number)])
    assert (log.size, log.poisoned, replica.size()) == (3, False, 1)
    log.checkpoint()
    assert log.head.size == 1
    monkeypatch.setattr(os, "pwrite", real)
    assert log.append([release(3)]).last == 3
    log.close()

    assert compare_directory(directory, replica) == log.head.size == 4
    assert list((tmp_path / "replica" / "cut").iterdir())


def test_a_kill_between_the_two_is_made_up_at_the_next_start(tmp_path: Path, replica: DirectoryReplica) -> None:
    """The log is ahead of its replica after such a kill: the replica is given what it lacks."""
    directory = tmp_path / "audit"
    log = replicated(directory, replica)
    log.append([release(0)])
    log._replication = None
    log._pipeline.written = None
    log.append([release(1)])
    abandon(log)
    again = replicated(directory, replica)
    again.close()

    assert compare_directory(directory, replica) == 2


def test_an_older_copy_catches_up_before_it_opens(tmp_path: Path, replica: DirectoryReplica) -> None:
    """It does not open below the replica; caught up it holds the same records, segments and heads, and goes on."""
    directory, older = tmp_path / "audit", tmp_path / "older" / "audit"
    log = replicated(directory, replica)
    log.append([release(n) for n in range(9)])
    log.close()
    older.parent.mkdir()
    copy_of(directory, older)
    log = replicated(directory, replica)
    for number in range(9, 60, 3):
        log.append([release(number + n) for n in range(3)])
    log.close()

    with pytest.raises(AuditRolledBackError):
        replicated(older, replica)
    assert catch_up(older, ORIGIN, replica, step=4_096) == 51
    replicated(older, replica).close()
    assert [each.leaf for each in read(older)] == [each.leaf for each in read(directory)]
    assert [path.name for path in segments(older)] == [path.name for path in segments(directory)]
    assert verify(older, 3, KEY).ok


def test_a_lost_log_is_made_anew_from_the_replica(tmp_path: Path, replica: DirectoryReplica) -> None:
    """With the signer's own head kept elsewhere, all of it comes back."""
    directory = tmp_path / "audit"
    log = replicated(directory, replica)
    log.append([release(n) for n in range(40)])
    log.close()
    shutil.rmtree(directory)

    assert catch_up(directory, ORIGIN, replica, step=4_096) == 40
    replicated(directory, replica).close()
    assert verify(directory, 3, KEY).ok


def test_a_log_of_another_history_is_refused(tmp_path: Path, replica: DirectoryReplica) -> None:
    """One that was set back and written further differs from its replica, whether it is shorter or longer."""
    directory, older = tmp_path / "audit", tmp_path / "older" / "audit"
    log = replicated(directory, replica)
    log.append([release(0), release(1)])
    log.close()
    older.parent.mkdir()
    copy_of(directory, older)
    log = replicated(directory, replica)
    for number in range(2, 8):
        log.append([release(number)])
    log.close()
    other = open_log(older)
    other.append([release(77)])
    other.close()

    with pytest.raises(ReplicaDiffersError):
        catch_up(older, ORIGIN, replica)
    longer = open_log(older)
    for number in range(10):
        longer.append([release(number)])
    longer.close()
    fresh = DirectoryReplica(tmp_path / "replica", ORIGIN)
    with pytest.raises(AuditTamperedError):
        replicated(older, fresh)
    fresh.close()


def test_another_logs_replica_and_an_unmounted_disk_are_refused(tmp_path: Path, replica: DirectoryReplica) -> None:
    """A replica knows its log; an empty folder where one should be is a disk that is not there."""
    log = replicated(tmp_path / "audit", replica)
    log.append([release(0)])
    log.close()
    filled(tmp_path / "other")

    with pytest.raises(ReplicaDiffersError):
        replica.belong(Layout(tmp_path / "other"))
    with pytest.raises(AuditReplicaError) as raised:
        DirectoryReplica(tmp_path / "nothing", ORIGIN, new=False)
    assert raised.value.fields["reason"] == "absent"
