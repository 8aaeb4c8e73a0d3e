"""Code lists: names in both languages, validity, and that every list is sound."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from schemas import codes
from schemas.codes import Code, UnknownCodeListError

LISTS = sorted(path.stem for path in Path(codes.__file__).parent.glob("*.csv"))


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_sound(name: str) -> None:
    """Each code has two names, and its validity does not end before it begins."""
    entries = codes.code_list(name).values()

    assert entries
    for entry in entries:
        assert entry.name("zh")
        assert entry.name("en").isascii()
        assert entry.valid_to is None or entry.valid_from <= entry.valid_to


def test_validity_includes_both_ends() -> None:
    """A code is valid from its first day to its last, and for ever when no end is given."""
    closed = Code("x", "甲", "a", date(2020, 1, 1), date(2020, 12, 31))

    assert [closed.valid_on(date(2020, 1, 1)), closed.valid_on(date(2020, 12, 31))] == [True, True]
    assert [closed.valid_on(date(2019, 12, 31)), closed.valid_on(date(2021, 1, 1))] == [False, False]
    assert codes.code_list("charge")["CL264"].valid_on(date(2099, 1, 1))


@pytest.mark.parametrize("name", ["no_such_list", "../codes/charge", "", "charge.csv"])
def test_unknown_lists_raise(name: str) -> None:
    """A list that does not exist, or a name that is a path, is a coded error."""
    assert not codes.exists(name)
    with pytest.raises(UnknownCodeListError):
        codes.code_list(name)
