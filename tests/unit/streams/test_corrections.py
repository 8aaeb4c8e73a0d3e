"""What release remembers to carry corrections: values are told apart by their length, whatever they hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas.correction import withdrawing
from streams.corrections import (
    PAYLOAD_LENGTH,
    await_original,
    awaited,
    given_key,
    holders,
    pack_given,
    payload_of,
    read_seen,
    seen,
)

PAYLOAD, ID = st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16)


@given(PAYLOAD, st.integers(0, 2**63), st.integers(0, 255), st.integers(0, 2**52))
def test_what_was_released_reads_back(payload: bytes, offset: int, position: int, recorded_at: int) -> None:
    """Payload digest, place and type come back; it never passes for a waiting correction."""
    said = seen(payload, offset, position, "police.case.filed", recorded_at)

    assert read_seen(said.pack()) == said
    assert payload_of(said.pack()) == payload
    assert awaited(said.pack()) == []


@given(st.lists(st.tuples(ID, st.booleans()), min_size=1, max_size=40, unique_by=lambda pair: pair[0]))
def test_waiting_corrections_read_back_and_are_no_released_id(pairs: list[tuple[bytes, bool]]) -> None:
    """However many wait, each is told once, in the order it came, and the id counts as not released."""
    value = None
    for _ in range(2):
        for because, withdrawn in pairs:
            value = await_original(value, because, withdrawing(b"\0" * 16) if withdrawn else b"\0" * 16)

    assert awaited(value) == [(b, "withdrawn" if withdrawn else "superseded") for b, withdrawn in pairs]
    assert (payload_of(value), read_seen(value)) == (None, None)


def test_an_id_of_before_is_known_without_its_place() -> None:
    """Sixteen bytes alone are a payload digest."""
    assert payload_of(bytes(PAYLOAD_LENGTH)) == bytes(PAYLOAD_LENGTH)
    assert read_seen(bytes(PAYLOAD_LENGTH)) is None


@given(st.sets(st.integers(0, 255)), st.integers(0, 255))
def test_holders_are_those_whose_bit_is_set(places: set[int], asked: int) -> None:
    """A subscription holds exactly the events it was given."""
    memory = {given_key("t", 0, 7): pack_given([("s", "manifest", places)])}
    known = seen(bytes(16), 7, asked, "a.b", 0)

    assert holders(memory.get, "t", 0, known) == ({"s": "manifest"} if asked in places else {})
