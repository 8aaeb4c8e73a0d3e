"""Progress and stamps: bytes that outlive a version, and no record between stages without a number."""

from __future__ import annotations

import pytest

from streams.runners.faust import changelog, progress, settings
from streams.runners.faust.progress import Progress, Stamp, StampMissingError, stamp_of
from streams.runners.faust.stage import Source
from streams.runners.faust.state import PartitionState

GOLDEN = "94012a81b772656c656173652f636173656275732e7261772e782f300781ae636173656275732e776f726b2f3103"


def test_progress_is_these_bytes() -> None:
    """A changelog written by this version is read by every later one."""
    reached = Progress(next=42, received={"release/casebus.raw.x/0": 7}, sent={"casebus.work/1": 3})

    assert progress.encode(reached).hex() == GOLDEN
    assert progress.decode(bytes.fromhex(GOLDEN)) == reached


def test_a_stamp_comes_back_from_its_headers() -> None:
    """Other headers do not disturb it."""
    stamp = Stamp("release/casebus.raw.x/0", 12)

    assert stamp_of((("manifest", b"n/1"), *stamp.headers())) == stamp


@pytest.mark.parametrize(
    "headers", [(), (("writer", b"w"),), (("sequence", b"1"),), (("writer", b"w"), ("sequence", b"-1"))]
)
def test_a_record_without_a_stamp_is_refused(headers: tuple[tuple[str, bytes], ...]) -> None:
    """Nobody but a stage writes between stages."""
    with pytest.raises(StampMissingError) as caught:
        stamp_of(headers)

    assert caught.value.code == "worker.stamp_missing"


def test_states_and_progress_come_back_from_their_rows() -> None:
    """Applying the rows of a transaction to a restored changelog gives what was written, removals included."""
    found = changelog.Restored(PartitionState({b"gone": b"x"}))

    found.take((key, value) for key, value, _ in changelog.rows({b"a": b"1", b"gone": None}, Progress(next=3)))

    assert dict(found.state.items()) == {b"a": b"1"}
    assert found.progress == Progress(next=3)


def test_names_say_whose_they_are() -> None:
    """Group, changelog and transaction of a stage cannot be mistaken for another's."""
    source = Source("casebus.raw.police", 3)

    assert settings.group("release") == "casebus.release"
    assert settings.changelog("release", source.topic) == "casebus.changelog.release.raw.police"
    assert settings.transaction("release", source) == "casebus.release/casebus.raw.police/3"
