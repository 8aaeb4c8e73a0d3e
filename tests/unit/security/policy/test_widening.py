"""What a change gives beyond what was approved: each way of widening is named, a narrowing is none."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.policy.widening import widened
from security.subjects import Principal

APPROVED = Principal(
    id="court-990103-execution",
    kind="subscription",
    organisation="court-990103",
    purpose="sentence-execution",
    clearance=2,
    bound_clearance=3,
    grant_clearance=3,
    compartments=frozenset({"minor"}),
    event_types=frozenset({"prison.admitted", "detention.served"}),
    fields={"prison.admitted": frozenset({"ah", "unit"}), "detention.served": frozenset({"ah"})},
    districts=("990103",),
    expires_at=1_000,
)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"clearance": 3}, ("clearance",)),
        ({"grant_clearance": 4}, ("grant_clearance",)),
        ({"purpose": "research"}, ("purpose",)),
        ({"organisation": "court-990104"}, ("organisation",)),
        ({"compartments": frozenset({"minor", "spi"})}, ("compartments.spi",)),
        ({"districts": ("9901",)}, ("districts",)),
        ({"districts": ("990103", "990104")}, ("districts",)),
        ({"districts": ("",)}, ("districts",)),
        ({"expires_at": 1_001}, ("expires_at",)),
        ({"expires_at": None}, ("expires_at",)),
        ({"aggregates": True}, ("aggregates",)),
        ({"fields": {}}, ("detention.served.*", "prison.admitted.*")),
        (
            {"fields": {"prison.admitted": frozenset({"ah", "person"}), "detention.served": frozenset({"ah"})}},
            ("prison.admitted.person",),
        ),
    ],
)
def test_each_way_of_widening_is_named(change: dict[str, Any], named: tuple[str, ...]) -> None:
    """One attribute wider, and its name comes back."""
    assert widened(APPROVED, dataclasses.replace(APPROVED, **change)) == named


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"clearance": 1},
        {"compartments": frozenset()},
        {"districts": ("99010301",)},
        {"districts": ()},
        {"expires_at": 999},
        {"event_types": frozenset({"prison.admitted"}), "fields": {"prison.admitted": frozenset({"ah"})}},
    ],
)
def test_a_narrowing_is_no_widening(change: dict[str, Any]) -> None:
    """Less of anything needs nobody's approval."""
    assert widened(APPROVED, dataclasses.replace(APPROVED, **change)) == ()


def test_a_new_type_and_a_new_subscription_are_wider() -> None:
    """A type that was not there brings its fields; a subscription that was not there is new as a whole."""
    more = {**APPROVED.fields, "police.case.filed": frozenset({"unit"})}
    types = APPROVED.event_types | {"police.case.filed"}

    assert widened(APPROVED, dataclasses.replace(APPROVED, event_types=types, fields=more)) == (
        "police.case.filed.unit",
    )
    assert widened(None, APPROVED) == ("subscription",)


NAMES = st.frozensets(st.sampled_from(["a", "b", "c"]), min_size=1)


@given(NAMES, NAMES, st.integers(1, 4), st.integers(1, 4))
def test_whoever_widens_nothing_reads_nothing_new(
    held: frozenset[str], asked: frozenset[str], old: int, new: int
) -> None:
    """Silence means: every field asked for was asked for before, at no higher level."""
    before = dataclasses.replace(APPROVED, clearance=old, fields={"prison.admitted": held})
    after = dataclasses.replace(APPROVED, clearance=new, fields={"prison.admitted": asked})

    assert (widened(before, after) == ()) == (asked <= held and new <= old)
