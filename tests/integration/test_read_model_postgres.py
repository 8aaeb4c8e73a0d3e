"""The read model on a real PostgreSQL: the tests of SQLite's again, and both compared over the same records."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from services.node.node import READ_MODEL, open_node
from services.node.site import Site
from streams import alerts, clues, panorama
from streams.clues import Clue, ClueAct, Step
from streams.projections import accesses, marks
from streams.projections.accesses import AccessRecord
from streams.projections.database import open_database
from streams.projections.marks import MarksRecord
from streams.projections.projector import Projector
from streams.projections.read_model import ReadModel
from streams.projections.values import Filter
from tests.house.tree import ROOT
from tests.unit.streams.projections.feeds import alert, case_event, stored
from tests.unit.streams.projections.test_database import (  # noqa: F401 - collected here again, over PostgreSQL
    test_migrating_twice_changes_nothing,
    test_the_revisions_make_exactly_the_tables,
)
from tests.unit.streams.projections.test_projector import (  # noqa: F401
    dump,
    test_a_repeated_step_changes_nothing,
    test_accesses_are_listed_newest_first,
    test_an_interrupted_step_leaves_nothing,
    test_an_older_record_never_overwrites_a_newer_one,
    test_clue_steps_become_state_and_history,
    test_first_sight_is_kept_inside_one_step,
    test_marks_keep_the_newest_of_each_source_and_move_no_revision,
    test_partitions_have_positions_of_their_own,
    test_the_newest_record_is_the_alerts_state,
)
from tests.unit.streams.projections.test_read_model import (  # noqa: F401
    model,
    test_counts_and_rows_follow_the_same_filter,
    test_counts_are_fresh_after_a_change,
    test_rows_are_capped,
    test_rows_come_newest_change_first,
    test_the_history_as_of_a_time,
    test_the_timeline_as_of_a_time_knows_only_what_was_known,
    test_the_timeline_is_in_the_order_of_the_world,
)

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """Open an empty, migrated database."""
    opened = open_database(url)
    yield opened
    opened.dispose()


def feed(projector: Projector) -> None:
    """Apply a little of everything, in steps, one of them twice."""
    projector.apply(alerts.TOPIC, 0, stored(alert(1), alert(2, "raised", "red", district="990104", code="M13")))
    projector.apply(alerts.TOPIC, 0, stored(alert(1, "raised", "red", mark=300), first=2))
    projector.apply(alerts.TOPIC, 0, stored(alert(1, "raised", "red", mark=300), first=2))
    projector.apply(alerts.TOPIC, 1, stored(alert(3, "cleared", closed_at=44, mark=310)))
    rows = [case_event(n, subject=f"J{n % 3}案", occurred_at=90 - n, recorded_at=n) for n in range(1, 9)]
    projector.apply(panorama.TOPIC, 0, stored(*rows, case_event(20, subject="J1案", recorded_at=50, supersedes=4)))
    before = Clue(alert_id=f"{1:032x}")
    step = Step(act=ClueAct.ACCEPT, actor="wang", role="P_CASE", expected_version=0, assignee="wang")
    taken = clues.record(clues.take(before, step), step, organisation="p", note=b"sealed", at=9, leaf=4)
    projector.apply(clues.TOPIC, 0, stored(clues.encode_record(taken)))
    seen = AccessRecord(1, f"{1:032x}", "open", "ok", "actor", "P_CASE", "procuratorate-990103", 77, 5)
    projector.apply(accesses.TOPIC, 0, stored(accesses.encode(seen)))
    told = MarksRecord(1, 900, {"police-990103/cases": 800, "Court/x": 1 << 40}, ("Court/x",))
    projector.apply(marks.TOPIC, 0, stored(marks.encode(told)))


def test_postgresql_holds_what_sqlite_holds(engine: Engine, tmp_path: Path) -> None:
    """The same records give the same rows, histories, positions and answers on both."""
    local = open_database(tmp_path / "read.db")
    for each in (engine, local):
        feed(Projector(each))

    assert dump(engine) == dump(local)
    theirs, ours = ReadModel(engine), ReadModel(local)
    for wanted in (
        Filter(),
        Filter(districts=("990103",)),
        Filter(state="raised"),
        Filter(severity="red", model="M13"),
    ):
        assert theirs.counts(wanted) == ours.counts(wanted)
        assert theirs.newest(wanted) == ours.newest(wanted)
    for subject in ("J0案", "J1案", "J2案", "none"):
        assert theirs.timeline(subject) == ours.timeline(subject)
        assert theirs.timeline(subject, as_of=40) == ours.timeline(subject, as_of=40)
    assert theirs.marks() == ours.marks()
    assert theirs.revision() == ours.revision() > 0
    local.dispose()


def test_a_node_keeps_its_read_model_where_it_is_told(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With CASEBUS_READ_MODEL the node writes no read.db and answers from PostgreSQL."""
    monkeypatch.setenv(READ_MODEL, url)
    node = open_node(tmp_path / "data", Site.load(ROOT / "deploy/site/demo.yaml"))
    node.pump()
    marks_told = node.read_model.marks()
    node.close()

    assert not (tmp_path / "data/read.db").exists()
    opened = open_database(url)
    assert ReadModel(opened).marks() == marks_told
    assert marks_told.clock > 0
    opened.dispose()


def test_processes_that_open_a_new_database_at_once_migrate_it_once(url: str) -> None:
    """The later ones wait for the first and find its work done."""
    code = "import sys; from streams.projections.database import open_database; open_database(sys.argv[1]).dispose()"
    started = [subprocess.Popen([sys.executable, "-c", code, url], cwd=ROOT) for _ in range(3)]

    assert [process.wait(60) for process in started] == [0, 0, 0]
