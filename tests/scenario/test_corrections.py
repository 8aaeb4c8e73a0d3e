"""Corrections, end to end: who holds an event learns that it was corrected or withdrawn, alerts follow, the log tells.

A police report is accepted, the procuratorate gets its view, the deadline passes and an alert stands. Then the police
say that they were wrong.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from schemas.clock import DAY, ManualClock
from security.audit.reading import read
from security.audit.record import Entry
from security.audit.terms import Question
from services.demo.stage import prepare
from services.node.node import Node, open_node
from streams.bus.port import Stored
from streams.projections.values import AlertRow, Filter
from tests.integration.report_event import ELSEWHERE, POLICE, START, SUBSCRIPTION, VIEW, id_of, report, subject_of


@dataclass
class Stand:
    """A node and what stands on it."""

    node: Node
    clock: ManualClock

    def say(self, number: int, *, case: int, source: str = POLICE, **attributes: Any) -> uuid.UUID:
        """Accept a report about a case; `attributes` correct, withdraw or flag it."""
        (outcome,) = self.node.door.accept(source, [report(number, case=case, source=source, **attributes)])
        assert outcome.ok, outcome.as_dict()
        self.node.pump()
        return id_of(number, source)

    def overdue(self) -> None:
        """Let the limit pass; every source has told everything."""
        self.clock.advance_to(self.clock.now_us() + 40 * DAY)
        for source in self.node.sources.all():
            self.node.door.complete_to(source, self.clock.now_us())
        self.node.pump()

    def views(self) -> list[Stored]:
        """Return every record that the procuratorate's subscription got."""
        return self.node.bus.read(VIEW, 0, 0, 100)

    def alerts(self) -> dict[str, AlertRow]:
        """Return the alerts by id."""
        return {row.id: row for row in self.node.read_model.newest(Filter())}

    def log(self) -> list[Entry]:
        """Return the audit log."""
        return [stored.record for stored in read(self.node.data.audit)]

    def records(self, event_id: uuid.UUID) -> list[Entry]:
        """Return the records of the audit log about an event, as a search finds them."""
        question = Question(event=(event_id.hex,))
        return [record for record in self.log() if question.matches(record)]

    def close(self) -> None:
        """Stop the node."""
        self.node.close()


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """A demonstration node on a clock that the test moves."""
    stage = prepare(tmp_path / "data", START, seed=1, cases=0)
    clock = ManualClock(START)
    stand = Stand(open_node(stage.data, clock=clock), clock)
    yield stand
    stand.close()


def headers(record: Stored) -> dict[str, str]:
    """Return a record's headers as text."""
    return {name: value.decode() for name, value in record.headers}


def authorising(stand: Stand, record: Stored) -> Entry:
    """Return the record of the audit log that a delivered record names."""
    node, _, number = headers(record)["manifest"].partition("/")
    assert node == stand.node.name.node
    return stand.log()[int(number)]


def test_a_correction_reaches_the_receiver_and_folds_the_alert_anew(stand: Stand) -> None:
    """The corrected view follows the first; the old alert is cleared for it, the new one says why it stands."""
    first = stand.say(1, case=1)
    stand.overdue()
    (old,) = stand.alerts()

    second = stand.say(2, case=1, supersedes=str(first))

    one, two = stand.views()
    assert (headers(two)["ce_id"], headers(two)["ce_supersedes"]) == (str(second), str(first))
    manifest = authorising(stand, two)
    assert (manifest.act, manifest.obj) == ("release", SUBSCRIPTION)
    assert manifest.data["corrects"] == [first.hex]
    assert manifest.data["originals"] == [authorising(stand, one).idem]
    alerts = stand.alerts()
    (new,) = set(alerts) - {old}
    assert (alerts[old].state, alerts[new].state) == ("cleared", "raised")
    history = stand.node.read_model.history
    assert [state.reason for state in history(old)][-1] == "corrected"
    assert [state.reason for state in history(new)][-1] == "corrected"


def test_a_withdrawal_is_told_to_the_receiver_and_closes_the_alert(stand: Stand) -> None:
    """Who holds the event learns that nothing stands in its place; the alert is closed with the reason."""
    first = stand.say(1, case=1)
    stand.overdue()
    (alert,) = stand.alerts()

    second = stand.say(2, case=1, supersedes=str(first), withdrawn=True)

    _, notice = stand.views()
    said = headers(notice)
    assert (said["ce_type"], said["ce_supersedes"], notice.value) == ("bus.event.withdrawn", str(first), b"")
    assert stand.alerts()[alert].state == "cleared"
    assert stand.node.read_model.history(alert)[-1].reason == "withdrawn"
    timeline = stand.node.read_model.timeline(subject_of(1))
    assert {(row.event_id, row.superseded_by, row.withdraws) for row in timeline} == {
        (first.hex, second.hex, False),
        (second.hex, None, True),
    }


def test_both_are_traced_in_the_audit_log(stand: Stand) -> None:
    """A search for the original finds its release, the notice that names that release, and what was said when."""
    first = stand.say(1, case=1)
    second = stand.say(2, case=1, supersedes=str(first), withdrawn=True)

    told = [record for record in stand.records(first) if record.act == "withdraw"]

    (notice,) = [record for record in told if record.obj == SUBSCRIPTION]
    (released,) = [r for r in stand.records(first) if r.act == "release" and r.obj == SUBSCRIPTION]
    assert notice.data == {
        "because": [second.hex],
        "events": [first.hex],
        "kinds": ["withdrawn"],
        "originals": [released.idem],
    }
    assert notice in stand.records(second)
    assert authorising(stand, stand.views()[-1]) == notice


def test_a_receiver_that_may_not_have_the_correction_learns_of_it_by_the_original_only(stand: Stand) -> None:
    """The correction is sealed by a court: not even its id, its source or its time is told."""
    first = stand.say(1, case=1)
    second = stand.say(2, case=1, supersedes=str(first), flags=["sealed"])

    _, notice = stand.views()

    said = headers(notice)
    assert set(said) == {"ce_specversion", "ce_id", "ce_type", "ce_source", "ce_supersedes", "manifest"}
    assert (said["ce_type"], said["ce_supersedes"], notice.value) == ("bus.event.superseded", str(first), b"")
    assert str(second) not in said.values()


def test_who_never_had_the_original_is_told_nothing(stand: Stand) -> None:
    """A withdrawal of an event that was withheld from a receiver does not tell it that there was one."""
    first = stand.say(1, case=1, flags=["sealed"])
    assert stand.views() == []

    stand.say(2, case=1, supersedes=str(first), withdrawn=True)

    assert stand.views() == []


def test_a_correction_may_come_before_the_original(stand: Stand) -> None:
    """Whoever gets the original then is told at once, and no alert is raised for it."""
    first = id_of(1)
    stand.say(2, case=1, supersedes=str(first), withdrawn=True)
    assert stand.views() == []

    assert stand.say(1, case=1) == first
    stand.overdue()

    view, notice = stand.views()
    assert headers(view)["ce_id"] == str(first)
    assert (headers(notice)["ce_type"], headers(notice)["ce_supersedes"]) == ("bus.event.withdrawn", str(first))
    assert stand.alerts() == {}


def test_a_correction_of_a_correction_reaches_who_holds_the_first_one(stand: Stand) -> None:
    """Each link names the one before; in the end one alert stands, for the last word."""
    first = stand.say(1, case=1)
    second = stand.say(2, case=1, supersedes=str(first))
    third = stand.say(3, case=1, supersedes=str(second))
    stand.overdue()

    assert [headers(r).get("ce_supersedes") for r in stand.views()] == [None, str(first), str(second)]
    assert authorising(stand, stand.views()[2]).data["corrects"] == [second.hex]
    (row,) = stand.alerts().values()
    timeline = stand.node.read_model.timeline(subject_of(1))
    assert {event.event_id: event.superseded_by for event in timeline} == {
        first.hex: second.hex,
        second.hex: third.hex,
        third.hex: None,
    }
    assert row.state == "raised"
    assert {state.reason for state in stand.node.read_model.history(row.id)} == {"corrected"}


def test_a_repeated_correction_changes_nothing(stand: Stand) -> None:
    """The same correction sent twice is told once."""
    first = stand.say(1, case=1)
    for _ in range(2):
        stand.say(2, case=1, supersedes=str(first), withdrawn=True)

    assert len(stand.views()) == 2


def test_nobody_corrects_what_another_said(stand: Stand) -> None:
    """The door refuses it, under a code of its own; nothing is told and the alert stands."""
    first = stand.say(1, case=1)
    stand.overdue()
    event = report(2, case=1, source=ELSEWHERE, supersedes=str(first), withdrawn=True)

    (outcome,) = stand.node.door.accept(ELSEWHERE, [event])
    stand.node.pump()

    assert (str(outcome.status), outcome.code) == ("refused", "gateway.corrects_other")
    assert len(stand.views()) == 1
    assert [row.state for row in stand.alerts().values()] == ["raised"]
