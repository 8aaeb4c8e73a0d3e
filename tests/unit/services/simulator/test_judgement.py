"""Judging found alerts: exact, by model, trigger and final state."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from services.simulator.city import simulate
from services.simulator.judgement import Found, compare, expected
from services.simulator.truth import Truth


def name(model: str, triggers: Sequence[bytes]) -> str:
    """Name an alert so that a test can read it."""
    return f"{model}:{'+'.join(trigger.hex() for trigger in triggers)}"


@pytest.fixture(scope="module")
def truth() -> Truth:
    """The truth of a small city."""
    return simulate(2, 60).truth


@pytest.fixture
def found(truth: Truth) -> list[Found]:
    """Exactly what is true."""
    return list(expected(truth, name).elements())


def test_the_truth_agrees_with_itself(truth: Truth, found: list[Found]) -> None:
    """What is true, found in any order, leaves no difference."""
    verdict = compare(truth, reversed(found), name)

    assert verdict.ok
    assert verdict.expected == len(truth.alerts) == len(found)


def test_an_alert_that_was_not_found_is_missing(truth: Truth, found: list[Found]) -> None:
    """One alert less is one missing."""
    verdict = compare(truth, found[1:], name)

    assert verdict.missing == (found[0],)
    assert verdict.unexpected == ()
    assert not verdict.ok


def test_an_alert_found_twice_is_unexpected(truth: Truth, found: list[Found]) -> None:
    """Doubled is not the same as found."""
    verdict = compare(truth, [*found, found[0]], name)

    assert verdict.unexpected == (found[0],)


def test_another_final_state_counts_on_both_sides(truth: Truth, found: list[Found]) -> None:
    """Raised where overdue-done is true: one missing, one unexpected."""
    wrong = Found(found[0].alert, "unconfirmed")
    verdict = compare(truth, [wrong, *found[1:]], name)

    assert verdict.missing == (found[0],)
    assert verdict.unexpected == (wrong,)


def test_states_on_the_way_are_passed_over(truth: Truth, found: list[Found]) -> None:
    """Approaching, held, cleared and closed by late report are no final alerts."""
    on_the_way = [Found("x", state) for state in ("approaching", "held", "cleared", "closed_by_late_report")]

    assert compare(truth, [*found, *on_the_way], name).ok
