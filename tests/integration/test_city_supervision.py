"""The simulated city through the supervision engine: exactly the planted alerts, by the paths that were planted.

The truth was made without the engine, the engine without the truth: where they agree, both read the law the same way.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from schemas.catalogue import Contracts
from schemas.cloudevents import read
from services.node.site import Site
from services.simulator.city import City, simulate
from services.simulator.delivery import Delivery
from services.simulator.judgement import Found, alert_names, compare
from services.simulator.truth import TruePath
from streams.supervision.engine import Engine
from streams.supervision.fact import Fact
from streams.supervision.keystate import MemoryKeyState
from streams.supervision.marks import Marks, Registration, SourceDirectory
from streams.supervision.model import Model

MODELS = Path("streams/supervision/models")
CODES = ("M01", "M13")
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    """The bundled contracts."""
    return Contracts.load()


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    """The models that the city's stories are about, by id."""
    loaded = [Model.load(path) for path in sorted(MODELS.glob("*.yaml"))]
    return {model.id: model for model in loaded if model.code in CODES}


@pytest.fixture(scope="module")
def directory(contracts: Contracts) -> SourceDirectory:
    """The sources of the demonstration's site."""
    site = Site.load(Path("deploy/site/demo.yaml"), contracts)
    return SourceDirectory(Registration(s.id, s.types, s.districts) for s in site.sources)


@pytest.fixture(scope="module", params=SEEDS)
def city(request: pytest.FixtureRequest) -> City:
    """A city that holds every story."""
    return simulate(request.param, 240)


class Fold:
    """The engine over deliveries, in any order, keeping the states that each alert was published in."""

    def __init__(self, models: dict[str, Model], directory: SourceDirectory, contracts: Contracts) -> None:
        self.name = alert_names({model.id: model.major for model in models.values()})
        self.states: dict[str, list[str]] = defaultdict(list)
        self._engine = Engine(models.values(), directory)
        self._store = MemoryKeyState()
        self._contracts = contracts
        self._clock = 0
        self._marks: dict[str, int] = {}

    def take(self, deliveries: Iterable[Delivery]) -> None:
        """Let deliveries arrive one by one; the clock never goes back."""
        for delivery in deliveries:
            self._clock = max(self._clock, delivery.at_us)
            facts = []
            if delivery.event is not None:
                facts.append(self._fact(delivery))
            elif delivery.mark is not None:
                self._marks[delivery.source] = max(self._marks.get(delivery.source, 0), delivery.mark)
            for change in self._engine.apply(self._store, facts, Marks(self._clock, self._marks)):
                self.states[change.finding.id].append(change.finding.state)

    def _fact(self, delivery: Delivery) -> Fact:
        event = read(delivery.event, self._contracts, person_key=person_key)
        names = self._engine.fields.get(event.type, ())
        return Fact(
            event.id,
            event.type,
            event.source,
            event.sequence,
            event.occurred_at,
            delivery.at_us,
            event.district,
            event.subject,
            {name: event.data[name] for name in names},
        )

    def found(self) -> list[Found]:
        """List every alert in the state it stands in."""
        return [Found(alert, states[-1]) for alert, states in self.states.items()]


def person_key(number: str) -> bytes:
    """Stand in for the gateway's keyed hash."""
    return b"\x01" + hashlib.sha256(number.encode()).digest()


def assert_passes(path: TruePath, states: Sequence[str]) -> None:
    """Check that the planted states were passed in their order."""
    seen = iter(states)
    assert all(state in seen for state in path.states), (path, states)


def test_the_planted_alerts_and_no_others_stand(
    city: City, models: dict[str, Model], directory: SourceDirectory, contracts: Contracts
) -> None:
    """In the order of arrival: nothing missing, nothing unexpected, and each planted path was walked."""
    fold = Fold(models, directory, contracts)
    fold.take(city.deliveries)

    verdict = compare(city.truth, fold.found(), fold.name)
    assert (verdict.missing, verdict.unexpected) == ((), ())
    assert verdict.expected > 50
    for path in city.truth.paths:
        triggers = [bytes.fromhex(trigger.replace("-", "")) for trigger in path.triggers]
        assert_passes(path, fold.states[fold.name(path.model, triggers)])


def test_every_due_date_is_the_planted_one(
    city: City, models: dict[str, Model], directory: SourceDirectory, contracts: Contracts
) -> None:
    """The last day that the legal clock reckons is the one that was planned."""
    engine = Engine(models.values(), directory)
    store, due = MemoryKeyState(), {}
    fold = Fold(models, directory, contracts)
    facts = [fold._fact(delivery) for delivery in city.deliveries if delivery.event is not None]
    for change in engine.apply(store, facts, Marks(city.end_us, dict.fromkeys(directory.sources, city.end_us))):
        due[change.finding.id] = change.finding.due_at

    for alert in city.truth.alerts:
        triggers = [bytes.fromhex(trigger.replace("-", "")) for trigger in alert.triggers]
        assert due[fold.name(alert.model, triggers)] == alert.due_us, alert.kind


@pytest.mark.parametrize("shuffle", [1, 2])
def test_order_of_arrival_does_not_matter(
    shuffle: int, models: dict[str, Model], directory: SourceDirectory, contracts: Contracts
) -> None:
    """Everything shuffled, marks among events: the same alerts stand at the end."""
    city = simulate(4, 240)
    deliveries = list(city.deliveries)
    random.Random(shuffle).shuffle(deliveries)  # noqa: S311 - a shuffle that repeats
    fold = Fold(models, directory, contracts)
    fold.take(deliveries)

    verdict = compare(city.truth, fold.found(), fold.name)
    assert (verdict.missing, verdict.unexpected) == ((), ())


def test_the_comparison_can_fail(models: dict[str, Model], directory: SourceDirectory, contracts: Contracts) -> None:
    """Without the prison's word convicts stand as not delivered: the comparison says so."""
    city = simulate(4, 240)
    fold = Fold(models, directory, contracts)
    fold.take(d for d in city.deliveries if d.event is None or d.event["type"] != "prison.admitted")

    assert compare(city.truth, fold.found(), fold.name).unexpected
