"""Decisions: the table equals fresh Cedar, its laws hold, and what is withheld has its reason."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Contract
from schemas.texts import LANGUAGES
from security.labels import FLAGS, HIDING, LEVELS, effective
from security.policy.authored import Answer, Policy, PolicyError
from security.policy.compile import bundled_policy, compile_table
from security.policy.explain import explain
from security.policy.guards import CASE_BOUND, COMBINATIONS, EXPIRED, GRANT, HOLD, IN_SCOPE, guards_of, names
from security.policy.reasons import PRIORITY, reason_text
from security.policy.shape import Shape, entities, read_shape, requests, see_shape
from security.policy.table import DecisionTable
from security.subjects import Principal
from tests.unit.security.sealed import FILED, FINE, contract, field

BOUND = IN_SCOPE | CASE_BOUND
PERSON = next(c.index for c in FILED.classes if c.about == "suspect")
flag_sets = st.frozensets(st.sampled_from(FLAGS), max_size=3)
guard_sets = st.integers(0, COMBINATIONS - 1)
levels = st.sampled_from([1, 2, 3, 4])


def prosecutor(**rights: Any) -> Principal:
    """Somebody with the rights of a case prosecutor."""
    base: dict[str, Any] = {
        "id": "p",
        "kind": "person",
        "clearance": 2,
        "bound_clearance": 3,
        "grant_clearance": 4,
        "compartments": frozenset({"minor", "investigation_open"}),
        "event_types": frozenset({FILED.type}),
        "districts": ("990101",),
    }
    return Principal(**(base | rights))


def table(**rights: Any) -> DecisionTable:
    """The table of such a person over the two small contracts; its rows are compiled when they are met."""
    return DecisionTable(prosecutor(**rights), (FILED, FINE), bundled_policy())


def strata() -> Iterator[Shape]:
    """Yield shapes that reach every side of every rule: random ones would rarely meet an allow."""
    clearances = ((1, 1, 1), (2, 2, 2), (2, 3, 3), (2, 3, 4), (1, 3, 4), (4, 4, 4))
    held = (frozenset[str](), frozenset({"minor"}), HIDING, frozenset(FLAGS))
    flag_sets = (frozenset[str](), *(frozenset({f}) for f in FLAGS), frozenset({"minor", "sealed"}), frozenset(FLAGS))
    rights = itertools.product(clearances, held, (True, False), (True, False), flag_sets)
    for (clearance, bound, grant), has, payload, purpose, flags in rights:
        yield Shape("see", clearance, bound, grant, has, payload, purpose, 1, flags)
        for level in LEVELS:
            yield Shape("read", clearance, bound, grant, has, payload, purpose, level, flags)


def fresh(policy: Policy, shape: Shape, guards: int) -> bool:
    """Ask Cedar itself, with nothing of ours in between but the request."""
    answer = cedarpy.is_authorized(requests(shape)[guards], policy.text, entities(shape), policy.schema_text)
    assert not answer.diagnostics.errors
    return answer.allowed


def test_the_table_equals_fresh_cedar_over_strata() -> None:
    """A sample of every stratum, each under guards drawn at random, is answered as Cedar answers it."""
    policy, draw = bundled_policy(), random.Random(20260301)  # noqa: S311 - the sample repeats
    shapes = draw.sample(list(strata()), 400)
    allowed = 0

    for shape in shapes:
        # Random guards are mostly denials: half of the draws start from what a delivery has.
        for guards in (draw.randrange(COMBINATIONS), IN_SCOPE | draw.choice([0, CASE_BOUND, GRANT])):
            expected = fresh(policy, shape, guards)
            assert bool(policy.answer(shape).mask >> guards & 1) == expected, (shape, guards)
            allowed += expected
    assert allowed > 40


@settings(max_examples=60)
@given(levels, levels, levels, st.frozensets(st.sampled_from(FLAGS)), flag_sets, guard_sets, st.booleans())
def test_the_table_equals_fresh_cedar_at_random(
    clearance: int,
    bound: int,
    grant: int,
    held: frozenset[str],
    flags: frozenset[str],
    guards: int,
    payload: bool,  # noqa: FBT001
) -> None:
    """Every class of a contract, looked up in a compiled table, is answered as fresh Cedar answers it."""
    asking = prosecutor(
        clearance=clearance, bound_clearance=bound, grant_clearance=grant, compartments=held, payload=payload
    )
    compiled = DecisionTable(asking, (FILED, FINE), _SHARED)

    for kind in (FILED, FINE):
        for each in kind.classes:
            expected = fresh(_SHARED, read_shape(asking, kind.type, effective(each, flags)), guards)
            assert compiled.allows(kind, flags, each.index, guards) == expected
        seen = fresh(_SHARED, see_shape(asking, kind.type, flags), guards)
        assert compiled.masks(kind, flags, guards).visible == seen


_SHARED = bundled_policy()


def allowed(decisions: DecisionTable, kind: Contract, flags: frozenset[str], guards: int) -> set[str]:
    """The fields given."""
    return set(decisions.masks(kind, flags, guards).fields)


@settings(max_examples=60)
@given(levels, levels, levels, flag_sets, flag_sets, guard_sets)
def test_more_rights_never_give_less(
    clearance: int, bound: int, grant: int, held: frozenset[str], flags: frozenset[str], guards: int
) -> None:
    """Raising a clearance, adding a compartment or an event type takes nothing away."""
    rights = {"clearance": clearance, "bound_clearance": bound, "grant_clearance": grant, "compartments": held}
    before = allowed(table(**rights), FILED, flags, guards)

    for more in (
        {"clearance": 4},
        {"bound_clearance": 4},
        {"grant_clearance": 4},
        {"compartments": frozenset(FLAGS)},
        {"event_types": frozenset({FILED.type, FINE.type})},
    ):
        assert before <= allowed(table(**(rights | more)), FILED, flags, guards)


@given(flag_sets, flag_sets, guard_sets)
def test_flags_and_guards_are_monotone(flags: frozenset[str], more: frozenset[str], guards: int) -> None:
    """A further flag, an expiry or a hold gives nothing; an assignment, a grant or scope takes nothing."""
    decisions = table()
    given = allowed(decisions, FILED, flags, guards)

    assert allowed(decisions, FILED, flags | more, guards) <= given
    assert allowed(decisions, FILED, flags, guards | EXPIRED) <= given
    assert allowed(decisions, FILED, flags, guards | HOLD) <= given
    for bit in (IN_SCOPE, CASE_BOUND, GRANT):
        assert given <= allowed(decisions, FILED, flags, guards | bit)


@given(flag_sets, guard_sets)
def test_deny_wins_whatever_is_permitted(flags: frozenset[str], guards: int) -> None:
    """Expiry and being out of scope deny everything to somebody with every right there is."""
    decisions = table(clearance=4, bound_clearance=4, compartments=frozenset(FLAGS))

    for closed in (guards | EXPIRED, guards & ~IN_SCOPE):
        decision = decisions.masks(FILED, flags, closed)
        assert not decision.visible
        assert not any(decision.classes)
        assert (decision.fields, decision.withheld) == ((), ())


def test_default_is_denial() -> None:
    """A policy without a permit gives nothing, and says that no rule permitted."""
    policy = Policy.parse("", bundled_policy().schema_text)

    decision = compile_table(prosecutor(), [FILED], policy).masks(FILED, frozenset(), BOUND)

    assert (decision.visible, decision.fields, decision.reasons) == (False, (), ("denied",))


@pytest.mark.parametrize(
    ("rights", "guards", "flags", "name", "reason"),
    [
        ({}, IN_SCOPE, (), "suspect", "case_not_bound"),
        ({}, BOUND, (), "reason", "grant_needed"),
        ({"grant_clearance": 3}, BOUND, (), "reason", "clearance"),
        ({"compartments": frozenset()}, BOUND | GRANT, (), "reason", "compartment"),
        ({"payload": False}, BOUND, (), "ajbh", "no_payload"),
        ({}, BOUND | HOLD, (), "ajbh", "hold"),
        ({"fields": {FILED.type: frozenset({"ajbh"})}}, BOUND, (), "unit", "purpose"),
        ({}, BOUND, ("spi",), "suspect", "compartment"),
        ({}, BOUND, ("minor14",), "suspect", "compartment"),
        ({"compartments": frozenset({"minor14"})}, BOUND, ("minor14",), "suspect", "grant_needed"),
    ],
)
def test_a_withheld_field_has_its_reason(
    rights: dict[str, Any], guards: int, flags: tuple[str, ...], name: str, reason: str
) -> None:
    """What is withheld of a visible event is listed with the reason a person can act on."""
    decision = table(**rights).masks(FILED, frozenset(flags), guards)

    assert decision.visible
    assert dict(decision.withheld)[name] == reason
    assert reason in decision.reasons


@pytest.mark.parametrize(
    ("rights", "guards", "reason"),
    [
        ({}, CASE_BOUND, "not_in_scope"),
        ({}, BOUND | EXPIRED, "expired"),
        ({"event_types": frozenset()}, BOUND, "purpose"),
    ],
)
def test_what_is_not_visible_shows_nothing_but_why(rights: dict[str, Any], guards: int, reason: str) -> None:
    """Outside scope, time or purpose neither fields nor their names are given."""
    decision = table(**rights).masks(FILED, frozenset(), guards)

    assert (decision.visible, decision.released, decision.fields, decision.withheld) == (False, False, (), ())
    assert reason in decision.reasons


@pytest.mark.parametrize("flag", sorted(HIDING))
def test_hidden_events_are_not_known_of(flag: str) -> None:
    """Outside the compartment a sealed record, an informant or an officer's crime does not exist."""
    flags = frozenset({flag})

    hidden = table(clearance=4, bound_clearance=4, compartments=frozenset(FLAGS) - flags).masks(FILED, flags, BOUND)
    known = table(clearance=4, bound_clearance=4, compartments=frozenset(FLAGS)).masks(FILED, flags, BOUND)

    assert (hidden.visible, any(hidden.classes), hidden.withheld) == (False, False, ())
    assert known.visible
    assert all(known.classes)


def test_a_grant_opens_what_it_names() -> None:
    """With a grant the restricted field is given as well."""
    decision = table().masks(FILED, frozenset(), BOUND | GRANT)

    assert decision.classes == (True,) * len(FILED.classes)
    assert decision.withheld == ()


def test_only_classes_of_use_are_opened() -> None:
    """A class of which the purpose needs no field stays sealed."""
    decision = table(fields={FILED.type: frozenset({"ajbh"})}).masks(FILED, frozenset(), BOUND)

    assert decision.fields == ("ajbh",)
    assert not decision.classes[PERSON]


def test_a_contract_the_table_does_not_know_is_denied() -> None:
    """A contract that is not the one compiled for is denied, also under the same id."""
    other = contract(FILED.type, FILED.id, [field("ajbh", "string", 1)])

    decisions = table()
    assert decisions.masks(FILED, frozenset(), BOUND).released

    decision = decisions.masks(other, frozenset(), BOUND)

    assert (decision.visible, decision.reasons) == (False, ("policy_error",))


class Failing(Policy):
    """A policy whose evaluation fails for flags that come up later."""

    def answer(self, shape: Shape) -> Answer:
        """Fail where two flags of a person meet."""
        if shape.flags >= {"minor", "spi"}:
            raise PolicyError(reason="broken")
        return super().answer(shape)


def test_an_evaluation_error_is_a_denial() -> None:
    """Flags that first come up later and cannot be evaluated are denied, not guessed."""
    policy = Failing.parse(bundled_policy().text, bundled_policy().schema_text)
    decisions = compile_table(prosecutor(), [FILED], policy)
    both = frozenset({"minor", "spi"})

    assert decisions.masks(FILED, frozenset({"minor"}), BOUND).released
    assert decisions.masks(FILED, both, BOUND).reasons == ("policy_error",)
    assert not decisions.allows(FILED, both, 0, BOUND)


def test_explain_names_the_rules() -> None:
    """Each class names the rules that decided, and the reasons speak both languages."""
    told = explain(table(), FILED, frozenset(), IN_SCOPE)
    by_field = {name: each for each in told["classes"] for name in each["fields"]}

    assert told["decision"] == "release"
    assert by_field["ajbh"]["decided_by"] == ["permit.asked"]
    assert by_field["suspect"]["decided_by"] == ["forbid.read.unbound"]
    assert by_field["reason"]["decided_by"] == ["forbid.read.ungranted"]
    assert told["guards"] == names(IN_SCOPE)
    assert {r["code"] for r in told["reasons"]} == {"case_not_bound", "grant_needed"}
    assert all(r["zh"] != r["en"] for r in told["reasons"])
    assert told["policy"] == bundled_policy().digest


def test_every_reason_speaks_both_languages() -> None:
    """Every reason code has a text in Chinese and English."""
    for code in PRIORITY:
        for language in LANGUAGES:
            assert reason_text(code, language) != f"policy.reason.{code}"


def test_compiling_fills_the_rows_that_are_expected() -> None:
    """A compiled table has a row for each contract without a flag and with each single one, and few masks."""
    compiled = compile_table(prosecutor(), [FILED, FINE])

    assert len(compiled._rows) == 2 * (1 + len(FLAGS))
    assert len(compiled._masks) < 20


def test_guards_of_the_moment() -> None:
    """The guards come from the clock, the place and what is said of the case; nothing is assumed."""
    asking = prosecutor(expires_at=100)

    assert guards_of(asking, district="990101", now_us=99) == IN_SCOPE
    assert guards_of(asking, district="990102", now_us=100) == EXPIRED
    everything = guards_of(asking, district="990101", now_us=0, case_bound=True, grant=True, hold=True)
    assert everything == IN_SCOPE | CASE_BOUND | GRANT | HOLD
