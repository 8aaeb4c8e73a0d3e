"""Clues: every legal step, every refusal, and two who press at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import CasebusError
from schemas.texts import LANGUAGES, catalogue
from streams.clues import (
    REASONS,
    SEQUENCE,
    AssigneeMissingError,
    Clue,
    ClueAct,
    ClueArchivedError,
    ClueConflictError,
    ClueRoleError,
    ClueState,
    IllegalStepError,
    ReasonMissingError,
    Step,
    allowed,
    bound,
    decode_clue,
    decode_record,
    encode_clue,
    encode_record,
    record,
    take,
)

NEW = Clue(alert_id="a" * 32)


def step(act: ClueAct, clue: Clue = NEW, **given_values: object) -> Step:
    """Make a step of the handling prosecutor, complete for its act."""
    wish = Step(act=act, actor="wang", role="P_CASE", expected_version=clue.version)
    if act is ClueAct.ASSIGN:
        wish = replace(wish, assignee="wang")
    if act is ClueAct.REFUSE:
        wish = replace(wish, reason="duplicate")
    return replace(wish, **given_values)  # type: ignore[arg-type]


def test_a_clue_walks_from_new_to_verifying() -> None:
    """Accept, assign to self, verify: three versions, one handler."""
    clue = NEW

    for act in (ClueAct.ACCEPT, ClueAct.ASSIGN, ClueAct.VERIFY):
        clue = take(clue, step(act, clue))

    assert clue.state is ClueState.VERIFYING
    assert (clue.version, clue.assignee, clue.accepted_by) == (3, "wang", "wang")


@pytest.mark.parametrize(("state", "act"), sorted(set(product(ClueState, ClueAct)) - set(SEQUENCE)))
def test_every_other_transition_is_refused(state: ClueState, act: ClueAct) -> None:
    """What the table does not list raises a coded error and changes nothing."""
    clue = replace(NEW, state=state, version=4, assignee="wang")

    with pytest.raises(IllegalStepError) as refused:
        take(clue, step(act, clue))

    assert refused.value.http_status == 409


def test_nothing_follows_an_archived_clue() -> None:
    """An archived clue has an error code of its own."""
    archived = take(NEW, step(ClueAct.REFUSE))

    with pytest.raises(ClueArchivedError):
        take(archived, step(ClueAct.ACCEPT, archived))


def test_the_second_of_two_is_told_who_was_first() -> None:
    """Two look at version 0; the second learns the first one's name and act."""
    first = take(NEW, step(ClueAct.ACCEPT, actor="li"))

    with pytest.raises(ClueConflictError) as refused:
        take(first, step(ClueAct.ACCEPT))

    assert refused.value.fields == {"by": "li", "act": "accept", "version": 1}


@pytest.mark.parametrize("reason", [None, "", "because"])
def test_refusing_needs_a_known_reason(reason: str | None) -> None:
    """No reason, or one outside the list, is refused."""
    with pytest.raises(ReasonMissingError):
        take(NEW, step(ClueAct.REFUSE, reason=reason))


@pytest.mark.parametrize("role", ["GOV_Q", "SEC", "GA_LEGAL", ""])
def test_other_roles_do_not_work_clues(role: str) -> None:
    """A clerk, a security officer and the police are refused, and are offered nothing."""
    with pytest.raises(ClueRoleError):
        take(NEW, step(ClueAct.ACCEPT, role=role))

    assert allowed(NEW, "wang", role) == ()


def test_a_prosecutor_assigns_to_himself_only() -> None:
    """Somebody else may be named by a head of line."""
    clue = take(NEW, step(ClueAct.ACCEPT))

    with pytest.raises(ClueRoleError):
        take(clue, step(ClueAct.ASSIGN, clue, assignee="li"))
    assert take(clue, step(ClueAct.ASSIGN, clue, assignee="li", role="P_DEPT")).assignee == "li"


def test_only_the_assignee_starts_the_verification() -> None:
    """A clue that is assigned to nobody, or to another, cannot be verified."""
    clue = take(NEW, step(ClueAct.ACCEPT))

    with pytest.raises(AssigneeMissingError):
        take(clue, step(ClueAct.VERIFY, clue))
    with pytest.raises(AssigneeMissingError):
        take(clue, step(ClueAct.ASSIGN, clue, assignee=None))


def test_the_case_is_bound_to_its_handler() -> None:
    """The assignee counts; before there is one, who accepted it; after archiving, nobody."""
    accepted = take(NEW, step(ClueAct.ACCEPT))
    assigned = take(accepted, step(ClueAct.ASSIGN, accepted, assignee="li", role="P_DEPT"))
    archived = take(assigned, step(ClueAct.REFUSE, assigned))

    assert [bound(clue, "wang") for clue in (NEW, accepted, assigned, archived)] == [False, True, False, False]
    assert bound(assigned, "li")


clues = st.builds(
    Clue,
    alert_id=st.just("a" * 32),
    state=st.sampled_from(ClueState),
    version=st.integers(0, 5),
    assignee=st.sampled_from([None, "wang", "li"]),
    accepted_by=st.sampled_from([None, "wang", "li"]),
)


@given(clue=clues, act=st.sampled_from(ClueAct), actor=st.sampled_from(["wang", "li"]))
def test_what_is_offered_succeeds(clue: Clue, act: ClueAct, actor: str) -> None:
    """An offered act, completed, is taken and raises the version by one."""
    if act not in allowed(clue, actor, "P_CASE"):
        return
    wish = step(act, clue, actor=actor, assignee=actor if act is ClueAct.ASSIGN else None)

    assert take(clue, wish).version == clue.version + 1


@given(clue=clues, act=st.sampled_from(ClueAct))
def test_a_step_is_taken_or_refused_with_a_code(clue: Clue, act: ClueAct) -> None:
    """No other exception leaves the state machine."""
    wish = step(act, clue)
    if (clue.state, act) in SEQUENCE and (act is not ClueAct.VERIFY or clue.assignee == wish.actor):
        assert take(clue, wish).version == clue.version + 1
        return

    with pytest.raises(CasebusError) as refused:
        take(clue, wish)
    assert refused.value.code.startswith("clue.")


def test_the_bytes_on_the_bus_are_fixed() -> None:
    """The record's golden bytes: later versions only add at the end."""
    after = take(NEW, step(ClueAct.ACCEPT))

    raw = encode_record(record(after, step(ClueAct.ACCEPT), organisation="p-1", note=None, at=5, leaf=7))

    assert raw.hex() == (
        "9e01d920"
        + "61" * 32
        + "01a6616363657074a86163636570746564a477616e67a6505f43415345a3702d31c0a477616e67c0c00507"
    )
    assert decode_record(raw).leaf == 7


@given(clue=clues)
def test_a_clue_survives_its_encoding(clue: Clue) -> None:
    """Decoding gives back what was encoded."""
    assert decode_clue(encode_clue(clue)) == clue


@pytest.mark.parametrize("kind", ["state", "act", "reason"])
def test_every_word_has_both_languages(kind: str) -> None:
    """States, acts and reasons are named in Chinese and English."""
    words = {"state": [s.value for s in ClueState], "act": [a.value for a in ClueAct], "reason": list(REASONS)}[kind]

    texts = [catalogue()[f"clue.{kind}.{word}"] for word in words]

    assert all(entry[language] for entry in texts for language in LANGUAGES)
