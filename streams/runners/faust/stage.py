"""What a stage of the Kafka runner is: a pure step over one input partition and the state that belongs to it.

A stage reads topics and opens one `Step` per input partition. The step takes one record after the other, in the order
of the log, each exactly once in effect; what it returns is delivered together with the state it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from streams.bus.port import Record
from streams.runners.faust.state import PartitionState


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """One input partition."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, slots=True)
class Item:
    """One input record."""

    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """One output record and the partition it goes to."""

    topic: str
    partition: int
    record: Record


@dataclass(frozen=True, slots=True)
class Back:
    """What a step returns to have its input read again from `offset`; only where offsets make the gate (raw)."""

    offset: int
    taken: Any


class Step(Protocol):
    """The work of a stage on one input partition.

    `take` is pure: it reads and changes the partition's state and returns something to be delivered. `deliver` turns
    what was taken, in order, into outputs; what has to be durable before delivery (manifests) is durable when it
    returns. It runs in a thread of its own, at most one at a time for a partition, and must not touch the state.
    """

    def take(self, item: Item) -> Any:
        """Apply one record to the state; what is returned is given to `deliver`, out of its `Back` if it is one."""
        ...

    def deliver(self, taken: Sequence[Any]) -> Sequence[Output]:
        """Make the outputs of some records, in the order they were taken."""
        ...


@runtime_checkable
class Gathering(Protocol):
    """A step to which records that wait are given together; to others each is given by itself, as it comes."""

    def gather(self, items: Sequence[Item]) -> Sequence[Any]:
        """Apply several records that follow each other.

        The state afterwards is the one that `take` of each would lead to; what comes of them may be fewer outputs: what
        the last of them leaves standing, without what stood only in between.
        """
        ...


class Stage(Protocol):
    """A kind of worker."""

    @property
    def name(self) -> str:
        """The name of its group, its changelogs and its transactions."""
        ...

    @property
    def topics(self) -> tuple[str, ...]:
        """What it reads."""
        ...

    @property
    def chained(self) -> bool:
        """Whether its inputs are written by a stage: then its gate is on their dense sequence, else on offsets."""
        ...

    @property
    def blocking(self) -> bool:
        """Whether `deliver` waits for a disk and needs a thread."""
        ...

    def open(self, source: Source, state: PartitionState) -> Step:
        """Begin to work on an input partition whose state has been restored."""
        ...


Process = Callable[[Item, PartitionState], Sequence[Output]]
"""A stage as one pure function."""


@dataclass(frozen=True)
class PureStage:
    """A stage that is one pure function of a record and the state; `gathers`: its step is a `Gathering` one."""

    name: str
    topics: tuple[str, ...]
    process: Process
    chained: bool
    blocking: bool = False
    gathers: bool = False

    def open(self, source: Source, state: PartitionState) -> Step:
        """Bind the function to a partition's state."""
        del source
        return (_GatheringStep if self.gathers else _PureStep)(self.process, state)


@dataclass(frozen=True, slots=True)
class _PureStep:
    process: Process
    state: PartitionState

    def take(self, item: Item) -> Sequence[Output]:
        """Apply the function."""
        return self.process(item, self.state)

    def deliver(self, taken: Sequence[Sequence[Output]]) -> list[Output]:
        """Give the outputs on as they are."""
        return [output for outputs in taken for output in outputs]


class _GatheringStep(_PureStep):
    __slots__ = ()

    def gather(self, items: Sequence[Item]) -> list[Sequence[Output]]:
        """Apply the function to each."""
        return [self.take(item) for item in items]
