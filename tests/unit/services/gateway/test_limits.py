"""Limits of a source: a bucket on a clock, and what the site file narrows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import SECOND, ManualClock
from services.gateway.intake import Limits, narrowed
from services.gateway.limits import RateError, Rates, SourceLimits

TEN = SourceLimits(rate=10, burst=20)


def test_a_bucket_empties_and_fills_by_the_clock() -> None:
    """Twenty at once, then ten a second; the refusal says how long to wait."""
    clock = ManualClock(0)
    rates = Rates(clock)
    rates.take("a/b", 20, TEN)
    with pytest.raises(RateError) as refused:
        rates.take("a/b", 1, TEN)
    clock.advance_to(SECOND)
    rates.take("a/b", 10, TEN)

    assert (refused.value.fields["seconds"], refused.value.http_status) == (1, 429)
    with pytest.raises(RateError):
        rates.take("a/b", 1, TEN)


def test_a_batch_beyond_the_bucket_is_paid_for_afterwards() -> None:
    """It passes whole, and the source waits as long as it took."""
    rates = Rates(ManualClock(0))
    rates.take("a/b", 120, TEN)

    with pytest.raises(RateError) as refused:
        rates.take("a/b", 1, TEN)

    assert refused.value.fields["seconds"] == 11


def test_sources_do_not_share_a_bucket() -> None:
    """One that is too fast takes nothing from another."""
    rates = Rates(ManualClock(0))
    rates.take("a/b", 1000, TEN)
    rates.take("c/d", 1, TEN)

    with pytest.raises(RateError):
        rates.take("a/b", 1, TEN)


@given(st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 30)), max_size=60))
def test_no_pattern_of_requests_beats_the_rate(steps: list[tuple[int, int]]) -> None:
    """Over any time a source gets at most the bucket, what its rate fills, and the one batch that overdraws."""
    clock = ManualClock(0)
    rates, passed, largest = Rates(clock), 0, 0
    for pause, events in steps:
        clock.advance_to(clock.now + pause)
        try:
            rates.take("a/b", events, TEN)
        except RateError:
            continue
        passed, largest = passed + events, max(largest, events)

    assert passed <= TEN.burst + TEN.rate * clock.now / SECOND + largest


def test_a_clock_set_back_opens_nothing() -> None:
    """It neither fills the bucket nor empties it."""
    clock = ManualClock(100 * SECOND)
    rates = Rates(clock)
    rates.take("a/b", 20, TEN)
    clock.now = 0

    with pytest.raises(RateError):
        rates.take("a/b", 1, TEN)


def test_a_source_narrows_and_never_widens() -> None:
    """What is not named stays the gateway's."""
    own = SourceLimits.of({"event": 100, "depth": 50, "rate": 5})

    limits = narrowed(Limits(depth=8), own)

    assert (limits.event, limits.depth, limits.events, own.rate, own.burst) == (100, 8, 10_000, 5, 200_000)
