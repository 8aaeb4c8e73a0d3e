"""The course of a key: what events do to its clock (domain C5 to C7)."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from streams.supervision.fact import Fact, folded
from streams.supervision.marks import Marks
from streams.supervision.model import Model
from streams.supervision.report import evaluate
from tests.unit.streams.supervision.making import ZONE, at, fact, model

END = Marks(at("2026-01-01"))
OPENED = fact("opened", "2025-03-03T09:00", id="o", data={"held": False})
"""Ten days: the last one is Thursday 2025-03-13."""


def outcome(made: Model, *facts: Fact, marks: Marks = END) -> list[tuple[str, str]]:
    """Return (state, last day) of every finding."""
    findings = evaluate(made, "S", folded(facts), marks).findings
    return [(f.state, f"{ZONE.local((f.due_at or 0) - 1):%m-%d}") for f in findings]


def course(**spec: Any) -> Model:
    """Compile the plain model with a changed absence."""
    return model(**{f"pattern__absence__{name}": value for name, value in spec.items()})


@pytest.mark.parametrize(
    ("when", "state"),
    [("2025-03-13T23:59:59", "cleared"), ("2025-03-14T00:00", "overdue_done"), ("2025-03-03T09:00", "cleared")],
)
def test_day_n_is_in_time(when: str, state: str) -> None:
    """The last second of day ten closes in time; midnight does not."""
    assert outcome(model(), OPENED, fact("closed", when)) == [(state, "03-13")]


def test_an_event_dated_by_a_field_counts_by_it() -> None:
    """C5: what was mailed in time is in time, whenever it was received."""
    made = model(inputs__closed__at="mailed_at")
    mailed = fact("closed", "2025-03-20T09:00", data={"mailed_at": at("2025-03-12T18:00")})
    silent = fact("closed", "2025-03-20T09:00", data={})

    assert outcome(made, OPENED, mailed) == [("cleared", "03-13")]
    assert outcome(made, OPENED, silent) == [("overdue_done", "03-13")]


def test_a_day_counts_to_its_end() -> None:
    """A closing known only by its day closes on day ten; an opening known by its day starts it."""
    opened = fact("opened", "2025-03-05T09:00", data={"on": ZONE.day(at("2025-03-03T12:00"))})
    closes_by_day = {"inputs__closed__fields": {"on": "day"}, "inputs__closed__at": "on", "inputs__opened__at": "on"}
    made = model(**closes_by_day)

    def closed(day: str) -> Fact:
        return fact("closed", "2025-03-20T09:00", data={"on": ZONE.day(at(day))})

    assert outcome(made, opened, closed("2025-03-13")) == [("cleared", "03-13")]
    assert outcome(made, opened, closed("2025-03-14")) == [("overdue_done", "03-13")]
    assert outcome(made, opened, closed("2025-03-03")) == [("cleared", "03-13")]


def test_what_was_closed_before_the_opening() -> None:
    """`since: opener` does not count an earlier closing, `since: any` does."""
    before = fact("closed", "2025-02-20T09:00")

    assert outcome(course(since="opener"), before, OPENED) == [("raised", "03-13")]
    assert outcome(course(since="any"), before, OPENED) == [("cleared", "03-13")]


def test_the_same_instant_closes_whatever_was_numbered_first() -> None:
    """A log with days instead of times: opening and closing on one day."""
    for opens_first in (True, False):
        opened = fact("opened", "2025-03-03", sequence="1" if opens_first else "2")
        closed = fact("closed", "2025-03-03", sequence="2" if opens_first else "1")
        assert outcome(model(), opened, closed) == [("cleared", "03-13")]


def test_one_clock_at_a_time() -> None:
    """A second opening while the clock runs opens nothing; after it was closed it opens a new one."""
    again = fact("opened", "2025-03-05T09:00")
    later = fact("opened", "2025-04-01T09:00")

    assert outcome(model(), OPENED, again) == [("raised", "03-13")]
    assert outcome(model(), OPENED, fact("closed", "2025-03-06T09:00"), later) == [
        ("cleared", "03-13"),
        ("raised", "04-11"),
    ]


def test_the_limit_follows_a_field() -> None:
    """Selected by the opening event's field; a case that is not named has no clock, unless `otherwise` gives one."""
    cases = {"by": "kind", "cases": {"x": {"days": 3, "basis": "ours"}}}
    made = course(limit=cases)
    other = course(limit={**cases, "otherwise": {"months": 1, "basis": "ours"}})
    x, y = (fact("opened", "2025-03-03T09:00", data={"kind": k}) for k in "xy")

    assert outcome(made, x) == [("raised", "03-06")]
    assert outcome(made, y) == []
    assert outcome(other, y) == [("raised", "04-03")]


def test_the_limit_may_stand_in_the_event() -> None:
    """A limit that the document itself sets; without a usable one there is no clock."""
    made = course(limit={"days": {"field": "days"}, "basis": "ours"})

    assert outcome(made, fact("opened", "2025-03-03T09:00", data={"days": 7})) == [("raised", "03-10")]
    assert outcome(made, fact("opened", "2025-03-03T09:00", data={})) == []
    assert outcome(made, fact("opened", "2025-03-03T09:00", data={"days": -1})) == []


def test_the_law_of_the_day_the_clock_started_applies() -> None:
    """A limit changed on 03-05 applies to clocks that started from that day on; before the first law there is none."""
    laws = {
        "old": {"kind": "law", "article": "旧", "title": {"zh": "旧", "en": "o"}, "valid_from": "2025-03-01"},
        "new": {"kind": "law", "article": "新", "title": {"zh": "新", "en": "n"}, "valid_from": "2025-03-05"},
    }
    laws["old"]["valid_to"] = "2025-03-04"
    made = model(law=laws, pattern__absence__limit=[{"days": 3, "basis": "old"}, {"days": 5, "basis": "new"}])

    ends = [outcome(made, fact("opened", f"{day}T09:00")) for day in ("2025-02-28", "2025-03-04", "2025-03-05")]

    assert ends == [[], [("raised", "03-07")], [("raised", "03-10")]]


EXTEND = {"on": "more", "limit": {"days": {"field": "days"}, "basis": "ours"}}


@pytest.mark.parametrize(("counts_from", "last_day"), [("opener", "03-23"), ("event", "03-30"), ("last_day", "04-02")])
def test_an_extension_counts_from_where_the_model_says(counts_from: str, last_day: str) -> None:
    """Twenty days from the opening, from the extension, or from the old last day."""
    made = course(extend=[{**EXTEND, "from": counts_from}])

    assert outcome(made, OPENED, fact("more", "2025-03-10T09:00", data={"days": 20})) == [("raised", last_day)]


def test_an_extension_after_the_limit_heals_nothing() -> None:
    """What is dated after the deadline does not move it, and the arithmetic says so."""
    made = course(extend=[{**EXTEND, "from": "opener"}])
    late = fact("more", "2025-03-14T00:00", data={"days": 20})

    assert outcome(made, OPENED, late) == [("raised", "03-13")]
    (found,) = evaluate(made, "S", [OPENED, late], END).findings
    assert [s.code for s in found.steps] == ["opened", "days", "extended_late", "late_from", "open"]


def test_an_extension_without_a_limit_changes_nothing() -> None:
    """An extension whose field is absent leaves the deadline alone."""
    made = course(extend=[{**EXTEND, "from": "last_day"}])

    assert outcome(made, OPENED, fact("more", "2025-03-10T09:00", data={})) == [("raised", "03-13")]


def test_an_hour_clock_is_extended_in_hours() -> None:
    """Twenty-four hours, twelve more from the end."""
    limit = {"hours": 24, "basis": "ours"}
    extend = [{"on": "more", "limit": {"hours": 12, "basis": "ours"}, "from": "last_day"}]
    made = course(limit=limit, extend=extend)

    (found,) = evaluate(made, "S", [OPENED, fact("more", "2025-03-03T20:00")], END).findings

    assert found.due_at == at("2025-03-04T22:00")
    assert found.steps[0].code == "opened_hour"


def test_days_that_stand_still_are_added() -> None:
    """C6: thirty days of a medical examination move the last day by thirty."""
    made = course(suspend=[{"on": "stop", "until": "go"}])
    stop, go = fact("stop", "2025-03-06T09:00"), fact("go", "2025-04-05T09:00")

    assert outcome(made, OPENED, stop, go) == [("raised", "04-12")]
    assert outcome(made, OPENED, stop) == []
    assert outcome(made, OPENED, stop, fact("closed", "2025-06-01T09:00")) == [("cleared", "03-13")]
    assert outcome(made, OPENED, fact("stop", "2025-03-14T09:00"), go) == [("raised", "03-13")]


def test_a_new_start_counts_anew() -> None:
    """C6: the clock restarts on the day of the event; after the limit it does not."""
    made = course(restart=["anew"])

    assert outcome(made, OPENED, fact("anew", "2025-03-10T09:00")) == [("raised", "03-20")]
    assert outcome(made, OPENED, fact("anew", "2025-03-14T09:00")) == [("raised", "03-13")]


def test_a_refusal_reopens_with_the_same_limit() -> None:
    """What seemed to close it did not hold; before any clock it opens nothing."""
    made = course(reopen=[{"on": "refused", "severity": "orange"}])
    closed, refused = fact("closed", "2025-03-05T09:00"), fact("refused", "2025-03-06T09:00")

    assert outcome(made, OPENED, closed, refused) == [("raised", "03-13")]
    assert outcome(made, OPENED, closed, refused, fact("closed", "2025-03-07T09:00")) == [("cleared", "03-13")]
    assert outcome(made, refused) == []
    (found,) = evaluate(made, "S", [OPENED, refused], Marks(at("2025-03-06T10:00"))).findings
    assert (found.state, found.severity) == ("approaching", "orange")


def test_custody_forbids_rolling() -> None:
    """C2: a last day off rolls only for a person known not to be in custody, by the latest word of it."""
    made = course(roll="next_working_day", custody={"input": "opened", "field": "held"})
    saturday = "2025-04-30T10:00"

    def told(held: bool | None) -> Fact:  # noqa: FBT001
        return fact("opened", saturday, data={} if held is None else {"held": held})

    assert outcome(made, told(held=False)) == [("raised", "05-12")]
    assert outcome(made, told(held=True)) == [("raised", "05-10")]
    assert outcome(made, told(None)) == [("raised", "05-10")]


def test_rolling_is_shown() -> None:
    """The arithmetic names the day off and the day it moved to; an unpublished year is provisional."""
    made = course(roll="next_working_day")

    (found,) = evaluate(made, "S", [fact("opened", "2025-04-30T10:00")], END).findings
    (far,) = evaluate(made, "S", [fact("opened", "2040-09-18T10:00")], Marks(at("2041-01-01"))).findings

    assert [s.code for s in found.steps] == ["opened", "days", "rolled", "late_from", "open"]
    assert not found.provisional
    assert far.provisional
    assert "provisional" in [s.code for s in far.steps]


def test_overdue_reports_only_what_was_done_late() -> None:
    """`overdue` needs the late event; what is still open belongs to `absence`."""
    spec = model().document["pattern"]["absence"]
    made = model(pattern={"overdue": spec})

    assert outcome(made, OPENED) == []
    assert outcome(made, OPENED, fact("closed", "2025-03-13T09:00")) == [("cleared", "03-13")]
    assert outcome(made, OPENED, fact("closed", "2025-03-14T09:00")) == [("overdue_done", "03-13")]


def test_any_order_of_arrival_gives_the_same_terms() -> None:
    """Out of order, the fold gives what it gives in order."""
    made = course(extend=[{**EXTEND, "from": "opener"}], reopen=[{"on": "refused", "severity": "orange"}])
    facts = [
        OPENED,
        fact("more", "2025-03-04T09:00", data={"days": 12}),
        fact("closed", "2025-03-05T09:00"),
        fact("refused", "2025-03-06T09:00"),
        fact("closed", "2025-03-16T09:00"),
    ]
    wanted = outcome(made, *facts)

    assert wanted == [("overdue_done", "03-15")]
    assert all(outcome(made, *arrival) == wanted for arrival in permutations(facts))
