"""What people, systems and the node itself do at a running node stands in its log: by whom, in which role, what for.

One node, acted on through its interfaces; the acts that need a node of their own (backup, restore, upgrade, loss,
recovery, retirement, erasure, a receiver's readings) are named in `tests/unit/security/audit/test_acts.py`.
"""

from __future__ import annotations

import json

import msgspec
import pytest

from schemas.clock import DAY, HOUR, ManualClock
from schemas.event import sequence_of
from security.audit.reading import read
from security.audit.record import Entry
from security.policy.roles import ROLES
from services.demo.stage import prepare
from services.node.head_keeper import HeadKeeper
from services.node.node import open_node
from services.node.server import application
from services.node.tokens import issue
from tests.scenario.test_officer_story import OTHER, POLICE, START, SUSPECT, UNIT, Story

BY_PEOPLE = {"alert", "clue", "export", "login", "logout", "open", "person.lookup", "record", "search", "verify"}
OF_A_CASE = {"alert", "clue", "open", "person.lookup"}
BY_SYSTEMS = {"mark", "publish", "quarantine", "refuse"}
BY_THE_NODE = {"clock", "control", "key", "release", "start", "stop", "tick"}
SAID = ("canary-summary", "canary-note", SUSPECT, OTHER, f"J{UNIT}")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """The log of a node after a few days."""
    stage = prepare(tmp_path_factory.mktemp("acts") / "data", START, seed=1, cases=0)
    clock = ManualClock(START)
    node = open_node(stage.data, clock=clock)
    story = Story(node, clock, application(node))
    try:
        what_systems_do(story)
        what_people_do(story)
        what_the_node_does(story)
    finally:
        node.close()
    return [each.record for each in read(stage.data / "audit")]


def what_systems_do(story: Story) -> None:
    """Publish, be refused, contradict oneself; and declare how far everything was said."""
    story.accept_report(1, SUSPECT)
    clear = {"specversion": "1.0", "type": "police.report.accepted", "source": POLICE, "data": {}}
    story.node.door.accept(POLICE, [clear | {"sequence": sequence_of(2)}])
    story.clock.advance_to(story.clock.now_us() + HOUR)
    with pytest.raises(AssertionError, match="quarantined"):
        story.accept_report(1, OTHER)
    issue(story.node, POLICE)
    story.move(START + 9 * DAY)


def what_people_do(story: Story) -> None:
    """Open an alert, look a person up, take a step; search, read, export and verify; and go."""
    (row,) = story.call("police", "GET", "/desk/board").json()["rows"]
    alert = row["id"]
    story.call("police", "GET", f"/desk/alerts/{alert}")
    story.look_up(alert, SUSPECT)
    page = story.call("prosecutor", "GET", f"/desk/alerts/{alert}").json()
    step = {"act": "accept", "expected_version": page["clue"]["version"], "note": "canary-note"}
    story.call("prosecutor", "POST", f"/desk/alerts/{alert}/steps", json=step)
    purpose = {"purpose": "access-audit"}
    story.call("security", "POST", "/audit/search", json={**purpose, "act": "clue"})
    story.call("security", "GET", "/audit/records/1", params=purpose)
    story.call("security", "POST", "/audit/bundle", json={**purpose, "seqs": [1]})
    story.call("security", "POST", "/audit/verification", json={**purpose, "level": 2})
    story.call("security", "POST", "/desk/logout")
    with pytest.raises(AssertionError, match="401"):
        story._send("POST", "/desk/login", json={"account": "police", "password": "not it"})


def what_the_node_does(story: Story) -> None:
    """A clock that jumps, and minutes in which nothing happens."""
    wall, steady = ManualClock(START), iter(range(0, 10_000, 100))
    pulse = HeadKeeper(story.node.audit, story.node.name.node, wall, lambda: float(next(steady)))
    for _ in range(3):
        wall.advance_to(wall.now_us() + DAY)
        pulse.look()
    for _ in range(2):
        wall.advance_to(wall.now_us() + 100 * 1_000_000)
        pulse.look()


def test_each_act_is_there(records: list[Entry]) -> None:
    """Nothing that was done is missing."""
    assert {*BY_PEOPLE, *BY_SYSTEMS, *BY_THE_NODE} <= {each.act for each in records}


def test_a_person_stands_there_with_role_organisation_purpose_and_case(records: list[Entry]) -> None:
    """Each act of a person, but for a password that was wrong: nobody was signed in."""
    acts = [each for each in records if each.role in ROLES]
    assert {each.act for each in acts} >= BY_PEOPLE - {"alert"}
    for each in acts:
        assert each.actor, each.act
        assert each.org, each.act
        assert each.purpose or each.act in {"login", "logout"}, each.act
        assert each.case or each.act not in OF_A_CASE, each.act
    (step,) = [each for each in records if each.act == "clue"]
    assert (step.actor, step.role, step.data["step"]) == ("prosecutor", "P_CASE", "accept")
    assert [each.out for each in records if each.act == "login" and each.out != "ok"] == ["identity.sign_in"]


def test_a_system_stands_there_with_its_organisation(records: list[Entry]) -> None:
    """What a source published, was refused, contradicted and declared; what the node set aside."""
    for act in ("publish", "refuse", "mark"):
        mine = [each for each in records if each.act == act and POLICE in {each.obj, each.actor}]
        assert mine, act
        assert {each.org for each in mine} <= {"police-990103", ""}, act
        assert {each.role for each in mine} == {"publisher"}, act
    assert [each.why for each in records if each.act == "quarantine"] == ["gateway.conflict"]


def test_a_model_stands_there_with_epoch_and_version(records: list[Entry]) -> None:
    """Each state of the alert."""
    states = [each for each in records if each.act == "alert" and each.role == "model"]
    assert states
    assert all(each.actor and each.ctl and each.pol and each.data["version"] and each.obj for each in states)


def test_no_value_of_an_event_stands_there(records: list[Entry]) -> None:
    """No summary, no note, no key of a person, no case reference."""
    written = json.dumps(msgspec.to_builtins(records), ensure_ascii=False)
    assert not [word for word in SAID if word in written]
