"""Which persons the look-up card offers."""

from __future__ import annotations

from typing import Any

from services.console.look_up import persons


def event(number: int, *fields: tuple[str, str, str]) -> dict[str, Any]:
    """Return an event of a timeline; fields as (name, kind, value)."""
    return {"event_id": f"{number:032x}", "fields": [{"name": n, "kind": k, "value": v} for n, k, v in fields]}


def test_each_person_is_offered_once() -> None:
    """By the first event that shows the person; other kinds of values are no persons."""
    timeline = [
        event(1, ("suspect", "person", "ca9a12"), ("summary", "text", "ca9a12")),
        event(2, ("person", "person", "ca9a12"), ("victim", "person", "77aa01")),
        event(3),
    ]

    assert [(each[0][-1], each[1]) for each in persons(timeline)] == [("1", "suspect"), ("2", "victim")]
