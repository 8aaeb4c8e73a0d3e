"""Corrections on both runners: who holds an event learns of it, the alert follows, the log tells.

What the embedded runner promises is told in `tests/scenario/test_corrections.py`. The stages of the Kafka runner are
held to the same here, over partitions that overtake each other and steps that are opened anew at every other record;
over a real Kafka by `tests/integration/kafka/test_faust_city.py`.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from schemas.clock import DAY, ManualClock
from security.audit.reading import read
from security.audit.record import Entry
from services.node.node import Node, open_node
from services.node.site import Site
from streams import alerts
from streams.bus.embedded import EmbeddedBus
from streams.bus.port import Record
from tests.contract.stages import StagesRunner, by_source
from tests.house.tree import ROOT
from tests.integration.delivery_proof import records
from tests.integration.report_event import ELSEWHERE, START, SUBSCRIPTION, VIEW, id_of, report

MODEL = ROOT / "streams/supervision/models/M01.yaml"
OFTEN = 0.5
"""Before every other record a step is thrown away and opened again from what is durable."""


class Stand(Protocol):
    """A node and its runner."""

    node: Node

    def settle(self) -> None:
        """Work until everything has taken effect."""
        ...

    def records(self, topic: str) -> list[Record]:
        """Return what stands on a topic."""
        ...


class Embedded:
    """The embedded runner."""

    def __init__(self, data: Path, site: Site) -> None:
        self.node = open_node(data, site, clock=ManualClock(START))

    def settle(self) -> None:
        """Drain."""
        self.node.pump()

    def records(self, topic: str) -> list[Record]:
        """Return what stands on a topic."""
        assert isinstance(self.node.bus, EmbeddedBus)
        return [Record(each.key, each.value, each.headers) for each in records(self.node.bus, topic)]


def stages(data: Path, site: Site) -> StagesRunner:
    """Return the stages of the Kafka runner; raw records are placed as the door places them."""
    return StagesRunner(data, site, START, 7, placing=by_source, restart=OFTEN)


@pytest.fixture(params=[Embedded, stages], ids=["embedded", "stages"])
def stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stand]:
    """One of both, on the demonstration's site with the model that counts from a report."""
    make: Callable[[Path, Site], Stand] = request.param
    site = dataclasses.replace(Site.load(ROOT / "deploy/site/demo.yaml"), models=(MODEL,))
    made = make(tmp_path / "data", site)
    yield made
    made.node.close()


def say(stand: Stand, number: int, **attributes: Any) -> uuid.UUID:
    """Accept a report and let it take effect."""
    (outcome,) = stand.node.door.accept(report(number, case=1)["source"], [report(number, case=1, **attributes)])
    assert outcome.ok, outcome.as_dict()
    stand.settle()
    return id_of(number)


def overdue(stand: Stand) -> None:
    """Let the limit pass; every source has told everything."""
    assert isinstance(stand.node.clock, ManualClock)
    stand.node.clock.advance_to(START + 40 * DAY)
    for source in stand.node.sources.all():
        stand.node.door.complete_to(source, stand.node.clock.now_us())
    stand.settle()


def views(stand: Stand) -> list[dict[str, str]]:
    """Return the headers of every record that the procuratorate's subscription got."""
    return [{name: value.decode() for name, value in record.headers} for record in stand.records(VIEW)]


def reasons(stand: Stand) -> dict[str, list[tuple[str, str]]]:
    """Return alert id → the (state, reason) it went through."""
    found: dict[str, list[tuple[str, str]]] = {}
    for record in stand.records(alerts.TOPIC):
        alert = alerts.decode(record.value)
        found.setdefault(alert.id, []).append((alert.state, alert.reason))
    return found


def log(stand: Stand) -> list[Entry]:
    """Return the audit log."""
    return [stored.record for stored in read(stand.node.data.audit)]


def acts(stand: Stand, act: str) -> list[Entry]:
    """Return the acts of one kind that name the subscription, once each: a step killed before it told stands twice."""
    return list({entry.idem: entry for entry in log(stand) if entry.act == act and entry.obj == SUBSCRIPTION}.values())


def test_a_correction_reaches_the_receiver_and_folds_the_alert_anew(stand: Stand) -> None:
    """The corrected view names the first; its manifest names both; the old alert is cleared, the new one says why."""
    first = say(stand, 1)
    overdue(stand)
    (old,) = reasons(stand)

    second = say(stand, 2, supersedes=str(first))

    got = {view["ce_id"]: view for view in views(stand)}
    assert set(got) == {str(first), str(second)}
    assert got[str(second)]["ce_supersedes"] == str(first)
    manifest = log(stand)[int(got[str(second)]["manifest"].rpartition("/")[2])]
    original = log(stand)[int(got[str(first)]["manifest"].rpartition("/")[2])]
    assert (manifest.act, manifest.obj, manifest.data["corrects"]) == ("release", SUBSCRIPTION, [first.hex])
    assert manifest.data["originals"] == [original.idem]
    told = reasons(stand)
    (new,) = set(told) - {old}
    assert told[old][-1] == ("cleared", "corrected")
    assert told[new][-1] == ("raised", "corrected")


def test_a_withdrawal_is_told_to_the_receiver_and_closes_the_alert(stand: Stand) -> None:
    """Who holds the event learns that nothing stands in its place, by a record that names the release of it."""
    first = say(stand, 1)
    overdue(stand)
    (alert,) = reasons(stand)

    second = say(stand, 2, supersedes=str(first), withdrawn=True)

    (notice,) = [view for view in views(stand) if "ce_supersedes" in view]
    assert (notice["ce_type"], notice["ce_supersedes"]) == ("bus.event.withdrawn", str(first))
    assert reasons(stand)[alert][-1] == ("cleared", "withdrawn")
    (told,) = acts(stand, "withdraw")
    (released,) = [entry for entry in acts(stand, "release") if first.hex in entry.data["events"]]
    assert told.data == {
        "because": [second.hex],
        "events": [first.hex],
        "kinds": ["withdrawn"],
        "originals": [released.idem],
    }


def test_a_correction_may_come_before_the_original(stand: Stand) -> None:
    """Whoever gets the original then is told at once, and no alert is raised for it."""
    say(stand, 2, supersedes=str(id_of(1)), withdrawn=True)
    assert views(stand) == []

    say(stand, 1)
    overdue(stand)

    assert sorted(view["ce_type"] for view in views(stand)) == ["bus.event.withdrawn", "police.report.accepted"]
    assert reasons(stand) == {}


def test_nobody_corrects_what_another_said(stand: Stand) -> None:
    """The door refuses it under a code of its own while it remembers the event."""
    first = say(stand, 1)

    (outcome,) = stand.node.door.accept(ELSEWHERE, [report(2, case=1, source=ELSEWHERE, supersedes=str(first))])

    assert (str(outcome.status), outcome.code) == ("refused", "gateway.corrects_other")


def test_what_the_door_has_forgotten_is_not_corrected_by_another_either(stand: Stand) -> None:
    """Release and the models know an id by its source: nobody is told anything, and the alert stands."""
    first = say(stand, 1)
    overdue(stand)
    (alert,) = reasons(stand)
    # The door forgets after many thousands of events.
    stand.node.door._memory._known.clear()

    (outcome,) = stand.node.door.accept(
        ELSEWHERE, [report(2, case=1, source=ELSEWHERE, supersedes=str(first), withdrawn=True)]
    )
    stand.settle()

    assert outcome.ok
    assert len(views(stand)) == 1
    assert reasons(stand)[alert][-1] == ("raised", "")
    assert not [entry for entry in log(stand) if entry.act == "withdraw"]
