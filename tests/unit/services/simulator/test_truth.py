"""The truth of a city: dates that a person can check by hand, and no engine behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date

import pytest

from schemas.clock import DAY
from services.simulator import days
from services.simulator.city import City, simulate
from services.simulator.stories.delivery import PLOTS as DELIVERIES
from services.simulator.stories.filing import PLOTS as FILINGS
from services.simulator.stories.notice import PLOTS as NOTICES
from services.simulator.truth import Truth


@pytest.fixture(scope="module")
def city() -> City:
    """A city that holds every story."""
    return simulate(9, 240)


def test_the_truth_asks_no_engine() -> None:
    """Simulating a city imports nothing of the supervision engine or the legal clock."""
    code = (
        "import sys; from services.simulator.city import simulate; simulate(1, 60); "
        "print(sorted(m for m in sys.modules if m.startswith('streams')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_truth_survives_its_file(city: City) -> None:
    """Written and read back, the truth is the same."""
    assert Truth.from_dict(json.loads(json.dumps(city.truth.as_dict()))) == city.truth


def test_every_trigger_is_an_event_of_the_city(city: City) -> None:
    """Alerts, near misses and paths name events that were delivered."""
    ids = {delivery.event["id"] for delivery in city.deliveries if delivery.event is not None}
    truth = city.truth
    triggers = (
        [alert.triggers for alert in truth.alerts],
        [miss.triggers for miss in truth.near_misses],
        [path.triggers for path in truth.paths],
    )
    named = {trigger for entries in triggers for entry in entries for trigger in entry}

    assert named
    assert named <= ids


def test_an_alert_and_a_near_miss_exclude_each_other(city: City) -> None:
    """No clock is both to be found and not to be found."""
    alerts = {(alert.model, alert.triggers) for alert in city.truth.alerts}
    misses = {(miss.model, miss.triggers) for miss in city.truth.near_misses}

    assert len(alerts) == len(city.truth.alerts)
    assert not alerts & misses


def test_every_deadline_is_decided_before_the_end(city: City) -> None:
    """Every planted deadline lies more than a week before the city's end."""
    assert max(alert.due_us for alert in city.truth.alerts) < city.end_us - 7 * DAY


def test_a_last_day_ends_at_midnight() -> None:
    """24:00 of 6 March in Shanghai is 16:00 UTC of that day."""
    assert days.end_of(date(2025, 3, 6)) == 1_741_276_800_000_000
    assert days.utc_text(days.end_of(date(2025, 3, 6))) == "2025-03-06T16:00:00.000000Z"


@pytest.mark.parametrize("table", [days.ROLLED_TEN_DAYS, days.ROLLED_THREE_DAYS, days.ROLLED_MONTH])
def test_rolled_days_end_on_a_day_off_and_move_to_the_next_working_day(
    table: tuple[tuple[date, date, date], ...],
) -> None:
    """In the written tables the counted day is off, the rolled one is the next working day."""
    for _, counted, rolled in table:
        assert not days.is_working(counted)
        assert days.is_working(rolled)
        between = [days.days_after(counted, n) for n in range((rolled - counted).days)]
        assert not any(days.is_working(day) for day in between)


def test_counted_days_are_those_of_the_law() -> None:
    """Three days, ten days and a month are counted from the day after; a month keeps its day."""
    assert all((counted - first).days == 3 for first, counted, _ in days.ROLLED_THREE_DAYS)
    assert all((counted - first).days == 10 for first, counted, _ in days.ROLLED_TEN_DAYS)
    assert all(days.month_after(first) == counted for first, counted, _ in days.ROLLED_MONTH)
    assert days.month_after(date(2025, 3, 31)) == date(2025, 4, 30)


def test_plots_that_close_late_or_never_are_the_ones_that_stand() -> None:
    """A plot leaves an alert exactly when its ending is late or missing; the table cannot contradict itself."""
    for filing in FILINGS:
        late = filing.ending is None or filing.day in {"late", "next"} or filing.day == (32, 33)
        assert late == (filing.state is not None), filing.kind
    for notice in NOTICES:
        late = notice.applicable and (notice.served is None or notice.served in {"late", "rolled"})
        assert late == (notice.state is not None), notice.kind
    for delivery in DELIVERIES:
        late = delivery.ending is None or delivery.day in {"late", "rolled"}
        assert late == (delivery.state is not None), delivery.kind
