"""States at given marks: approaching, held, raised, unconfirmed, and when to look again."""

from __future__ import annotations

from streams.supervision.fact import Fact
from streams.supervision.judge import Verdict
from streams.supervision.marks import Marks, Registration, SourceDirectory
from streams.supervision.model import Model
from tests.unit.streams.supervision.making import at, fact, model

DIRECTORY = SourceDirectory(
    [
        Registration("near", frozenset({"a.closed"}), ("990101",)),
        Registration("far", frozenset({"a.closed"}), ("990102",)),
    ]
)
OPENED = fact("opened", "2025-03-03T09:00")
DUE = at("2025-03-14T00:00")


def judged(made: Model, clock: str, near: str | None = None, *more: Fact) -> Verdict:
    """Judge the one term at a clock and the near source's mark (the clock without one)."""
    mark = at(clock if near is None else near)
    (verdict,) = made.verdicts([OPENED, *more], Marks(at(clock), {"near": mark}, DIRECTORY))
    return verdict


def test_nothing_to_say_before_the_warning() -> None:
    """Before the lead time there is no state, only a time to look again."""
    verdict = judged(model(), "2025-03-10T23:59:59")

    assert (verdict.state, verdict.wake_at, verdict.waits) == (None, at("2025-03-11"), ())


def test_yellow_from_the_lead_time_on() -> None:
    """Two days before the last day it nears; the next look is at the deadline."""
    verdict = judged(model(), "2025-03-11T00:00")

    assert (verdict.state, verdict.severity, verdict.wake_at) == ("approaching", "yellow", DUE)


def test_a_ladder_is_climbed() -> None:
    """Yellow after four days or three before the end, whichever comes first; orange in the last six hours."""
    ladder = [
        {"level": "yellow", "from": [{"before": {"days": 3}}, {"after": {"days": 4}}]},
        {"level": "orange", "from": [{"before": {"hours": 6}}]},
    ]
    made = model(severity={"approaching": ladder, "breach": "red"})

    seen = [judged(made, clock) for clock in ("2025-03-06T23:00", "2025-03-07", "2025-03-13T17:59", "2025-03-13T18:00")]

    assert [v.state and v.severity for v in seen] == [None, "yellow", "yellow", "orange"]
    assert seen[0].wake_at == at("2025-03-07")


def test_a_lead_after_some_hours() -> None:
    """A warning may count in hours from the start, and never comes before it."""
    made = model(severity={"approaching": [{"level": "blue", "from": [{"after": {"hours": 5}}]}], "breach": "red"})
    early = model(severity={"approaching": [{"level": "blue", "from": [{"before": {"days": 30}}]}], "breach": "red"})

    assert judged(made, "2025-03-03T13:59").state is None
    assert judged(made, "2025-03-03T14:00").severity == "blue"
    assert judged(early, "2025-03-03T08:59").wake_at == OPENED.occurred_at


def test_raised_when_clock_and_mark_have_passed() -> None:
    """The first instant after the last day, with the able source complete."""
    verdict = judged(model(), "2025-03-14T00:00")

    assert (verdict.state, verdict.severity, verdict.wake_at, verdict.waits) == ("raised", "red", None, ())


def test_held_when_only_the_clock_has_passed() -> None:
    """A silent source of the district holds it, and it says whom it waits for and until when."""
    verdict = judged(model(), "2025-03-14T00:00", "2025-03-13T23:59:59")

    assert (verdict.state, verdict.waits, verdict.wake_at) == ("held", ("near",), at("2025-03-15"))


def test_unconfirmed_after_hold_max() -> None:
    """A day later it is raised as unconfirmed, and still waits for the source's word."""
    verdict = judged(model(), "2025-03-15T00:00", "2025-03-10")

    assert (verdict.state, verdict.waits, verdict.wake_at) == ("unconfirmed", ("near",), None)


def test_a_late_closing_is_held_as_long_as_an_earlier_one_may_come() -> None:
    """A closing after the limit is final only when no closing within it can be reported any more."""
    late = fact("closed", "2025-03-14T09:00")

    assert judged(model(), "2025-03-14T10:00", "2025-03-10", late).state == "held"
    assert judged(model(), "2025-03-14T10:00", None, late).state == "overdue_done"
    assert judged(model(), "2025-03-16T10:00", "2025-03-10", late).state == "overdue_done"


def test_reports_may_be_given_time() -> None:
    """`late.wait`: held for twelve hours although every source is complete."""
    made = model(late={"wait": {"hours": 12}, "hold_max": {"hours": 24}})

    held = judged(made, "2025-03-14T11:59")

    assert (held.state, held.waits, held.wake_at) == ("held", (), at("2025-03-14T12:00"))
    assert judged(made, "2025-03-14T12:00").state == "raised"
    assert judged(made, "2025-03-15T11:59", "2025-03-10").state == "held"
    assert judged(made, "2025-03-15T12:00", "2025-03-10").state == "unconfirmed"


def test_a_closing_from_the_future_is_not_judged_yet() -> None:
    """Dated after the clock and after the limit: until then the clock runs on."""
    assert judged(model(), "2025-03-12T00:00", None, fact("closed", "2025-03-20T09:00")).state == "approaching"
