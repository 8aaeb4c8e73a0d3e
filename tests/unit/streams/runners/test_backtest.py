"""The back-test counts what the engine would leave standing."""

from __future__ import annotations

import hashlib
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.legal_clock.zone import to_day
from streams.runners.backtest import backtest
from streams.supervision.engine import Engine
from streams.supervision.fact import Fact
from streams.supervision.finding import FINAL
from streams.supervision.keystate import MemoryKeyState
from streams.supervision.marks import Marks
from tests.unit.streams.supervision.making import ZONE, at, fact, model
from tests.unit.streams.supervision.test_laws import MODELS, histories

AS_OF = to_day(ZONE.local(at("2025-06-30")).date())


def test_counts_subjects_and_months() -> None:
    """Final alerts, distinct subjects with their digest, and the month in which they became late."""
    facts = [
        fact("opened", "2025-03-03T09:00", subject="B"),
        fact("opened", "2025-03-25T09:00", subject="A"),
        fact("closed", "2025-04-20T09:00", subject="A"),
        fact("opened", "2025-05-20T09:00", subject="A"),
        fact("opened", "2025-06-21T09:00", subject="C"),
        fact("opened", "2025-03-03T09:00", subject="D"),
        fact("closed", "2025-03-04T09:00", subject="D"),
        fact("nobody", "2025-03-04T09:00", subject="D"),
    ]

    report = backtest([model()], facts, AS_OF)

    tally = report.models["plain"].as_dict()
    assert report.events == 8
    assert (tally["alerts"], tally["subjects"], tally["approaching"], tally["retracted"]) == (3, 2, 1, 0)
    assert tally["subjects_sha256"] == hashlib.sha256(b"A\nB").hexdigest()
    assert tally["by_month"] == {"2025-03": 1, "2025-04": 1, "2025-05": 1}


def test_a_digest_of_nobody() -> None:
    """Without alerts the digest is that of no subjects."""
    tally = backtest([model()], [], AS_OF).models["plain"].as_dict()

    assert tally["subjects_sha256"] == hashlib.sha256(b"").hexdigest()


def test_retracted_means_reported_after_the_limit() -> None:
    """Opening known in time, closing dated in time and taken only afterwards: an alert stood in between."""
    late = at("2025-03-20T09:00")

    def retracted(opened_at: int, closed_at: int) -> int:
        facts = [
            fact("opened", "2025-03-03T09:00", recorded_at=opened_at),
            fact("closed", "2025-03-05T09:00", recorded_at=closed_at),
        ]
        return backtest([model()], facts, AS_OF).models["plain"].retracted

    assert retracted(at("2025-03-03T10:00"), late) == 1
    assert retracted(at("2025-03-03T10:00"), at("2025-03-05T10:00")) == 0
    assert retracted(late, late) == 0


def test_later_events_are_left_out() -> None:
    """As of a day, what happened afterwards is not known; without a day, the last event's counts."""
    facts = [fact("opened", "2025-06-21T09:00"), fact("closed", "2025-07-10T09:00")]

    assert backtest([model()], facts, AS_OF).models["plain"].alerts == 0
    assert backtest([model()], facts, AS_OF + 1).models["plain"].ids.popitem()[1] == "raised"
    assert backtest([model()], facts).models["plain"].ids.popitem()[1] == "overdue_done"


def test_zones_have_their_own_last_day() -> None:
    """Two models over the same key in different zones are judged each at the end of its own day."""
    rome = model(metadata__id="rome", zone="Europe/Rome")
    # In Rome the clock starts a day earlier, and its day ends seven hours later.
    facts = [fact("opened", "2025-06-21T02:00")]

    report = backtest([model(), rome], facts, AS_OF)

    assert (report.models["plain"].alerts, report.models["rome"].alerts) == (0, 1)


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_it_finds_what_the_engine_finds(facts: list[Fact], rnd: random.Random) -> None:
    """Shuffled and repeated, alerts and states are those of the engine at the end."""
    arrivals = facts + facts[: len(facts) // 2]
    rnd.shuffle(arrivals)
    stands: dict[str, str] = {}
    for change in Engine(MODELS).apply(MemoryKeyState(), facts, Marks(ZONE.end(AS_OF))):
        stands[change.finding.id] = change.finding.state

    found: dict[str, str] = {}
    for tally in backtest(MODELS, arrivals, AS_OF).models.values():
        found |= tally.ids

    assert found == {alert: state for alert, state in stands.items() if state in FINAL}
