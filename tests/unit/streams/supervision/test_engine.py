"""The engine: increments over a store of keys give what a whole fold gives, and only differences are published."""

from __future__ import annotations

import pytest

from schemas.correction import withdrawing
from streams.supervision.engine import Change, Engine, plain_address
from streams.supervision.errors import DuplicateModelError
from streams.supervision.fact import Fact
from streams.supervision.keystate import CLOCK, MemoryKeyState, decode
from streams.supervision.marks import Marks, Registration, SourceDirectory
from tests.unit.streams.supervision.making import at, fact, model

DIRECTORY = SourceDirectory([Registration("near", frozenset({"a.closed"}))])
OPENED = fact("opened", "2025-03-03T09:00", data={"kind": "x", "secret": "not asked for"})


def marks(clock: str, near: str | None = None) -> Marks:
    """Return marks at a clock; the source is complete up to it unless it lags."""
    return Marks(at(clock), {"near": at(near or clock)})


class Life:
    """An engine with a store, and what it published."""

    def __init__(self, *models: object) -> None:
        self.engine = Engine(models or (model(),), DIRECTORY)  # type: ignore[arg-type]
        self.store = MemoryKeyState()
        self.changes: list[Change] = []

    def at(self, clock: str, *facts: Fact, near: str | None = None) -> list[str]:
        """Apply facts at a clock and return the states that were published."""
        changes = self.engine.apply(self.store, facts, marks(clock, near))
        self.changes += changes
        return [change.finding.state for change in changes]


def test_an_alert_lives_from_yellow_to_done() -> None:
    """Nothing, yellow, red, closed late; each published once, the previous state with it."""
    life = Life()

    assert life.at("2025-03-03T10:00", OPENED) == []
    assert life.at("2025-03-11T00:00") == ["approaching"]
    assert life.at("2025-03-12T00:00") == []
    assert life.at("2025-03-14T00:00") == ["raised"]
    assert life.at("2025-03-20T00:00", fact("closed", "2025-03-19T00:00")) == ["overdue_done"]
    assert life.at("2026-03-20T00:00") == []
    assert [c.previous for c in life.changes] == [None, "approaching", "raised"]
    assert len({c.finding.id for c in life.changes}) == 1
    assert life.changes[0].digest == model().digest


def test_a_late_report_closes_with_three_dates() -> None:
    """Raised, then a closing within the limit: limit, closing and report are all in the finding."""
    life = Life()
    life.at("2025-03-14T00:00", OPENED)

    assert life.at("2025-03-18T09:00", fact("closed", "2025-03-10T09:00", recorded_at=at("2025-03-18T09:00"))) == [
        "closed_by_late_report"
    ]
    found = life.changes[-1].finding
    assert (found.due_at, found.closed_at, found.reported_at) == (
        at("2025-03-14"),
        at("2025-03-10T09:00"),
        at("2025-03-18T09:00"),
    )
    assert found.steps[-1].code == "reported_late"


def test_a_yellow_that_is_answered_is_cleared() -> None:
    """Closed in time after the warning: cleared, and nothing more."""
    life = Life()
    life.at("2025-03-12T00:00", OPENED)

    assert life.at("2025-03-13T00:00", fact("closed", "2025-03-12T09:00")) == ["cleared"]
    assert life.at("2025-04-13T00:00") == []


def test_held_wakes_with_the_mark_of_its_source() -> None:
    """Held, unconfirmed by the clock, raised when the source speaks again: no event is needed for any of it."""
    life = Life()
    life.at("2025-03-03T10:00", OPENED)

    assert life.at("2025-03-14T00:00", near="2025-03-10") == ["held"]
    assert life.at("2025-03-14T12:00", near="2025-03-11") == []
    assert life.at("2025-03-15T00:00", near="2025-03-11") == ["unconfirmed"]
    assert life.at("2025-03-20T00:00", near="2025-03-14T00:00") == ["raised"]


def test_held_is_raised_by_the_mark_alone() -> None:
    """The source catches up before the longest wait is over."""
    life = Life()
    life.at("2025-03-14T00:00", OPENED, near="2025-03-10")

    assert life.at("2025-03-14T06:00", near="2025-03-14T06:00") == ["raised"]


def test_repetitions_change_nothing() -> None:
    """The same fact again, alone or among others, publishes nothing and stores nothing."""
    life = Life()
    life.at("2025-03-14T00:00", OPENED)
    before = dict(life.store.states)

    assert life.at("2025-03-15T00:00", OPENED, OPENED) == []
    assert life.store.states == before


def test_only_asked_fields_are_kept() -> None:
    """A state never holds a field that no model asked for."""
    life = Life()
    life.at("2025-03-03T10:00", OPENED)

    (state,) = map(decode, life.store.states.values())
    assert state.facts[0].data == {"kind": "x"}
    assert state.key == "S"


def test_types_of_nobody_are_ignored() -> None:
    """An event that no model takes touches no key."""
    life = Life()

    assert life.at("2025-03-03T10:00", fact("other", "2025-03-03T09:00")) == []
    assert life.store.states == {}


def test_models_of_other_keys_do_not_meet() -> None:
    """One model by subject, one by a field that reads the same: two keys, two states."""
    by_field = model(
        metadata__id="byfield",
        key=["name"],
        inputs={
            "opened": {"type": "a.opened", "fields": {"name": "text"}},
            "closed": {"type": "a.closed", "fields": {"name": "text"}},
        },
    )
    life = Life(model(), by_field)
    opened = fact("opened", "2025-03-03T09:00", data={"name": "S"})

    assert sorted(life.at("2025-03-14T00:00", opened)) == ["raised", "raised"]
    assert life.at("2025-03-15T00:00", fact("closed", "2025-03-05T09:00", data={})) == ["closed_by_late_report"]
    assert len(life.store.states) == 2
    assert life.engine.unkeyed == 1


def test_models_of_one_key_share_its_facts() -> None:
    """Two models over the same key: one state, each its own alerts."""
    life = Life(model(), model(metadata__id="other", params__limit__default=5))
    life.at("2025-03-08T23:00", OPENED)

    assert len(life.store.states) == 1
    assert [c.model for c in life.changes] == ["other"]
    assert life.at("2025-03-14T00:00") == ["raised", "raised"]


def test_a_corrected_opening_clears_its_alert() -> None:
    """The source corrects the event that opened the clock: the alert is cleared and says why."""
    life = Life()
    life.at("2025-03-14T00:00", OPENED)
    correction = fact("opened", "2025-03-13T09:00", supersedes=OPENED.id)

    assert life.at("2025-03-15T00:00", correction) == ["cleared"]
    assert [step.code for step in life.changes[-1].finding.steps] == ["corrected"]
    assert life.at("2025-03-24T00:00") == ["raised"]


def test_a_reported_extension_takes_an_alert_back() -> None:
    """Raised, then an extension dated within the limit arrives: cleared, and raised again when that limit passes."""
    extend = [{"on": "more", "limit": {"days": 30, "basis": "ours"}, "from": "opener"}]
    life = Life(model(pattern__absence__extend=extend))
    life.at("2025-03-14T00:00", OPENED)

    assert life.at("2025-03-15T00:00", fact("more", "2025-03-10T09:00")) == ["cleared"]
    assert life.at("2025-04-03T00:00") == ["raised"]
    assert len({c.finding.id for c in life.changes}) == 1


def test_severity_alone_is_a_change() -> None:
    """Yellow turns orange: published once more in the same state."""
    ladder = [
        {"level": "yellow", "from": [{"before": {"days": 3}}]},
        {"level": "orange", "from": [{"before": {"days": 1}}]},
    ]
    life = Life(model(severity={"approaching": ladder, "breach": "red"}))
    life.at("2025-03-10T00:00", OPENED)

    assert life.at("2025-03-12T00:00") == ["approaching"]
    assert [c.finding.severity for c in life.changes] == ["yellow", "orange"]


def test_the_subscription_is_the_union() -> None:
    """Types and fields of the engine are those of its models together."""
    other = model(metadata__id="other", inputs__opened__fields={"held": "bool"}, inputs__closed__fields={})
    engine = Engine([model(), other])

    assert engine.fields["a.opened"] == ("days", "held", "kind", "on")
    assert engine.types == tuple(engine.fields)


def test_two_models_with_one_id_are_refused() -> None:
    """An id names one file."""
    with pytest.raises(DuplicateModelError):
        Engine([model(), model()])


def test_the_fingerprint_follows_the_models() -> None:
    """Stored states belong to a set of models; the order they were named in does not matter."""
    one, two = model(), model(metadata__id="other")

    assert Engine([one, two]).fingerprint == Engine([two, one]).fingerprint
    assert Engine([one]).fingerprint != Engine([model(params__limit__default=11)]).fingerprint


def test_an_address_may_be_keyed() -> None:
    """The store sees the address it was given, never the key."""
    engine = Engine([model()], DIRECTORY, address=lambda space, key: b"keyed:" + plain_address(space, key))
    store = MemoryKeyState()

    engine.apply(store, [OPENED], marks("2025-03-03T10:00"))

    (address,) = store.states
    assert address.startswith(b"keyed:")
    assert store.wakes[address] == {(CLOCK, at("2025-03-11"))}


def test_memory_forgets_replaced_wakes() -> None:
    """An entry of the due index that was replaced no longer wakes its key."""
    store = MemoryKeyState()
    store.put(b"a", b"", [(CLOCK, 5), ("near", 7)])
    store.put(b"a", b"", [(CLOCK, 9)])

    assert store.due(CLOCK, 8) == []
    assert store.due("near", 8) == []
    assert store.due(CLOCK, 9) == [b"a"]


def test_a_withdrawn_opening_clears_with_its_reason() -> None:
    """Nothing stands in its place: cleared, `withdrawn`, and the evidence names both events."""
    life = Life()
    life.at("2025-03-14T00:00", OPENED)
    withdrawal = fact("opened", "2025-03-03T09:00", id="w", supersedes=withdrawing(OPENED.id))

    assert life.at("2025-03-15T00:00", withdrawal) == ["cleared"]
    found = life.changes[-1].finding
    assert (found.reason, found.steps[-1].code) == ("withdrawn", "withdrawn")
    assert found.evidence == (OPENED.id, withdrawal.id)


def test_a_withdrawn_closing_raises_again_in_whatever_order() -> None:
    """The closing event is taken back: raised, and why; who hears of both at once says the same."""
    closed = fact("closed", "2025-03-12T09:00")
    withdrawal = fact("closed", "2025-03-12T09:00", id="w", supersedes=withdrawing(closed.id))
    one, other = Life(), Life()
    one.at("2025-03-13T00:00", OPENED, closed)

    assert one.at("2025-03-15T00:00", withdrawal) == ["raised"]
    assert other.at("2025-03-15T00:00", withdrawal, closed, OPENED) == ["raised"]
    assert one.changes[-1].finding == other.changes[-1].finding
    assert one.changes[-1].finding.reason == "withdrawn"


def test_a_corrected_opening_says_why_the_new_alert_stands() -> None:
    """The correction opens an alert of its own, in whatever order the two came."""
    correction = fact("opened", "2025-03-03T10:00", supersedes=OPENED.id)
    one, other = Life(), Life()
    one.at("2025-03-14T00:00", OPENED)

    assert sorted(one.at("2025-03-15T00:00", correction)) == ["cleared", "raised"]
    assert other.at("2025-03-15T00:00", correction, OPENED) == ["raised"]
    (raised,) = [change.finding for change in one.changes[1:] if change.finding.state == "raised"]
    assert (raised.reason, raised.steps[-1].code) == ("corrected", "source_corrected")
    assert other.changes[-1].finding == raised
