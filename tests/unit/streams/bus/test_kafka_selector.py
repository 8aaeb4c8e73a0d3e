"""The selector of kafka-python's clients: as the standard library's, and quiet about what it does not know."""

from __future__ import annotations

import os
import selectors
from collections.abc import Iterator
from contextlib import closing

import pytest

from streams.bus.kafka_selector import QuietSelector


class Plug:
    """Stands for a socket: it has a number while it is open, and must not be rendered."""

    def __init__(self, number: int) -> None:
        self.number = number

    def fileno(self) -> int:
        """Return its number, -1 where it was closed."""
        return self.number

    def __repr__(self) -> str:
        """Fail."""
        raise AssertionError("rendered")


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Two numbers that can be waited for."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_a_registered_socket_is_found_and_an_unknown_one_is_not_rendered(pipe: tuple[int, int]) -> None:
    """The key is the standard library's; a miss is a KeyError that asked for nothing but the number."""
    known, unknown = map(Plug, pipe)
    with closing(QuietSelector()) as selector:
        selector.register(known, selectors.EVENT_READ, "data")
        assert selector.get_key(known).data == "data"
        assert selector.get_key(known.fileno()).fileobj is known
        with pytest.raises(KeyError):
            selector.get_key(unknown)


def test_a_socket_that_was_closed_while_registered_is_still_found(pipe: tuple[int, int]) -> None:
    """Clients close a socket first and take it out afterwards."""
    gone = Plug(pipe[0])
    with closing(QuietSelector()) as selector:
        selector.register(gone, selectors.EVENT_READ)
        gone.number = -1
        assert selector.get_key(gone).fileobj is gone
