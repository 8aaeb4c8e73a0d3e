"""Principals: scope, expiry, fields, and their JSON form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.labels import FLAGS, UnknownLabelError
from security.subjects import Principal, PrincipalError, as_body, from_body

names = st.text("abcdef.", min_size=1, max_size=8)
principals = st.builds(
    Principal,
    id=names,
    kind=st.sampled_from(["subscription", "person", "engine"]),
    organisation=names,
    clearance=st.integers(1, 4),
    bound_clearance=st.integers(1, 4),
    grant_clearance=st.integers(1, 4),
    compartments=st.frozensets(st.sampled_from(FLAGS)),
    event_types=st.frozensets(names),
    fields=st.dictionaries(names, st.frozensets(names), max_size=3),
    districts=st.lists(st.text("0123456789", max_size=12), max_size=3).map(tuple),
    expires_at=st.none() | st.integers(0, 2**50),
    payload=st.booleans(),
    aggregates=st.booleans(),
)


@given(principals)
def test_the_json_form_reads_back(principal: Principal) -> None:
    """A principal reads back from its body, and equal principals have equal bodies."""
    assert from_body(as_body(principal)) == principal
    assert list(as_body(principal)["compartments"]) == sorted(principal.compartments)


@pytest.mark.parametrize(
    ("districts", "district", "unit", "inside"),
    [
        ((), "990101", None, False),
        (("",), "990101", None, True),
        (("99",), "990101", None, True),
        (("990101",), "990102", None, False),
        (("990102", "990101"), "990101", None, True),
        (("990101010000",), "990101", "990101010000", True),
        (("990101010000",), "990101", "990101020000", False),
        (("990101010000",), "990101", None, False),
        (("990101010000",), "990101", "", False),
    ],
)
def test_scope(districts: tuple[str, ...], district: str, unit: str | None, inside: bool) -> None:  # noqa: FBT001
    """A district prefix covers its events; a unit prefix only those of the unit; no prefix covers nothing."""
    assert Principal("p", "person", districts=districts).in_scope(district, unit) is inside


def test_expiry() -> None:
    """A right ends at its instant; none that has no end."""
    assert not Principal("p", "person", expires_at=10).expired(9)
    assert Principal("p", "person", expires_at=10).expired(10)
    assert not Principal("p", "person").expired(2**60)


def test_fields() -> None:
    """No mapping means every field; a type that a mapping leaves out has none."""
    assert Principal("p", "engine").wants("a.b", "x")
    listed = Principal("p", "engine", fields={"a.b": frozenset({"x"})})
    assert listed.wants("a.b", "x")
    assert not listed.wants("a.b", "y")
    assert not listed.wants("c.d", "x")


@pytest.mark.parametrize(
    "body",
    [
        {"id": "s"},
        {"id": "", "kind": "person"},
        {"id": "s", "kind": "robot"},
        {"id": "s", "kind": "person", "clearence": 3},
        {"id": "s", "kind": "person", "clearance": "3"},
        {"id": "s", "kind": "person", "districts": ["99x"]},
    ],
)
def test_a_body_that_does_not_hold_together_is_refused(body: dict[str, object]) -> None:
    """Missing, unknown and mistyped keys are refused with a code."""
    with pytest.raises(PrincipalError) as caught:
        from_body(body)

    assert caught.value.code == "policy.principal"


@pytest.mark.parametrize("body", [{"clearance": 5}, {"clearance": 0}, {"compartments": ["secret"]}])
def test_an_unknown_level_or_flag_is_refused(body: dict[str, object]) -> None:
    """Levels and compartments are those of the lattice."""
    with pytest.raises(UnknownLabelError):
        from_body({"id": "s", "kind": "person", **body})
