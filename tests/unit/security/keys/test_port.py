"""Names of key-encryption keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.keys.port import KekName, KeyNameError
from security.labels import FLAGS, UnknownLabelError

names = st.builds(
    KekName,
    st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
    st.integers(1, 4),
    st.frozensets(st.sampled_from(FLAGS)),
    st.integers(1, 10_000),
)


@given(names)
def test_names_round_trip(name: KekName) -> None:
    """A name reads back from its text."""
    assert KekName.parse(str(name)) == name


def test_the_text_of_a_name() -> None:
    """The text is kek/agency/level/compartments/epoch, compartments sorted."""
    assert str(KekName("police", 3, frozenset({"spi", "minor"}), 2)) == "kek/police/3/minor+spi/2"
    assert str(KekName("court", 3)) == "kek/court/3/-/1"


@pytest.mark.parametrize(
    "bad", ["", "kek/police/3/-", "kek/Police/3/-/1", "key/police/3/-/1", "kek/police/x/-/1", "kek/police/3/-/0"]
)
def test_a_bad_name_is_refused(bad: str) -> None:
    """What does not follow the grammar is refused with its code."""
    with pytest.raises(KeyNameError) as caught:
        KekName.parse(bad)

    assert caught.value.code == "keys.name"


@pytest.mark.parametrize("bad", ["kek/police/5/-/1", "kek/police/3/secret/1"])
def test_a_name_of_an_unknown_label_is_refused(bad: str) -> None:
    """Levels and compartments are those of the lattice."""
    with pytest.raises(UnknownLabelError):
        KekName.parse(bad)
