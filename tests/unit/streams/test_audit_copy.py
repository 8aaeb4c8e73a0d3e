"""A copy of a log, from its replica on the bus: whole, under its writer's heads; what is wrong with it is said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.clock import ManualClock
from security.audit.checkpoint import VerifierKey, opened
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.policy import Policy
from security.audit.verify import verify
from security.keys.signing import Ed25519Signer
from streams.audit_copy import CopyState, TopicCopy
from streams.audit_replica import HEAD, BusReplica
from streams.bus.embedded import EmbeddedBus
from streams.bus.kafka_errors import KafkaTopicMissingError
from streams.bus.port import BusUnavailableError, Record
from tests.unit.security.audit.workshop import KEY, ORIGIN, open_log, release, segments

TOPIC = "casebus.audit.n1"
POLICY = Policy.of_key(KEY)
STRANGER = Policy.of_key(VerifierKey(ORIGIN, Ed25519Signer(b"\x07" * 32).public_key))


class Site(EmbeddedBus):
    """A bus that says when a topic is not there, as Kafka does."""

    def partitions(self, topic: str) -> int:
        """Refuse an unknown topic."""
        if topic not in self.topics(""):
            raise KafkaTopicMissingError(topic=topic)
        return super().partitions(topic)


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Site]:
    """A bus for the replica."""
    made = Site(tmp_path / "bus.db")
    yield made
    made.close()


def worker(directory: Path, bus: EmbeddedBus) -> AuditLog:
    """Open a log as a release worker does: replica taken, heads shown."""
    replica = BusReplica(bus, bus, "n1", ORIGIN)
    replica.take()
    log = open_log(directory, floor=replica.size())
    replica.belong(Layout(directory))
    log.replicate(replica)
    log.show_heads(replica.show)
    return log


def follower(tmp_path: Path, bus: EmbeddedBus, policy: Policy = POLICY) -> TopicCopy:
    """Follow the log's topic into a folder."""
    return TopicCopy(bus, tmp_path / "copy", "n1", ORIGIN, lambda: policy, ManualClock(1_000))


def test_a_copy_follows_over_segments_restarts_and_lost_places(tmp_path: Path, bus: Site) -> None:
    """From head to head, again from its state, again without it, again without its files: byte for byte the log's."""
    copying = follower(tmp_path, bus)
    for turn, lost in enumerate(("", "", "copy.json", "audit")):
        log = worker(tmp_path / "audit", bus)
        for each in range(7):
            log.append([release(10 * turn + each), release(10 * turn + each)])
            copying.look()
        log.close()
        copying.close()
        if lost:
            target = tmp_path / "copy" / lost
            shutil.rmtree(target) if target.is_dir() else target.unlink()
        copying = follower(tmp_path, bus)
        state = copying.look()
        assert (state.size, state.signed, state.promised, state.why) == (log.size,) * 3 + ("",)
        report = verify(tmp_path / "copy/audit", 3, KEY)
        assert (report.ok, report.records) == (True, log.size)
    assert CopyState.read(tmp_path / "copy") == state
    assert (tmp_path / "copy/audit/log.vkey").read_text(encoding="utf-8").strip() == KEY.text


def test_groups_of_a_writer_that_was_replaced_are_left_out(tmp_path: Path, bus: Site) -> None:
    """Two processes on copies of one directory: the copy has what the last opened wrote."""
    worker(tmp_path / "audit", bus).close()
    shutil.copytree(tmp_path / "audit", tmp_path / "other")
    shutil.copytree(tmp_path / "audit-signer", tmp_path / "other-signer")
    late = bus.read(TOPIC, 0, 0, 100)[-1].offset
    second = worker(tmp_path / "other", bus)
    second.append([release(1)])
    (group,) = BusReplica(bus, bus, "n1", ORIGIN).groups(0)
    bus.append(TOPIC, 0, [Record(b"\0" * 8, group.content, (("size", b"\0" * 7 + b"\x09"), ("lease", b"\0" * 8)))])
    second.append([release(2)])
    second.close()

    state = follower(tmp_path, bus).look()

    assert late > 0
    assert (state.size, state.signed, state.why) == (2, 2, "")


def test_a_head_that_no_known_key_signed_never_counts(tmp_path: Path, bus: Site) -> None:
    """The keys come from elsewhere: under another one the copy has records and no head, and says why."""
    log = worker(tmp_path / "audit", bus)
    log.append([release(1)])
    log.close()

    state = follower(tmp_path, bus, STRANGER).look()

    assert (state.size, state.signed, state.why) == (1, 0, "trust.head_signature")
    assert not (tmp_path / "copy/audit/checkpoint").exists()


def test_a_false_head_is_told_until_a_true_one_comes(tmp_path: Path, bus: Site) -> None:
    """Somebody who may write to the topic cannot stop the copy, nor stay unseen."""
    log, copying = worker(tmp_path / "audit", bus), follower(tmp_path, bus)
    log.append([release(1)])
    bus.append(TOPIC, 0, [Record(HEAD, b"casebus\n9\nAAAA\n\n\xff")])
    assert (copying.look().why, copying.look().size) == ("trust.head_form", 1)

    log.checkpoint()

    assert (copying.look().why, copying.look().signed) == ("", 1)
    log.close()


def test_a_topic_behind_its_head_is_told(tmp_path: Path, bus: Site) -> None:
    """A head promises more records than the topic has."""
    log = worker(tmp_path / "audit", bus)
    log.append([release(1)])
    log.close()
    apart = open_log(tmp_path / "audit")
    apart.append([release(2)])
    note = apart.checkpoint()
    apart.close()
    bus.append(TOPIC, 0, [Record(HEAD, note.encode())])

    state = follower(tmp_path, bus).look()

    assert (state.size, state.signed, state.promised) == (1, 1, 2)


@pytest.mark.parametrize("at", [300, 360])
def test_an_altered_group_of_the_topic_is_named(tmp_path: Path, bus: Site, at: int) -> None:
    """Neither bytes that are no group nor a group that does not chain get into the copy."""
    log = worker(tmp_path / "audit", bus)
    for each in range(3):
        log.append([release(each)])
    log.close()
    broken = Site(tmp_path / "broken.db")
    for stored in bus.read(TOPIC, 0, 0, 100):
        value = bytearray(stored.value)
        if stored.key == (1).to_bytes(8):
            value[at % len(value)] ^= 1
        broken.append(TOPIC, 0, [Record(stored.key, bytes(value), stored.headers)])

    copying = follower(tmp_path, broken)

    assert [(copying.look().size, copying.look().why) for _ in range(2)] == [(1, "audit.replica_differs")] * 2
    broken.close()


def test_an_altered_copy_is_named_and_made_anew_once_it_is_removed(tmp_path: Path, bus: Site) -> None:
    """One bit below the signed head: the next opening names it; without the folder it is taken again."""
    log = worker(tmp_path / "audit", bus)
    log.append([release(1), release(2)])
    log.close()
    copying = follower(tmp_path, bus)
    copying.look()
    copying.close()
    (path,) = segments(tmp_path / "copy/audit")
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)

    assert follower(tmp_path, bus).look().why == "audit.tampered"
    shutil.rmtree(tmp_path / "copy")
    state = follower(tmp_path, bus).look()
    assert (state.size, state.why) == (2, "")


def test_what_is_not_there_yet_is_told(tmp_path: Path, bus: Site) -> None:
    """No topic; a topic without an opening; then nothing written: a log of no records, in order."""
    copying = follower(tmp_path, bus)
    assert copying.look().why == "kafka.topic_missing"
    old = open_log(tmp_path / "old")
    old.replicate(BusReplica(bus, bus, "n1", ORIGIN))
    old.append([release(1)])
    assert copying.look().why == "auditor.copy_unopened"
    old.close()


def test_heads_are_shown_once_and_a_bus_that_is_away_stops_nothing(tmp_path: Path, bus: Site) -> None:
    """The log goes on; the next head is shown, and an old reader of the topic counts none of them."""
    log, shown = worker(tmp_path / "audit", bus), list[str]()

    def away(note: str) -> None:
        shown.append(note)
        raise BusUnavailableError(file="kafka", reason="away")

    log.append([release(1)])
    log.show_heads(away)
    log.append([release(2)])
    log.checkpoint()
    replica = BusReplica(bus, bus, "n1", ORIGIN)
    log.show_heads(replica.show)
    heads = [each.value.decode() for each in bus.read(TOPIC, 0, 0, 100) if each.key == HEAD]
    log.close()

    assert [opened(note, KEY).size for note in heads] == [0, 2]
    assert [opened(note, KEY).size for note in shown] == [1, 2]
    assert replica.size() == 2
    assert [group.commit.size for group in replica.groups()] == [1, 2]
