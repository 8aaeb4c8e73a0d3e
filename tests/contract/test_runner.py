"""The contract every runner keeps: from the same events and control, the same alerts and decisions by id.

The embedded runner, told in order, is the reference. The stages of the Kafka runner are held to it here over a log in
memory, with partitions that overtake each other and steps that are opened anew; over a real Kafka with real workers by
`tests/integration/kafka/test_faust_city.py` and `test_fines_kafka.py`, in every case by `./run bench kafka-contract`.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.clock import ManualClock
from services.node.node import open_node
from services.node.site import Site
from services.simulator.city import City, simulate
from services.simulator.judgement import Found, alert_names, compare
from streams import alerts
from streams.bus.embedded import EmbeddedBus
from streams.supervision.model import Model
from tests.contract.runner import Outcome, Part, RunnerUnderTest, outcome_of, parts_of, run, tell
from tests.contract.stages import StagesRunner
from tests.house.tree import ROOT
from tests.integration.delivery_proof import records

MODELS = sorted((ROOT / "streams/supervision/models").glob("*.yaml"))
PARTS = 4
SEED, CASES = 3, 30

Make = Callable[..., RunnerUnderTest]


class EmbeddedUnderTest:
    """The embedded runner and its node."""

    def __init__(self, data: Path, site: Site, start: int, seed: int = 0) -> None:
        del seed
        self.node = open_node(data, site, clock=ManualClock(start))
        self._data = data

    def settle(self) -> None:
        """Drain."""
        self.node.pump()

    def outcome(self) -> Outcome:
        """Close the node and say what stands."""
        self.node.close()
        bus = EmbeddedBus(self._data / "bus.db", read_only=True)
        found = [alerts.decode(stored.value) for stored in records(bus, alerts.TOPIC)]
        bus.close()
        return outcome_of(found, [self._data / "audit"])


@pytest.fixture(scope="module")
def city() -> City:
    """A small city."""
    return simulate(SEED, CASES)


@pytest.fixture(scope="module")
def site() -> Site:
    """The demonstration's site."""
    return Site.load(ROOT / "deploy/site/demo.yaml")


@pytest.fixture(scope="module")
def reference(city: City, site: Site, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What stands after the embedded runner was told everything in order."""
    runner = EmbeddedUnderTest(tmp_path_factory.mktemp("reference") / "data", site, city.start_us)
    return run(runner, parts_of(city, PARTS))


@pytest.fixture(params=[EmbeddedUnderTest, StagesRunner], ids=["embedded", "stages"])
def make(request: pytest.FixtureRequest, tmp_path: Path, site: Site, city: City) -> Make:
    """Answers runners on empty ground."""
    kind: Make = request.param

    def made(seed: int = 1, models: tuple[Path, ...] = ()) -> RunnerUnderTest:
        return kind(tmp_path / f"data-{seed}", dataclasses.replace(site, models=models), city.start_us, seed)

    return made


def shuffled(parts: list[Part], seed: int) -> list[Part]:
    """Let the events of each part arrive in another order, every fifth of them twice."""
    chance, found = random.Random(seed), []  # noqa: S311 - an order that repeats
    for part in parts:
        events = [*part.events, *part.events[::5]]
        chance.shuffle(events)
        found.append(dataclasses.replace(part, events=tuple(events)))
    return found


def test_told_in_order(make: Make, city: City, reference: Outcome) -> None:
    """The same alerts with the same dates, the same decisions; and they are the ones that were planted."""
    outcome = run(make(), parts_of(city, PARTS))

    assert outcome.alerts == reference.alerts
    assert outcome.decisions == reference.decisions
    assert outcome.recorded == {alert: standing[2] for alert, standing in reference.alerts.items()}
    assert outcome.told <= outcome.acts
    assert len(outcome.alerts) > 5
    assert len(outcome.decisions) > 100


def test_order_of_arrival_and_repeats_change_nothing(make: Make, city: City, reference: Outcome) -> None:
    """Shuffled within the marks, and with repeats: nothing differs."""
    outcome = run(make(2), shuffled(parts_of(city, PARTS), seed=2))

    assert outcome.alerts == reference.alerts
    assert outcome.decisions == reference.decisions
    assert outcome.recorded == reference.recorded
    assert outcome.told <= outcome.acts


def test_a_late_part_folds_its_keys_again(make: Make, city: City, site: Site, tmp_path: Path) -> None:
    """Events that come after the marks they belong before lead every runner to the same alerts."""
    first, second, *rest = parts_of(city, PARTS)
    late = first.events[::3]
    parts = [
        dataclasses.replace(first, events=tuple(e for e in first.events if e not in late)),
        dataclasses.replace(second, events=(*second.events, *late)),
        *rest,
    ]
    expected = run(EmbeddedUnderTest(tmp_path / "expected", site, city.start_us), parts)

    assert run(make(3), shuffled(parts, seed=3)).alerts == expected.alerts
    assert expected.alerts


def test_models_that_come_later_find_what_they_would_have_found(make: Make, city: City, reference: Outcome) -> None:
    """One model at first, the others after half of the history: it is folded anew, and the same alerts stand."""
    parts = parts_of(city, PARTS)
    runner = make(4, tuple(MODELS[:1]))
    for part in parts[:2]:
        tell(runner, part)
        runner.settle()
    tell(runner, parts[2])
    runner.node.activate(MODELS, ["first", "second"])
    runner.settle()
    tell(runner, parts[3])
    runner.settle()

    assert runner.outcome().alerts == reference.alerts


def test_the_planted_alerts_stand(make: Make, city: City) -> None:
    """Told by the clock of each arrival, every runner finds the city's truth: nothing missing, nothing else."""
    by_moment = parts_of(city, len(city.deliveries))
    whole = [Part(each.clock, each.events, {}) for each in by_moment]
    marks = {source: mark for part in parts_of(city, 1) for source, mark in part.marks.items()}
    runner = make(5)
    for part in whole:
        tell(runner, part)
    tell(runner, Part(city.end_us, (), marks))
    runner.settle()

    names = alert_names({m.id: m.major for m in map(Model.load, MODELS)})
    verdict = compare(
        city.truth, [Found(alert, standing[2]) for alert, standing in runner.outcome().alerts.items()], names
    )
    assert (verdict.missing, verdict.unexpected) == ((), ())
