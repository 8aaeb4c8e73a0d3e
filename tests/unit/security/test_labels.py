"""The label lattice and what an event's flags raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import contract as contracts
from schemas.contract import LabelClass
from security.labels import (
    BOTTOM,
    FLAGS,
    HIDING,
    LEVELS,
    Label,
    UnknownLabelError,
    about_person,
    dominates,
    effective,
    flags_from_bits,
    flags_to_bits,
    join,
)

flag_sets = st.frozensets(st.sampled_from(FLAGS))
labels = st.builds(Label, st.sampled_from(LEVELS), flag_sets)
abouts = st.sampled_from(sorted(contracts.ABOUT))


def label_class(level: int, about: str, flags: frozenset[str] = frozenset()) -> LabelClass:
    """A label class without fields."""
    return LabelClass(0, level, flags, about, ())


@given(labels, labels, labels)
def test_join_is_a_semilattice(a: Label, b: Label, c: Label) -> None:
    """Join is commutative, associative and idempotent, and nothing changes by joining the bottom."""
    assert join([a, b]) == join([b, a])
    assert join([join([a, b]), c]) == join([a, join([b, c])])
    assert join([a, a]) == a
    assert join([a, BOTTOM]) == a
    assert join([]) == BOTTOM


@given(labels, labels, labels)
def test_join_is_the_least_upper_bound(a: Label, b: Label, c: Label) -> None:
    """The join dominates both, and whatever dominates both dominates it."""
    both = join([a, b])

    assert dominates(both, a)
    assert dominates(both, b)
    assert dominates(c, both) == (dominates(c, a) and dominates(c, b))


@given(labels, labels)
def test_domination_is_a_partial_order(a: Label, b: Label) -> None:
    """Domination is reflexive and antisymmetric."""
    assert dominates(a, a)
    assert (dominates(a, b) and dominates(b, a)) == (a == b)


@given(st.sampled_from(LEVELS), flag_sets, abouts, flag_sets, flag_sets)
def test_flags_only_ever_raise(
    level: int, own: frozenset[str], about: str, some: frozenset[str], more: frozenset[str]
) -> None:
    """An event flag never lowers a class, and further flags never lower it again."""
    plain = label_class(level, about, own)

    assert dominates(effective(plain, some), Label(level, own))
    assert dominates(effective(plain, some | more), effective(plain, some))


@pytest.mark.parametrize(
    ("flag", "level"), [("minor", 3), ("minor14", 4), ("spi", 4), ("sealed", 4), ("informant", 4), ("officer_crime", 4)]
)
def test_a_flag_of_a_person_raises_what_is_about_the_person(flag: str, level: int) -> None:
    """Each flag of a person raises the classes about a person to its floor, and no others."""
    flags = frozenset({flag})

    assert effective(label_class(2, "suspect"), flags) == Label(level, flags)
    assert effective(label_class(2, ""), flags) == Label(2)
    assert effective(label_class(3, "enterprise"), flags) == Label(3)


def test_a_business_secret_raises_what_is_about_the_enterprise() -> None:
    """`business_secret` reaches the enterprise's fields."""
    flags = frozenset({"business_secret"})

    assert effective(label_class(2, "enterprise"), flags) == Label(3, flags)
    assert effective(label_class(2, ""), flags) == Label(2)


def test_an_open_inquiry_raises_everything_sensitive() -> None:
    """`investigation_open` raises every class above the open level, whomever it is about."""
    flags = frozenset({"investigation_open"})

    assert effective(label_class(3, ""), flags) == Label(4, flags)
    assert effective(label_class(2, "suspect"), flags) == Label(2)


def test_a_word_nobody_registered_counts_as_a_person() -> None:
    """A class about an unknown word is raised like one about a person."""
    assert about_person("stranger")
    assert {about for about in contracts.ABOUT if about_person(about)} == contracts.PERSONS


@pytest.mark.parametrize(("level", "flags"), [(0, ()), (5, ()), (1, ("secret",))])
def test_an_unknown_label_is_refused(level: int, flags: tuple[str, ...]) -> None:
    """A level or a flag that is not registered is refused with its code."""
    with pytest.raises(UnknownLabelError) as caught:
        Label(level, frozenset(flags))

    assert caught.value.code == "sealing.label"


def test_an_unknown_event_flag_is_refused() -> None:
    """An event flag that is not registered is refused, also where it would reach nothing."""
    with pytest.raises(UnknownLabelError):
        effective(label_class(1, ""), frozenset({"secret"}))


def test_flags_are_those_of_the_contracts() -> None:
    """Contracts and this room know the same flags, and the same ones hide."""
    assert frozenset(FLAGS) == contracts.FLAGS
    assert HIDING == contracts.HIDING_FLAGS


def test_wire_bits_never_move() -> None:
    """The bit of each flag on the wire is fixed for ever."""
    assert [flags_to_bits([flag]) for flag in FLAGS] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert FLAGS[:3] == ("minor", "minor14", "sealed")
    assert FLAGS[8] == "officer_crime"


@given(flag_sets)
def test_wire_bits_round_trip(flags: frozenset[str]) -> None:
    """Bits read back as the flags they were made of."""
    assert flags_from_bits(flags_to_bits(flags)) == flags


def test_an_unknown_bit_is_refused() -> None:
    """A bit that no flag has is refused, as is a flag that has no bit."""
    with pytest.raises(UnknownLabelError):
        flags_from_bits(1 << 9)
    with pytest.raises(UnknownLabelError):
        flags_to_bits(["secret"])
