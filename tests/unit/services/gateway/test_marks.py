"""Declared marks: declarations that meet share a transaction, and a failure is told to each of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.gateway.marks import DeclaredMarks
from streams.bus.embedded import EmbeddedBus
from streams.bus.embedded_transaction import EmbeddedTransaction
from streams.bus.port import BusUnavailableError

SOURCES = [f"police-{number}/cases" for number in range(6)]


class SlowBus(EmbeddedBus):
    """A bus whose first transactions wait for `go`, and fail where told to; it counts them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.go = threading.Event()
        self.begun = threading.Event()
        self.count = 0
        self.away = False

    @contextmanager
    def transaction(self, *, owned: bool = False) -> Iterator[EmbeddedTransaction]:
        """Open a transaction once it may."""
        self.begun.set()
        assert self.go.wait(20)
        if self.away:
            raise BusUnavailableError
        self.count += 1
        with super().transaction(owned=owned) as change:
            yield change


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[SlowBus]:
    """An embedded bus that waits."""
    made = SlowBus(tmp_path / "bus.db")
    yield made
    made.close()


def declared(bus: SlowBus, marks: DeclaredMarks) -> list[int | BaseException]:
    """Let every source declare while a transaction waits to begin; return the answers, in order."""
    bus.begun.clear()
    with ThreadPoolExecutor(len(SOURCES)) as pool:
        futures = [pool.submit(marks.declare, source, number, 100) for number, source in enumerate(SOURCES)]
        assert bus.begun.wait(20)
        while len(marks._waiting) < len(SOURCES):
            pass
        bus.go.set()
        return [future.exception() or future.result() for future in futures]


def test_declarations_that_meet_share_one_transaction(bus: SlowBus) -> None:
    """Each gets its own mark; what was kept is what was answered."""
    marks = DeclaredMarks(bus, "casebus.raw.")
    assert declared(bus, marks) == list(range(len(SOURCES)))
    assert bus.count == 1
    assert {source: mark.complete_to for source, mark in marks.all().items()} == {
        source: number for number, source in enumerate(SOURCES)
    }
    assert DeclaredMarks(bus, "casebus.raw.").of(SOURCES[-1]) == len(SOURCES) - 1


def test_a_failure_is_told_to_each_and_the_next_declaration_counts(bus: SlowBus) -> None:
    """Nobody is acknowledged who was in a transaction that failed, and nothing of it is remembered."""
    marks = DeclaredMarks(bus, "casebus.raw.")
    bus.away = True
    assert {type(answer) for answer in declared(bus, marks)} == {BusUnavailableError}
    assert (bus.count, marks.of(SOURCES[1])) == (0, 0)
    bus.away = False
    assert marks.declare(SOURCES[1], 7, 100) == 7


def test_two_declarations_of_one_source_in_one_transaction_never_go_back(bus: SlowBus) -> None:
    """The later and lower one is answered with the higher."""
    marks = DeclaredMarks(bus, "casebus.raw.")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(marks.declare, SOURCES[0], 50, 100)
        assert bus.begun.wait(20)
        while not marks._waiting:
            pass
        second = pool.submit(marks.declare, SOURCES[0], 40, 100)
        while len(marks._waiting) < 2:
            pass
        bus.go.set()
        assert (first.result(), second.result()) == (50, 50)
    assert bus.count == 1
