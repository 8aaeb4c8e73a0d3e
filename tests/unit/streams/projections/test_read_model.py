"""The read model's queries: filters, caps, order, as of a time."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from streams import alerts, panorama
from streams.projections.projector import Projector
from streams.projections.read_model import MAX_ROWS, ReadModel, UnknownAlertError
from streams.projections.values import Filter
from tests.unit.streams.projections.feeds import alert, case_event, stored


@pytest.fixture
def model(engine: Engine) -> ReadModel:
    """Three alerts in two districts, and one case of three events, the last a correction of the second."""
    projector = Projector(engine)
    projector.apply(
        alerts.TOPIC,
        0,
        stored(
            alert(1, mark=1),
            alert(2, state="raised", severity="red", mark=3),
            alert(3, state="raised", severity="red", district="990105", code="M13-notice", mark=2),
        ),
    )
    projector.apply(
        panorama.TOPIC,
        0,
        stored(
            case_event(1, occurred_at=30, recorded_at=31),
            case_event(2, occurred_at=10, recorded_at=32),
            case_event(3, occurred_at=10, recorded_at=40, supersedes=2),
            case_event(4, subject="other"),
        ),
    )
    return ReadModel(engine)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), 3),
        (Filter(districts=("990103",)), 2),
        (Filter(districts=("990103", "990105")), 3),
        (Filter(unit="990105010000"), 1),
        (Filter(model="M01"), 2),
        (Filter(severity="red"), 2),
        (Filter(state="approaching"), 1),
        (Filter(districts=("990103",), state="raised"), 1),
        (Filter(districts=("990116",)), 0),
    ],
)
def test_counts_and_rows_follow_the_same_filter(model: ReadModel, wanted: Filter, expected: int) -> None:
    """The sum of the counts is the number of rows."""
    assert sum(count.number for count in model.counts(wanted)) == expected == len(model.newest(wanted))


def test_rows_come_newest_change_first(model: ReadModel) -> None:
    """The alert whose state changed last stands on top."""
    assert [int(row.id, 16) for row in model.newest(Filter())] == [2, 3, 1]


def test_rows_are_capped(engine: Engine) -> None:
    """A list never shows more than its cap, whatever is asked for."""
    Projector(engine).apply(alerts.TOPIC, 0, stored(*(alert(n) for n in range(MAX_ROWS + 5))))

    assert len(ReadModel(engine).newest(Filter(), limit=10_000)) == MAX_ROWS


def test_counts_are_fresh_after_a_change(engine: Engine, model: ReadModel) -> None:
    """The cache ends with the revision."""
    before = model.counts(Filter())
    Projector(engine).apply(alerts.TOPIC, 0, stored(alert(9), first=3))

    assert sum(c.number for c in model.counts(Filter())) == sum(c.number for c in before) + 1


def test_the_timeline_is_in_the_order_of_the_world(model: ReadModel) -> None:
    """By the time it occurred, only this case, and a corrected event names its correction."""
    events = model.timeline("J1")

    assert [int(e.event_id, 16) for e in events] == [2, 3, 1]
    assert [e.superseded_by is not None for e in events] == [True, False, False]


def test_the_timeline_as_of_a_time_knows_only_what_was_known(model: ReadModel) -> None:
    """Before the correction came, the event stood uncorrected."""
    events = model.timeline("J1", as_of=35)

    assert [int(e.event_id, 16) for e in events] == [2, 1]
    assert [e.superseded_by for e in events] == [None, None]


def test_another_source_corrects_nothing_on_the_timeline(engine: Engine, model: ReadModel) -> None:
    """What names an event of another source leaves that event as it stands."""
    other = case_event(5, subject="J2", supersedes=1, source="police-990104/cases")
    Projector(engine).apply(panorama.TOPIC, 0, stored(other, first=4))

    assert [e.superseded_by for e in model.timeline("J1") if int(e.event_id, 16) == 1] == [None]


def test_the_history_as_of_a_time(engine: Engine, model: ReadModel) -> None:
    """States recorded later are not in it."""
    Projector(engine).apply(alerts.TOPIC, 0, stored(alert(1, state="raised", mark=50), first=3))

    assert [s.state for s in model.history(f"{1:032x}", as_of=49)] == ["approaching"]
    assert [s.state for s in model.history(f"{1:032x}")] == ["approaching", "raised"]


def test_an_unknown_alert_is_a_coded_error(model: ReadModel) -> None:
    """The error does not repeat what was asked for."""
    with pytest.raises(UnknownAlertError) as refused:
        model.alert("f" * 32)

    assert refused.value.http_status == 404


def test_an_untouched_alert_is_a_new_clue(model: ReadModel) -> None:
    """Nobody has taken a step: version 0, no assignee."""
    row = model.alert(f"{1:032x}")

    assert (row.clue_state, row.clue_version, row.assignee) == ("new", 0, None)
