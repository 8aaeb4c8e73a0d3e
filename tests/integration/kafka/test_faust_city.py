"""The simulated city through a node on Kafka and its workers: exactly the planted alerts, on Kafka and on the pages.

And the contract of runners on a real broker: told in order and with repeats, what stands and what was decided is what
the embedded runner says, by id and date. Every case of that contract runs here in `./run bench kafka-contract`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deploy.kafka.cluster import Cluster
from schemas.catalogue import Contracts
from schemas.clock import SECOND, ManualClock
from security.audit.reading import read as read_log
from services.node.node import Node
from services.node.site import Site
from services.simulator.city import City, simulate
from services.simulator.judgement import Found, alert_names, compare
from streams import alerts
from streams.bus.kafka_address import KafkaAddress
from streams.projections.values import Filter
from streams.runners.faust.progress import stamp_of
from streams.supervision.model import Model
from tests.contract.runner import Outcome
from tests.contract.test_runner import EmbeddedUnderTest
from tests.house.tree import ROOT
from tests.integration.kafka.chain_proof import read
from tests.integration.kafka.installation import Installation
from tests.integration.kafka.runner_on_kafka import outcome_on
from tests.integration.report_event import ELSEWHERE, POLICE, SUBSCRIPTION, VIEW, id_of, report

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

TURNS = 3
"""The city is told in so many parts, each closed by the marks of its sources and taken to its effects."""


@pytest.fixture(scope="module")
def city() -> City:
    """A small city."""
    return simulate(1, 80)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaAddress]:
    """A broker of its own: the topics of an installation have fixed names."""
    cluster = Cluster.make(tmp_path / "cluster")
    cluster.start(tied=True)
    yield cluster.address()
    cluster.remove()


@pytest.fixture
def office(own_kafka: KafkaAddress, tmp_path: Path) -> Iterator[Installation]:
    """The demonstration's site on it."""
    site = Site.load(ROOT / "deploy/site/demo.yaml", Contracts.load())
    made = Installation(own_kafka, tmp_path / "data", site)
    made.make_topics()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def reference(city: City, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What stands after the embedded runner was told the same."""
    site = Site.load(ROOT / "deploy/site/demo.yaml", Contracts.load())
    embedded = EmbeddedUnderTest(tmp_path_factory.mktemp("reference") / "data", site, city.deliveries[0].at_us)
    for turn in range(TURNS):
        tell(embedded.node, city, turn)
        embedded.settle()
    end(embedded.node, city)
    embedded.settle()
    return embedded.outcome()


def end(node: Node, city: City) -> None:
    """Let the clock come to the end of the city."""
    assert isinstance(node.clock, ManualClock)
    node.clock.advance_to(city.end_us)


def tell(node: Node, city: City, turn: int) -> None:
    """Deliver one part of the city: its events, a fifth of them twice, and then what each source declared last."""
    clock, marks = node.clock, dict[str, int]()
    assert isinstance(clock, ManualClock)
    size = -(-len(city.deliveries) // TURNS)
    part = city.deliveries[turn * size : (turn + 1) * size]
    for delivery in part:
        clock.advance_to(delivery.at_us)
        if delivery.event is not None:
            node.door.accept(delivery.source, [delivery.event])
        elif delivery.mark is not None:
            marks[delivery.source] = max(marks.get(delivery.source, 0), delivery.mark)
    for delivery in part[::5]:
        if delivery.event is not None:
            node.door.accept(delivery.source, [delivery.event])
    for source, mark in marks.items():
        node.door.complete_to(source, mark)


def say(node: Node, number: int, **attributes: Any) -> UUID:
    """Accept a report and let it take effect; the numbers are none of the city's."""
    clock = node.clock
    assert isinstance(clock, ManualClock)
    (outcome,) = node.door.accept(POLICE, [report(number, case=1, **attributes)])
    assert outcome.ok, outcome.as_dict()
    clock.advance_to(clock.now_us() + SECOND)
    node.pump()
    return id_of(number)


def correct(office: Installation, node: Node) -> None:
    """A source corrects, then withdraws: receiver, alert, page and the workers' logs say so; another source may not."""
    before = set(office.states())
    first = say(node, 900_001)
    (old,) = set(office.states()) - before
    second = say(node, 900_002, supersedes=str(first))
    (new,) = set(office.states()) - before - {old}
    assert (office.states()[old], office.states()[new]) == ("cleared", "raised")
    third = say(node, 900_003, supersedes=str(second), withdrawn=True)
    (outcome,) = node.door.accept(ELSEWHERE, [report(900_004, case=1, source=ELSEWHERE, supersedes=str(first))])

    assert outcome.code == "gateway.corrects_other"
    assert office.states()[new] == "cleared"
    reasons = {alert: node.read_model.history(alert)[-1].reason for alert in (old, new)}
    assert reasons == {old: "corrected", new: "withdrawn"}
    heads = [dict(item.headers) for items in read(office.address, VIEW, office.partitions) for item in items]
    got = [(head["ce_type"].decode(), head["ce_supersedes"].decode()) for head in heads if "ce_supersedes" in head]
    # The city has corrections of its own.
    assert sorted(each for each in got if each[1] in {str(first), str(second)}) == [
        ("bus.event.withdrawn", str(second)),
        ("police.report.accepted", str(first)),
    ]
    log = [each.record for each in read_log(office.data / "workers" / "release-1" / "audit")]
    (corrected,) = [e for e in log if e.obj == SUBSCRIPTION and first.hex in (e.data.get("corrects") or ())]
    (told,) = [e for e in log if (e.act, e.obj) == ("withdraw", SUBSCRIPTION) and third.hex in e.data["because"]]
    assert second.hex in corrected.data["events"]
    assert told.data["events"] == [second.hex]
    assert told.data["originals"] == [corrected.idem]


def test_the_planted_alerts_and_no_others_stand_and_are_shown(
    office: Installation, city: City, reference: Outcome
) -> None:
    """Release is killed once, one supervise worker too: nothing missing, nothing unexpected, no number twice."""
    names = alert_names(
        {m.id: m.major for m in map(Model.load, sorted((ROOT / "streams/supervision/models").glob("*.yaml")))}
    )
    node = office.node(ManualClock(city.deliveries[0].at_us))
    try:
        office.start_all()
        for turn in range(TURNS):
            tell(node, city, turn)
            if turn == 1:
                office.kill("release-1")
                office.kill("supervise-2")
            node.pump()
        end(node, city)
        node.pump()

        standing = office.states()
        shown = {row.id: row.state for row in node.read_model.newest(Filter())}
        outcome = outcome_on(office)
        correct(office, node)
    finally:
        node.close()
    verdict = compare(city.truth, [Found(alert, state) for alert, state in standing.items()], names)
    assert (verdict.missing, verdict.unexpected) == ((), ())
    assert verdict.expected > 15
    assert shown == standing
    assert outcome.alerts == reference.alerts
    assert outcome.decisions == reference.decisions
    assert len(outcome.decisions) > 300
    for items in read(office.address, alerts.TOPIC, 2):
        stamps = [stamp_of(item.headers) for item in items]
        assert len(set(stamps)) == len(stamps) > 0
