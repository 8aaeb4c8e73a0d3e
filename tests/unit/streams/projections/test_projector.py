"""The projector: idempotent, newest wins, histories kept, positions beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from streams import alerts, clues, panorama
from streams.clues import Clue, ClueAct, Step
from streams.projections import accesses, marks, tables
from streams.projections.accesses import AccessRecord
from streams.projections.database import open_database
from streams.projections.marks import MarksRecord
from streams.projections.projector import Projector
from streams.projections.read_model import ReadModel
from tests.unit.streams.projections.feeds import alert, case_event, stored


def dump(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Read every table whole, in key order, without the revisions: they count steps, not facts."""
    hidden = {"counters"}
    with engine.connect() as connection:
        return {
            name: [
                {k: v for k, v in row.items() if k != "revision"}
                for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            for name, table in tables.metadata.tables.items()
            if name not in hidden
        }


def test_the_newest_record_is_the_alerts_state(engine: Engine) -> None:
    """Yellow, then red: one row, red; both states in the history, first sight kept."""
    projector = Projector(engine)

    projector.apply(alerts.TOPIC, 0, stored(alert(mark=100)))
    projector.apply(alerts.TOPIC, 0, stored(alert(state="raised", severity="red", mark=200), first=1))

    row = ReadModel(engine).alert(f"{1:032x}")
    assert (row.state, row.severity, row.first_seen_at, row.recorded_at) == ("raised", "red", 100, 200)
    assert [s.state for s in ReadModel(engine).history(row.id)] == ["approaching", "raised"]


def test_first_sight_is_kept_inside_one_step(engine: Engine) -> None:
    """Two states of an alert in one step give the first one's time as first seen."""
    Projector(engine).apply(alerts.TOPIC, 0, stored(alert(mark=100), alert(state="raised", mark=200)))

    assert ReadModel(engine).alert(f"{1:032x}").first_seen_at == 100


def test_a_repeated_step_changes_nothing(engine: Engine) -> None:
    """After a crash the runner sends the same records again; rows, history and revision stay."""
    projector = Projector(engine)
    records = stored(alert(1), alert(2), alert(1, state="raised"))
    projector.apply(alerts.TOPIC, 0, records)
    before, revision = dump(engine), ReadModel(engine).revision()

    position = projector.apply(alerts.TOPIC, 0, records)

    assert position == 3 == projector.position(alerts.TOPIC, 0)
    assert (dump(engine), ReadModel(engine).revision()) == (before, revision)


def test_an_older_record_never_overwrites_a_newer_one(engine: Engine) -> None:
    """A step that overlaps what was applied takes only the rest."""
    projector = Projector(engine)
    records = stored(alert(mark=1), alert(state="raised", mark=2), alert(state="overdue_done", mark=3))
    projector.apply(alerts.TOPIC, 0, records[:2])

    projector.apply(alerts.TOPIC, 0, records)

    assert ReadModel(engine).alert(f"{1:032x}").state == "overdue_done"
    assert len(ReadModel(engine).history(f"{1:032x}")) == 3


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 6), max_size=4))
def test_any_cut_into_steps_gives_the_same_rows(cuts: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    """The rows are a function of the records, not of how they came in steps."""
    records = stored(*(alert(n % 2, state=s) for n, s in enumerate(["approaching", "held", "raised"] * 2)))
    whole, parts = (open_database(tmp_path_factory.mktemp("db") / "read.db") for _ in range(2))
    try:
        Projector(whole).apply(alerts.TOPIC, 0, records)
        for end in (*sorted(cuts), len(records)):
            Projector(parts).apply(alerts.TOPIC, 0, records[:end])
        assert dump(parts) == dump(whole)
    finally:
        whole.dispose()
        parts.dispose()


def test_an_interrupted_step_leaves_nothing(engine: Engine) -> None:
    """One record that cannot be read: neither rows nor positions move."""
    projector = Projector(engine)

    with pytest.raises(msgspec.DecodeError):
        projector.apply(alerts.TOPIC, 0, stored(alert(1), b"\xc1"))

    assert projector.position(alerts.TOPIC, 0) == 0
    assert dump(engine)["alerts"] == []


def test_partitions_have_positions_of_their_own(engine: Engine) -> None:
    """The same offset in another partition is another record."""
    projector = Projector(engine)
    projector.apply(alerts.TOPIC, 0, stored(alert(1)))
    projector.apply(alerts.TOPIC, 1, stored(alert(2), first=4))

    assert (projector.position(alerts.TOPIC, 0), projector.position(alerts.TOPIC, 1)) == (1, 5)
    assert len(dump(engine)["alert_history"]) == 2


def test_an_unknown_topic_is_refused(engine: Engine) -> None:
    """A topic the read model does not follow is a mistake of the caller."""
    with pytest.raises(KeyError):
        Projector(engine).apply("casebus.work", 0, stored(b""))


@pytest.mark.parametrize(
    ("state", "expected"),
    [("raised", 50), ("held", 50), ("overdue_done", 60), ("cleared", 60), ("closed_by_late_report", 70), ("x", 100)],
)
def test_valid_time_is_when_it_is_so_in_the_world(engine: Engine, state: str, expected: int) -> None:
    """A breach is valid from the end of its limit, a closing from its own time, a late report from its taking."""
    Projector(engine).apply(alerts.TOPIC, 0, stored(alert(state=state, closed_at=60, reported_at=70)))

    assert [s.valid_at for s in ReadModel(engine).history(f"{1:032x}")] == [expected]


def test_clue_steps_become_state_and_history(engine: Engine) -> None:
    """The newest step is the state; every step keeps its leaf."""
    clue = Clue(alert_id=f"{1:032x}")
    records = []
    for leaf, act in enumerate((ClueAct.ACCEPT, ClueAct.ASSIGN)):
        step = Step(act=act, actor="wang", role="P_CASE", expected_version=clue.version, assignee="wang")
        clue = clues.take(clue, step)
        records.append(clues.encode_record(clues.record(clue, step, organisation="p", note=None, at=leaf, leaf=leaf)))
    projector = Projector(engine)
    projector.apply(alerts.TOPIC, 0, stored(alert(1)))

    projector.apply(clues.TOPIC, 0, stored(*records))

    row = ReadModel(engine).alert(clue.alert_id)
    assert (row.clue_state, row.clue_version, row.assignee) == ("accepted", 2, "wang")
    assert [s.leaf for s in ReadModel(engine).clue_steps(clue.alert_id)] == [0, 1]


def test_marks_keep_the_newest_of_each_source_and_move_no_revision(engine: Engine) -> None:
    """The clock stands beside the sources; silence is shown; pages are not drawn anew each second."""
    first = MarksRecord(1, 10, {"a/x": 5, "b/y": 7}, ("b/y",))
    second = MarksRecord(1, 20, {"a/x": 9}, ())

    Projector(engine).apply(marks.TOPIC, 0, stored(marks.encode(first), marks.encode(second)))

    newest = ReadModel(engine).marks()
    assert (newest.clock, dict(newest.sources), newest.silent) == (20, {"a/x": 9, "b/y": 7}, ("b/y",))
    assert ReadModel(engine).revision() == 0


def test_accesses_are_listed_newest_first(engine: Engine) -> None:
    """Who opened an alert, with the leaf that proves it."""
    rows = [AccessRecord(1, "x", "alert.open", "ok", who, "P_CASE", "p", at, at) for at, who in enumerate("ab")]

    Projector(engine).apply(accesses.TOPIC, 0, stored(*map(accesses.encode, rows)))

    assert [(row.actor, row.leaf) for row in ReadModel(engine).accesses("x")] == [("b", 1), ("a", 0)]


def test_events_survive_a_reopened_database(tmp_path: Path) -> None:
    """Rows and positions are on disk when apply returns."""
    for turn in range(2):
        opened = open_database(tmp_path / "read.db")
        Projector(opened).apply(panorama.TOPIC, 0, stored(case_event(turn + 1), first=turn))
        opened.dispose()
    opened = open_database(tmp_path / "read.db")

    found: Sequence[Any] = ReadModel(opened).timeline("J1")

    assert len(found) == 2
    opened.dispose()
