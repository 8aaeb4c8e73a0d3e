"""Views never widen without an approval: laws of the rule over masks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.evolution import refuse_widening, widened

MASKS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2))


def test_a_field_given_more_often_is_refused() -> None:
    """A new field, and one that goes from case by case to always; what is taken away is no widening."""
    before, after = {"a": 1, "b": 2, "c": 2}, {"a": 2, "b": 2, "c": 0, "d": 1}

    refusals = refuse_widening("t.x/2", "t.x/1", "lantern", before, after, approved=["d"])

    assert widened(before, after) == ("a", "d")
    assert [(r.path, r.old, r.new, r.consumers) for r in refusals] == [("a", "case by case", "always", ("lantern",))]
    assert "lantern" in refusals[0].en


@given(MASKS, MASKS, MASKS)
def test_widening_is_an_order(first: dict[str, int], second: dict[str, int], third: dict[str, int]) -> None:
    """Nothing widens against itself, and two steps that do not widen do not widen together."""
    assert widened(first, first) == ()
    if not widened(first, second) and not widened(second, third):
        assert not widened(first, third)


@given(MASKS, MASKS)
def test_approving_all_of_it_leaves_no_refusal(before: dict[str, int], after: dict[str, int]) -> None:
    """Exactly what is widened needs the approval."""
    needed = widened(before, after)

    assert refuse_widening("t.x/2", "t.x/1", "s", before, after, approved=needed) == ()
    assert len(refuse_widening("t.x/2", "t.x/1", "s", before, after)) == len(needed)
