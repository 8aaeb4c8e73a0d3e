"""Facts fold once each, in their declared order, without the corrected ones."""

from __future__ import annotations

from itertools import permutations

from streams.supervision.fact import folded
from tests.unit.streams.supervision.making import fact

ONE = fact("a", 10, id="1", source="b", sequence="1")
TWO = fact("b", 10, id="2", source="b", sequence="2")
THREE = fact("c", 10, id="3", source="c", sequence="0")
FOUR = fact("d", 11, id="4", source="a", sequence="0")


def test_order_is_time_then_source_then_sequence() -> None:
    """Whatever the order of arrival, the order of the fold is the same."""
    for arrival in permutations((ONE, TWO, THREE, FOUR)):
        assert folded(arrival) == [ONE, TWO, THREE, FOUR]


def test_a_repetition_counts_once() -> None:
    """The same id twice is one fact."""
    assert folded([ONE, TWO, ONE]) == [ONE, TWO]


def test_a_corrected_fact_no_longer_counts() -> None:
    """A correction removes what it supersedes, also where it arrives first."""
    correction = fact("a", 12, id="5", source="b", supersedes=ONE.id)

    assert folded([correction, ONE, TWO]) == [TWO, correction]


def test_a_chain_of_corrections_leaves_the_last() -> None:
    """A correction may itself be corrected."""
    second = fact("a", 12, id="5", source="b", supersedes=ONE.id)
    third = fact("a", 13, id="6", source="b", supersedes=second.id)

    assert folded([third, second, ONE]) == [third]


def test_nobody_takes_back_what_another_said() -> None:
    """Only the same source corrects, and only with an event of the same type: nobody mutes their own supervision."""
    foreign = fact("a", 12, id="5", source="c", supersedes=ONE.id)
    other_type = fact("b", 12, id="6", source="b", supersedes=ONE.id)

    assert ONE in folded([ONE, foreign, other_type])


def test_corrections_of_each_other_remove_both() -> None:
    """Two events that each claim to correct the other leave neither, in any order."""
    one = fact("a", 10, id="7", supersedes=fact("x", 0, id="8").id)
    two = fact("a", 11, id="8", supersedes=one.id)

    assert folded([one, two]) == folded([two, one]) == []
