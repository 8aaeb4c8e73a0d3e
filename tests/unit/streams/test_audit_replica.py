"""The replica of an audit log: the log's own bytes, there before a record counts; a log set back is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from security.audit.catching_up import catch_up
from security.audit.errors import AuditPoisonedError, AuditRolledBackError, ReplicaDiffersError, ReplicaFencedError
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.verify import verify
from streams.audit_replica import BusReplica, compare, replicated
from streams.bus.embedded import EmbeddedBus
from streams.bus.port import BusUnavailableError, Record
from tests.unit.security.audit.workshop import ORIGIN, abandon, filled, open_log, release

TOPIC = "casebus.audit.n1"


class Failing:
    """An appender that can be out of reach, before it took the records or after."""

    def __init__(self, bus: EmbeddedBus) -> None:
        self.bus = bus
        self.out = ""

    def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        """Append, or fail on the way."""
        if self.out == "before":
            raise BusUnavailableError(file="kafka", reason="away")
        last = self.bus.append(topic, partition, records)
        if self.out == "after":
            raise BusUnavailableError(file="kafka", reason="no answer")
        return last


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[EmbeddedBus]:
    """A bus for the replica."""
    opened = EmbeddedBus(tmp_path / "bus.db")
    yield opened
    opened.close()


def opened(directory: Path, bus: EmbeddedBus, appender: Failing | None = None) -> tuple[AuditLog, BusReplica]:
    """Open a log with its replica as a node does: the replica's size is its floor."""
    replica = BusReplica(bus, appender or bus, "n1")
    return replicated(open_log(directory, floor=replica.size()), bus, appender or bus, "n1"), replica


def test_the_replica_has_the_log_s_bytes(tmp_path: Path, bus: EmbeddedBus) -> None:
    """Every group stands in the replica as in the segments, over the end of a segment too."""
    log, replica = opened(tmp_path / "audit", bus)
    for first in range(0, 40, 4):
        log.append([release(first + n) for n in range(4)])
        assert replica.size() == log.size
    log.close()

    segments = b"".join(path.read_bytes() for path in sorted((tmp_path / "audit/segments").glob("*.seg")))
    assert all(group.content in segments for group in replica.groups())
    assert compare(tmp_path / "audit", replica) == 40


def test_a_log_that_had_no_replica_is_given_one(tmp_path: Path, bus: EmbeddedBus) -> None:
    """What stands in the log already is sent first, nothing twice at the next opening."""
    directory = filled(tmp_path / "audit")
    for _ in range(2):
        log, replica = opened(directory, bus)
        log.close()

    assert compare(directory, replica) == 20
    firsts = [group.commit.first for group in replica.groups()]
    assert len(firsts) == bus.end(TOPIC, 0)


@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_counts_while_the_replica_is_out_of_reach(tmp_path: Path, bus: EmbeddedBus, when: str) -> None:
    """The caller gets the error; what the log has already is given again before later records."""
    appender = Failing(bus)
    log, replica = opened(tmp_path / "audit", bus, appender)
    log.append([release(0)])

    appender.out = when
    with pytest.raises(BusUnavailableError):
        log.append([release(1)])
    appender.out = ""
    log.append([release(2)])
    log.close()

    assert [group.commit.first for group in replica.groups()] == [0, 1, 2]
    assert compare(tmp_path / "audit", replica) == 3


def test_a_killed_node_gives_the_rest_when_it_is_back(tmp_path: Path, bus: EmbeddedBus) -> None:
    """Killed between its own disk and the replica, the next opening sends what is missing."""
    appender = Failing(bus)
    log, _ = opened(tmp_path / "audit", bus, appender)
    appender.out = "before"
    with pytest.raises(BusUnavailableError):
        log.append([release(1)])
    abandon(log)

    again, replica = opened(tmp_path / "audit", bus)
    again.close()

    assert compare(tmp_path / "audit", replica) == 1
    assert verify(tmp_path / "audit", 3, None).ok


def test_a_log_set_back_behind_its_replica_does_not_open(tmp_path: Path, bus: EmbeddedBus) -> None:
    """An older copy of the log, signed head and all, ends below what the replica has: it is refused."""
    directory = tmp_path / "audit"
    log, _ = opened(directory, bus)
    log.append([release(0)])
    log.close()
    old = tmp_path / "old"
    copy(directory, old)
    log, replica = opened(directory, bus)
    log.append([release(1), release(2)])
    log.close()

    with pytest.raises(AuditRolledBackError):
        opened(old / "audit", bus)
    with pytest.raises(ReplicaDiffersError):
        compare(old / "audit", replica)


def taken(directory: Path, bus: EmbeddedBus) -> tuple[AuditLog, BusReplica]:
    """Open a log as a node on Kafka does: the replica is taken, caught up from, and given the log."""
    replica = BusReplica(bus, bus, "n1", ORIGIN)
    replica.take()
    catch_up(directory, ORIGIN, replica)
    log = open_log(directory, floor=replica.size(), known=[replica.head] if replica.head else [])
    replica.belong(Layout(directory))
    log.replicate(replica)
    return log, replica


def grown(tmp_path: Path, bus: EmbeddedBus) -> tuple[Path, Path]:
    """Return a log of thirty records and an older copy of it, of ten; the replica has them all."""
    directory, old = tmp_path / "audit", tmp_path / "old"
    log, _ = taken(directory, bus)
    log.append([release(n) for n in range(10)])
    log.close()
    copy(directory, old)
    log, _ = taken(directory, bus)
    for first in range(10, 30, 4):
        log.append([release(first + n) for n in range(4)])
    log.close()
    return directory, old / "audit"


def test_an_older_copy_catches_up_and_goes_on(tmp_path: Path, bus: EmbeddedBus) -> None:
    """It takes every group up again, over the end of a segment, and gives no number twice."""
    whole, old = grown(tmp_path, bus)

    log, replica = taken(old, bus)
    log.append([release(99)])
    log.close()

    assert log.size == 31
    assert compare(old, replica) == 31
    assert verify(old, 3, None).ok
    segments = [b"".join(p.read_bytes() for p in sorted((d / "segments").glob("*.seg"))) for d in (whole, old)]
    assert segments[1].startswith(segments[0].rstrip(bytes(1)))


def test_a_lost_directory_is_made_again(tmp_path: Path, bus: EmbeddedBus) -> None:
    """With the keys and the signer's state, an older one too, the log is whole again: the replica names its log."""
    _, old = grown(tmp_path, bus)
    shutil.copytree(old.with_name("audit-signer"), tmp_path / "new" / "audit-signer")

    log, replica = taken(tmp_path / "new" / "audit", bus)
    log.close()

    assert log.size == 30
    assert compare(tmp_path / "new" / "audit", replica) == 30
    assert verify(tmp_path / "new" / "audit", 3, None).ok


def test_a_replica_of_another_log_is_refused(tmp_path: Path, bus: EmbeddedBus) -> None:
    """Its header names another nonce."""
    taken(tmp_path / "audit", bus)[0].close()
    other = filled(tmp_path / "other" / "audit")

    with pytest.raises(ReplicaDiffersError):
        taken(other, bus)


def test_who_opened_last_writes_and_the_other_ends(tmp_path: Path, bus: EmbeddedBus) -> None:
    """A copy of the directory is started while the first still runs: what the first writes after that never counts."""
    first, _ = taken(tmp_path / "audit", bus)
    first.append([release(0)])
    copy(tmp_path / "audit", tmp_path / "copy")
    second, replica = taken(tmp_path / "copy" / "audit", bus)

    with pytest.raises(ReplicaFencedError):
        first.append([release(1)])
    with pytest.raises(AuditPoisonedError):
        first.append([release(2)])
    abandon(first)
    second.append([release(3)])
    second.append([release(4)])
    second.close()

    assert first.poisoned
    assert [group.commit.first for group in replica.groups()] == [0, 1, 2]
    assert compare(tmp_path / "copy" / "audit", replica) == 3
    assert first.head.size <= 1


def test_a_fenced_group_is_no_part_of_what_is_caught_up(tmp_path: Path, bus: EmbeddedBus) -> None:
    """The record that a fenced writer left in the topic is passed over when the log is made again from there."""
    test_who_opened_last_writes_and_the_other_ends(tmp_path, bus)
    shutil.copytree(tmp_path / "copy" / "audit-signer", tmp_path / "new" / "audit-signer")

    log, _ = taken(tmp_path / "new" / "audit", bus)
    log.close()

    assert log.size == 3
    assert verify(tmp_path / "new" / "audit", 3, None).ok


def copy(directory: Path, target: Path) -> None:
    """Copy a log with its signer's state."""
    shutil.copytree(directory, target / "audit")
    shutil.copytree(directory.with_name("audit-signer"), target / "audit-signer")
