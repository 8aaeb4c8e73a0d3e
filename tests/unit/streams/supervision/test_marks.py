"""Marks: capped by the clock, asked only of the sources that could close a case in its district."""

from __future__ import annotations

from streams.supervision.marks import Marks, Registration, SourceDirectory

CLOSING = ("police.case.filed",)
DIRECTORY = SourceDirectory(
    [
        Registration("police-990101/cases", frozenset({"police.case.filed"}), ("990101",)),
        Registration("police-990102/cases", frozenset({"police.case.filed"}), ("990102",)),
        Registration("city/cases", frozenset({"police.case.filed"}), ("9901",)),
        Registration("court-990101/trial", frozenset({"court.judgment.effective"}), ("990101",)),
        Registration("prison/custody", frozenset({"prison.admitted"})),
    ]
)


def test_only_able_sources_are_waited_for() -> None:
    """Another district's police and the court do not hold a deadline of this district's police."""
    marks = Marks(100, {"police-990101/cases": 90, "city/cases": 95}, DIRECTORY)

    assert marks.closing(CLOSING, "990101") == 90
    assert marks.behind(CLOSING, "990101", 92) == ("police-990101/cases",)
    assert DIRECTORY.able(CLOSING, "990103") == ("city/cases",)


def test_a_mark_is_capped_by_the_clock() -> None:
    """A source whose clock runs ahead gains nothing."""
    assert Marks(100, {"prison/custody": 500}, DIRECTORY).closing(("prison.admitted",), "990199") == 100


def test_a_source_that_never_spoke_has_no_mark() -> None:
    """Silence from the beginning holds as silence does."""
    assert Marks(100, {}, DIRECTORY).closing(("prison.admitted",), "990199") == 0


def test_nobody_registered_means_the_clock_counts() -> None:
    """Where nobody could report, nobody is waited for."""
    assert Marks(100, {}, DIRECTORY).closing(("no.such",), "990101") == 100
    assert Marks(100).closing(CLOSING, "990101") == 100


def test_the_slowest_of_several_types_counts() -> None:
    """A case that several systems could close waits for all of them."""
    marks = Marks(100, {"police-990101/cases": 90, "city/cases": 95, "court-990101/trial": 40}, DIRECTORY)

    assert marks.closing(("court.judgment.effective", "police.case.filed"), "990101") == 40


def test_sources_are_listed() -> None:
    """The directory names every source once."""
    assert DIRECTORY.sources[0] == "city/cases"
    assert len(DIRECTORY.sources) == 5
