"""An agency's own topic: read to its end or followed, resumed from offsets, each bad record named by its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.importer.importer import Importer
from services.importer.mapping import Mapping, load_mapping
from services.importer.opening import open_rows
from services.importer.place import RecordPlace
from services.importer.position import Position, PositionFile
from services.importer.rejection import Rejection
from services.importer.topic import TopicUrlError, topic_of
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaTopicMissingError, KafkaUnavailableError
from streams.bus.kafka_producer import producer
from tests.integration.kafka.test_bus_kafka import Topics
from tests.unit.services.importer.conftest import MAPPING

pytestmark = pytest.mark.kafka
PARTITIONS = 3
PATIENCE_SECONDS = 60.0
FINES = Path("examples/road-fines")


@dataclass(frozen=True)
class Taken:
    """An outcome of the door."""

    status: str = "accepted"
    code: str = ""
    paths: tuple[str, ...] = ()


@dataclass
class Door:
    """Remembers every event."""

    seen: list[str] = field(default_factory=list)

    def accept(self, events: Sequence[dict[str, Any]]) -> list[Taken]:
        """Take events."""
        self.seen += [event["subject"] for event in events]
        return [Taken() for _ in events]


@dataclass(frozen=True)
class Agency:
    """An agency's topic on the broker."""

    address: KafkaAddress
    topic: str

    @property
    def url(self) -> str:
        """What stands where FILE stands."""
        return f"kafka://{self.address.bootstrap}/{self.topic}"

    def say(self, *values: bytes | None, partition: int = 0, commit: bool | None = None) -> None:
        """Publish values; in a transaction that commits or aborts where `commit` is given."""
        options = {} if commit is None else {"transactional_id": f"{self.topic}-{time.monotonic_ns()}"}
        sender = producer(self.address, "agency", **options)
        if commit is not None:
            sender.init_transactions()
            sender.begin_transaction()
        for value in values:
            sender.send(self.topic, key=b"case", value=value, partition=partition)
        sender.flush()
        if commit is not None:
            (sender.commit_transaction if commit else sender.abort_transaction)()
        sender.close()


@pytest.fixture
def topics(kafka: KafkaAddress, run_name: Callable[[], str]) -> Iterator[Topics]:
    """Topics of this test alone."""
    made = Topics(kafka, "agency-" + run_name())
    yield made
    made.close()


@pytest.fixture
def agency(kafka: KafkaAddress, topics: Topics) -> Agency:
    """A topic with three partitions."""
    return Agency(kafka, topics("cases", PARTITIONS))


@pytest.fixture
def rules(tmp_path: Path) -> Mapping:
    """The small mapping."""
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return load_mapping(path)


def case(number: int) -> bytes:
    """Return the record of one case."""
    said = {"seq": number, "case": f"A{number}", "act": "Create", "at": "2006-07-24T00:00:00+02:00"}
    return json.dumps(said | {"state": "complete", "amount": 35.1, "article": 157}).encode()


def bring_in(rules: Mapping, agency: Agency, folder: Path) -> tuple[list[str], Position, list[Rejection]]:
    """Run an import to the end of the topic; return what the door saw, the position, and the rejections."""
    rows, door = open_rows(rules, agency.url), Door()
    run = Importer(rules, rows, door.accept, PositionFile(folder, rules, rows.identity()))
    return door.seen, run.run(), run.tally.first


def test_a_topic_is_read_to_its_end_and_goes_on(rules: Mapping, agency: Agency, tmp_path: Path) -> None:
    """Every committed record of every partition once; an aborted one and the markers cost nothing but offsets."""
    agency.say(*[case(n) for n in range(10)], partition=0)
    agency.say(*[case(n) for n in range(10, 15)], partition=2, commit=True)
    agency.say(case(99), partition=2, commit=False)

    first, reached, _ = bring_in(rules, agency, tmp_path)
    nothing, _, _ = bring_in(rules, agency, tmp_path)
    agency.say(case(20), partition=1)
    again, ended, _ = bring_in(rules, agency, tmp_path)

    assert sorted(first) == sorted(f"A{n}" for n in range(15))
    assert (reached.offsets["0"], reached.offsets["1"], reached.done) == (10, 0, True)
    assert nothing == []
    assert again == ["A20"]
    assert (ended.read, ended.accepted) == (16, 16)


def test_a_bad_record_is_named_by_partition_and_offset(rules: Mapping, agency: Agency, tmp_path: Path) -> None:
    """No JSON, no value, other bytes, an unknown activity: the others come in."""
    agency.say(case(1), b"{", None, b"\xff", case(2).replace(b"Create", b"Burn"), case(3), partition=1)

    seen, reached, rejections = bring_in(rules, agency, tmp_path)

    assert seen == ["A1", "A3"]
    assert [(r.place, r.code) for r in rejections] == [
        (RecordPlace(1, 1), "importer.not_json"),
        (RecordPlace(1, 2), "importer.not_json"),
        (RecordPlace(1, 3), "importer.encoding"),
        (RecordPlace(1, 4), "importer.activity"),
    ]
    assert rejections[0].as_dict()["place"] == {"partition": 1, "offset": 1}
    assert (reached.read, reached.rejected) == (6, 4)


def test_records_that_are_gone_are_told(rules: Mapping, agency: Agency, topics: Topics, tmp_path: Path) -> None:
    """What the agency removed before it was read is a rejection at the first lost offset; the rest comes in."""
    agency.say(*[case(n) for n in range(3)])
    bring_in(rules, agency, tmp_path)
    agency.say(*[case(n) for n in range(3, 8)])
    topics.forget(agency.topic, 6)

    seen, reached, rejections = bring_in(rules, agency, tmp_path)

    assert seen == ["A6", "A7"]
    assert [(r.place, r.code) for r in rejections] == [(RecordPlace(0, 3), "importer.records_gone")]
    assert reached.offsets["0"] == 8


def test_a_topic_is_followed_until_stopped(rules: Mapping, agency: Agency, tmp_path: Path) -> None:
    """What arrives later comes in as it arrives; a stop is noticed though nothing arrives; the position is kept."""
    agency.say(case(1))
    rows, door, stop = open_rows(rules, agency.url, follow=True), Door(), threading.Event()
    kept = PositionFile(tmp_path, rules, rows.identity())
    run = Importer(rules, rows, door.accept, kept, stopped=stop.is_set)
    thread = threading.Thread(target=run.run)
    thread.start()
    try:
        wait_for(lambda: door.seen == ["A1"])
        agency.say(case(2), partition=2)
        wait_for(lambda: door.seen == ["A1", "A2"])
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)

    assert not thread.is_alive()
    assert not kept.load().done
    assert kept.load().offsets == {"0": 1, "1": 0, "2": 1}


def test_a_wrong_address_is_told(rules: Mapping, agency: Agency) -> None:
    """No URL of a topic, no such topic, nobody there."""
    for wrong in ("kafka://", "kafka://h:1", "kafka://h:1/a/b"):
        with pytest.raises(TopicUrlError):
            topic_of(wrong)
    missing = Agency(agency.address, agency.topic + "-none")
    with pytest.raises((KafkaTopicMissingError, KafkaUnavailableError)):
        list(open_rows(rules, missing.url).blocks(Position()))


def test_the_command_follows_a_topic(agency: Agency, tmp_path: Path) -> None:
    """`casebus import kafka://… --follow` into a node: what arrives takes effect, Ctrl-C keeps the position."""
    agency.say(*[fine(n) for n in range(3)])
    data = tmp_path / "data"
    arguments = [agency.url, "--mapping", FINES / "mapping.yaml", "--data", data, "--json"]
    command = [sys.executable, "-m", "services.cli.app", "import", *map(str, arguments)]

    with subprocess.Popen(
        [*command, "--site", str(FINES / "site.yaml"), "--follow"], stdout=subprocess.PIPE
    ) as process:
        try:
            wait_for(lambda: kept_offsets(data) == 3)
            agency.say(fine(3))
            wait_for(lambda: kept_offsets(data) == 4)
        finally:
            process.send_signal(signal.SIGINT)
        told = json.loads(process.communicate(timeout=PATIENCE_SECONDS)[0])
    agency.say(fine(4))
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    assert process.returncode == 130
    assert (told["read"], told["accepted"], told["done"]) == (4, 4, False)
    assert {k: json.loads(ended.stdout)[k] for k in ("read", "accepted", "rejected")} == {
        "read": 5,
        "accepted": 5,
        "rejected": 0,
    }


def fine(number: int) -> bytes:
    """Return a record of the fines' activity."""
    said = {"seq": number, "case_id": f"A{number}", "concept:name": "Create Fine", "amount": "35.0"}
    when = {"time:timestamp": "2006-07-24T00:00:00+02:00", "lifecycle:transition": "complete"}
    return json.dumps(said | when).encode()


def kept_offsets(data: Path) -> int:
    """Return how many records the kept position of a node's only import has passed."""
    found = [json.loads(path.read_bytes()) for path in (data / "import").glob("*.position.json")]
    return sum(sum(position["offsets"].values()) for position in found)


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait until something is so."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not happened() and time.monotonic() < until:
        time.sleep(0.05)
    assert happened()
