"""Beside each release stands what became of it: fetched, acknowledged, how far the receiver has come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from security.audit.policy import Policy
from security.audit.received import fetched
from security.audit.record import Entry
from security.audit.released import released
from security.audit.terms import Question
from services.auditor.progress import MOST_EVENTS, with_progress
from services.auditor.search import Searcher
from tests.unit.security.audit.workshop import KEY, open_log

POLICY = Policy.of_key(KEY)
EVENTS = [f"{number:032x}" for number in range(1, 500)]


def release(sub: str, *events: str) -> Entry:
    """Return a manifest."""
    return Entry(act="release", obj=sub, org="o", purpose="p", idem=f"{sub}/{events[0]}", data={"events": list(events)})


def pull(sub: str, first: int, *events: str) -> Entry:
    """Return a reading."""
    return Entry(act="pull", actor=sub, obj=sub, part=0, off=first, data={"events": list(events), "way": "page"})


def ack(sub: str, through: int, part: int = 0) -> Entry:
    """Return an acknowledgement."""
    return Entry(act="ack", actor=sub, obj=sub, part=part, off=through, data={"way": "told"})


def noise(count: int) -> list[Entry]:
    """Return records that are about something else."""
    return [Entry(act="tick", obj="n1")] * count


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two receivers: one fetched and acknowledged in three steps, far apart; the other fetched only."""
    opened = open_log(tmp_path / "audit", span=12)
    opened.append([release("a", *EVENTS[:3]), release("b", *EVENTS[:1]), ack("a", 0, part=9)])
    opened.append(noise(600))
    opened.append([pull("a", 40, *EVENTS[:2]), ack("a", 40), pull("b", 7, EVENTS[0]), ack("b", 6)])
    opened.append(noise(600))
    opened.append([pull("a", 40, *EVENTS[:2]), ack("a", 41)])
    opened.append(noise(300))
    opened.checkpoint()
    opened.append([ack("a", 99)])
    opened.close()
    return tmp_path / "audit"


def told(log: Path, index: Path, event: str) -> dict[str, dict[str, Any]]:
    """Ask for an event; return receiver → what became of it."""
    with Searcher.open(log, POLICY, index) as searcher:
        question = Question(event=(event,), act=("release",))
        found = released((hit.record for hit in searcher.search(question).hits), question.event)
        return {each["sub"]: each for each in with_progress(searcher, found)}


def test_each_release_says_what_became_of_it(log: Path, tmp_path: Path) -> None:
    """The first reading, the first acknowledgement that covers it, and the newest one, each by its record."""
    first, second, third = (told(log, tmp_path / "index.db", event) for event in EVENTS[:3])

    def at(said: dict[str, Any] | None, name: str) -> tuple[int, int] | None:
        return None if said is None else (said["seq"], said[name])

    a = first["a"]
    assert (at(a["fetched"], "offset"), at(a["acknowledged"], "through")) == ((603, 40), (604, 40))
    assert at(a["reached"], "through") == (1_509, 99)
    b = first["b"]
    assert (at(b["fetched"], "offset"), b["acknowledged"], at(b["reached"], "through")) == ((605, 7), None, (606, 6))
    a = second["a"]
    assert (at(a["fetched"], "offset"), at(a["acknowledged"], "through")) == ((603, 41), (1_208, 41))
    assert (third["a"]["fetched"], third["a"]["acknowledged"]) == (None, None)


def test_gaps_between_offsets_cover_nothing_too_early() -> None:
    """Where offsets do not follow each other an event counts as standing at the last of its reading."""
    dense = pull("a", 40, *EVENTS[:3])
    data = dense.data | {"last": 42}
    gaps = Entry(act="pull", obj="a", part=0, off=40, data=data | {"last": 47})

    assert [each.offset for each in fetched([Entry(act="pull", obj="a", off=40, data=data)], EVENTS)] == [40, 41, 42]
    assert [each.offset for each in fetched([gaps], EVENTS)] == [47, 47, 47]


def test_of_too_many_events_nothing_is_looked_up(log: Path, tmp_path: Path) -> None:
    """A search that lists many releases answers quickly; each event can be asked for by itself."""
    many = [release("a", event) for event in EVENTS[: MOST_EVENTS + 1]]
    with Searcher.open(log, POLICY, tmp_path / "index.db") as searcher:
        rendered = with_progress(searcher, released(many))

    assert len(rendered) == MOST_EVENTS + 1
    assert not any("fetched" in each for each in rendered)
