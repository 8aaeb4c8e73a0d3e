"""What a stage works by at a control epoch: models, receivers, and since which epoch states are folded alike.

A change of control takes effect in-band: the gateway writes the epoch into every raw partition, release passes it on to
work, and each stage changes over where it reads it. So what was decided about a record depends on the log alone, also
when it is decided again. The *fold* of an epoch is the newest epoch at or below it that changed a model: states of
another fold are folded anew from history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from streams.receivers import Deciding
from streams.supervision.engine import Engine


@dataclass(frozen=True)
class Known:
    """Everything that follows from the control records up to `epoch`."""

    epoch: int
    fold: int
    engine: Engine
    receivers: Sequence[Deciding] = ()


class Knowledge(Protocol):
    """Answers what holds at an epoch; the same answer on every worker, whenever it is asked."""

    def newest(self) -> int:
        """Return the newest epoch there is."""
        ...

    def fold(self, epoch: int) -> int:
        """Return the newest epoch at or below `epoch` that changed a model."""
        ...

    def at(self, epoch: int) -> Known:
        """Return what holds at an epoch.

        Raises:
            UnavailableError: control cannot be read now, or does not have the epoch.
            IntegrityError: a control record is not what was signed.
        """
        ...


@dataclass(frozen=True)
class Unchanging:
    """Knowledge of one state of things, for ever."""

    known: Known

    def newest(self) -> int:
        """Return its epoch."""
        return self.known.epoch

    def fold(self, epoch: int) -> int:
        """Return its fold."""
        del epoch
        return self.known.fold

    def at(self, epoch: int) -> Known:
        """Return it."""
        del epoch
        return self.known
