"""Identity and transitions of alerts."""

from __future__ import annotations

import pytest

from streams.supervision.finding import FINAL, State, alert_id, step, transition


def test_alert_id_is_fixed() -> None:
    """The identity of an alert never changes between versions of the engine."""
    assert alert_id("M01", 1, [bytes(range(16))]) == "02d3b5049721980de69a5dc251cd151c"


def test_alert_id_knows_model_major_and_triggers_only() -> None:
    """Another model, another major version or another trigger is another alert; the order of triggers is not."""
    one, two = b"1" * 16, b"2" * 16
    ids = {alert_id("M01", 1, [one]), alert_id("M02", 1, [one]), alert_id("M01", 2, [one]), alert_id("M01", 1, [two])}

    assert len(ids) == 4
    assert alert_id("M01", 1, [one, two]) == alert_id("M01", 1, [two, one])
    assert all(len(i) == 32 for i in ids)


@pytest.mark.parametrize(
    ("previous", "state", "published"),
    [
        (None, None, None),
        (None, "cleared", None),
        (None, "approaching", "approaching"),
        (None, "raised", "raised"),
        ("approaching", "approaching", None),
        ("approaching", "cleared", "cleared"),
        ("held", "cleared", "cleared"),
        ("held", "raised", "raised"),
        ("raised", "overdue_done", "overdue_done"),
        ("raised", "cleared", "closed_by_late_report"),
        ("unconfirmed", "cleared", "closed_by_late_report"),
        ("overdue_done", "cleared", "closed_by_late_report"),
        ("raised", None, "cleared"),
        ("raised", "approaching", "approaching"),
        ("cleared", "cleared", None),
        ("closed_by_late_report", "cleared", None),
        ("closed_by_late_report", None, None),
        ("closed_by_late_report", "raised", "raised"),
    ],
)
def test_transitions(previous: State | None, state: State | None, published: State | None) -> None:
    """What is published depends on what was published before and on the fold alone."""
    assert transition(previous, state) == published


def test_final_states() -> None:
    """Three states are compared between runners."""
    assert sorted(FINAL) == ["overdue_done", "raised", "unconfirmed"]


def test_a_step_speaks_both_languages() -> None:
    """A step carries its code, its values and both texts."""
    made = step("model.step.days", count="3", article="§1")

    assert (made.code, made.en) == ("days", "add 3 day(s) (§1)")
    assert "3" in made.zh
    assert made.fields == {"count": "3", "article": "§1"}
