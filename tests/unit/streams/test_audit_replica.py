"""The replica of an audit log: the log's own bytes, there before a record counts; a log set back is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from security.audit.errors import AuditRolledBackError, ReplicaDiffersError
from security.audit.log import AuditLog
from security.audit.verify import verify
from streams.audit_replica import BusReplica, compare, replicated
from streams.bus.embedded import EmbeddedBus
from streams.bus.port import BusUnavailableError, Record
from tests.unit.security.audit.workshop import abandon, filled, open_log, release

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
    firsts = [group.first for group in replica.groups()]
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

    assert [group.first for group in replica.groups()] == [0, 1, 2]
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


def copy(directory: Path, target: Path) -> None:
    """Copy a log with its signer's state."""
    shutil.copytree(directory, target / "audit")
    shutil.copytree(directory.with_name("audit-signer"), target / "audit-signer")
