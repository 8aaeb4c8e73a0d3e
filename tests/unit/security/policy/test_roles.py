"""Roles as data: the four of the demonstration see one event in four renderings of one function."""

from __future__ import annotations

import pytest

from security.labels import FLAGS
from security.policy.compile import compile_table
from security.policy.guards import CASE_BOUND, IN_SCOPE
from security.policy.roles import ROLES, UnknownRoleError, person, role
from security.policy.table import Decision
from tests.unit.security.sealed import FILED, FINE


def rendering(code: str, guards: int) -> Decision:
    """What a person in role `code` gets of a filing."""
    somebody = person("a", code, organisation="o", districts=["990101"], event_types=[FILED.type, FINE.type])
    return compile_table(somebody, [FILED, FINE]).masks(FILED, frozenset(), guards)


def test_four_roles_four_renderings() -> None:
    """Prosecutor, police legal officer, governance clerk and security officer get what the matrix gives them."""
    bound, unbound = IN_SCOPE | CASE_BOUND, IN_SCOPE

    assert set(rendering("P_CASE", bound).fields) == {"ajbh", "unit", "notice", "charge_code", "suspect", "alias"}
    assert set(rendering("GA_LEGAL", unbound).fields) == {"ajbh", "unit", "notice"}
    assert set(rendering("GOV_Q", bound).fields) == {"notice"}
    assert dict(rendering("GOV_Q", bound).withheld)["ajbh"] == "clearance"
    assert rendering("SEC", bound).fields == ()
    assert set(dict(rendering("SEC", bound).withheld).values()) == {"no_payload"}


def test_levels_only_rise_with_assignment_and_grant() -> None:
    """In every role an assignment gives at least what scope gives, and a grant at least that."""
    for each in ROLES.values():
        assert 1 <= each.clearance <= each.bound_clearance <= each.grant_clearance <= 4
        assert each.compartments <= frozenset(FLAGS)
        assert each.zh
        assert each.en


def test_who_works_on_logs_sees_no_counts_either() -> None:
    """Security officer, operator and inspection have neither payload nor aggregates; the clerk has counts."""
    assert [(role(c).payload, role(c).aggregates) for c in ("SEC", "OPS", "P_INSP")] == [(False, False)] * 3
    assert (role("GOV_Q").payload, role("GOV_Q").aggregates) == (True, True)
    assert role("GOV_Z").aggregates is False


def test_sealed_records_are_for_the_juvenile_line() -> None:
    """Of the prosecutors only the juvenile line holds the compartment of sealed records."""
    assert "sealed" in role("P_JUV").compartments
    assert all("sealed" not in role(c).compartments for c in ("P_CASE", "P_DEPT", "P_CHIEF", "GA_LEGAL"))


def test_an_unknown_role_is_refused() -> None:
    """A role the matrix does not have is refused, naming those it has."""
    with pytest.raises(UnknownRoleError) as caught:
        role("KING")

    assert caught.value.code == "policy.role"
    assert "P_CASE" in caught.value.hint("en")


def test_a_person_has_a_duty_as_purpose() -> None:
    """Where no case is named the purpose is the duty of the role."""
    somebody = person("a", "GOV_Q", organisation="o", districts=["99"], event_types=[], expires_at=5)

    assert (somebody.purpose, somebody.kind, somebody.expires_at) == ("duty:GOV_Q", "person", 5)
    assert role("GOV_Q").name("zh") == "区县治理中心"
    assert role("GOV_Q").name() == "district governance centre"
