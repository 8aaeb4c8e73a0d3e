"""Why not: the step that kept a subject from an alert."""

from __future__ import annotations

import pytest

from streams.supervision.fact import Fact
from streams.supervision.marks import Marks, Registration, SourceDirectory
from streams.supervision.trace import trace
from tests.unit.streams.supervision.making import at, fact, model

OPENED = fact("opened", "2025-03-03T09:00", data={"kind": "x"})
SPEC = {"where": {"field": "kind", "equals": "x"}}
MODEL = model(
    inputs__opened__where={"field": "kind", "equals": "x"},
    pattern__absence__since="any",
    pattern__absence__suspend=[{"on": "stop", "until": "go"}],
    law={"ours": {"kind": "law", "article": "§", "title": {"zh": "乙", "en": "b"}, "valid_from": "2025-01-01"}},
)
END = Marks(at("2026-01-01"))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ([], "no_events"),
        ([fact("opened", "2026-02-01T09:00", data={"kind": "x"})], "no_events"),
        ([fact("opened", "2025-03-03T09:00", subject="T", data={"kind": "x"})], "no_events"),
        ([fact("closed", "2025-03-03T09:00")], "no_opener"),
        ([fact("opened", "2025-03-03T09:00", data={"kind": "y"})], "condition"),
        ([fact("opened", "2024-12-31T09:00", data={"kind": "x"})], "no_limit"),
        ([OPENED, fact("closed", "2025-03-13T09:00")], "in_time"),
        ([fact("closed", "2025-03-01T09:00"), OPENED], "before"),
        ([OPENED, fact("stop", "2025-03-05T09:00")], "suspended"),
        ([OPENED], "alert"),
        ([OPENED, fact("closed", "2025-03-14T09:00")], "alert"),
        ([fact("opened", "2025-12-30T09:00", data={"kind": "x"})], "not_due"),
    ],
)
def test_the_step_that_stopped_it(facts: list[Fact], reason: str) -> None:
    """Each way of not becoming an alert has its name and a sentence in both languages."""
    found = trace(MODEL, "S", facts, END)

    assert found.stopped_by == reason
    assert found.zh
    assert found.en


def test_a_silent_source_is_a_reason() -> None:
    """Held: the limit has passed and somebody may still report."""
    directory = SourceDirectory([Registration("near", frozenset({"a.closed"}))])

    found = trace(MODEL, "S", [OPENED], Marks(at("2025-03-14"), {}, directory))

    assert found.stopped_by == "held"
    assert found.terms[0].steps[-1].fields["sources"] == "near"


def test_overdue_waits_for_the_event() -> None:
    """A model of what was done late says so about what was not done at all."""
    spec = MODEL.document["pattern"]["absence"]
    made = model(pattern={"overdue": {k: spec[k] for k in ("open", "close", "limit")}})

    assert trace(made, "S", [OPENED], END).stopped_by == "not_done"
    assert trace(made, "S", [OPENED], Marks(at("2025-03-04"))).stopped_by == "not_due"


def test_terms_show_their_arithmetic() -> None:
    """Every running of the clock of the subject, with state, dates and steps."""
    found = trace(MODEL, "S", [OPENED, fact("closed", "2025-03-14T09:00")], END)

    (term,) = found.terms
    assert (term.state, term.due_at, term.closed_at) == ("overdue_done", at("2025-03-14"), at("2025-03-14T09:00"))
    assert [s.code for s in term.steps] == ["opened", "days", "late_from", "closed_late"]
    assert found.events == 2


def test_a_key_is_found_by_any_of_its_subjects() -> None:
    """A model that folds by fields is asked by a case reference of any of its events, or by the key."""
    made = model(
        key=["name"],
        inputs={
            "opened": {"type": "a.opened", "fields": {"name": "text"}},
            "closed": {"type": "a.closed", "fields": {"name": "text"}},
        },
    )
    facts = [
        fact("opened", "2025-03-03T09:00", subject="one", data={"name": "K"}),
        fact("closed", "2025-03-04T09:00", subject="two", data={"name": "K"}),
        fact("closed", "2025-03-04T09:00", subject="three", data={}),
    ]

    reasons = [trace(made, subject, facts, END).stopped_by for subject in ("one", "two", "K", "three")]

    assert reasons == ["in_time", "in_time", "in_time", "no_events"]
