"""The rule of approvals, over every order in which people can try."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from security.approval import Approvals, digest_of, persons

NAMES = ["wang", "li", "zhao", "chen"]


@given(st.integers(1, 3), st.sampled_from(["", *NAMES]), st.lists(st.sampled_from(["", *NAMES]), max_size=12))
def test_enough_are_different_people_none_of_whom_asked(needs: int, by: str, tries: list[str]) -> None:
    """Whoever tries in whatever order: as many as needed approve, each once, never who asked, and nobody after that."""
    standing = Approvals(needs, by)
    for account in tries:
        if standing.takes(account):
            assert not standing.enough
            standing = Approvals(needs, by, (*standing.given, account))

    others = [name for name in dict.fromkeys(tries) if name not in {"", by}]
    assert list(standing.given) == others[:needs]
    assert standing.enough == (len(others) >= needs)


@given(st.lists(st.sampled_from(NAMES), max_size=6), st.sampled_from(NAMES))
def test_what_was_kept_otherwise_counts_by_people(given_: list[str], by: str) -> None:
    """Stored approvals that name one person twice, or who asked, count as the people they are."""
    assert Approvals(2, by, tuple(given_)).enough == (len(set(given_) - {by}) >= 2)


def test_a_digest_is_of_what_is_said_not_of_its_order() -> None:
    """Keys in another order are the same; any other value is another."""
    assert digest_of({"a": 1, "b": ["x"]}) == digest_of({"b": ["x"], "a": 1})
    assert len({digest_of({"a": each}) for each in (1, "1", None, [1], 2)}) == 5


def test_a_name_with_spaces_is_the_same_person() -> None:
    """And no name is nobody."""
    assert persons(["li ", " li", "", "  ", "wang"]) == ["li", "wang"]
