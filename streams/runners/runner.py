"""What a node asks of its runner, whichever bus it works on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from schemas.errors import UnavailableError
from streams.receivers import Deciding
from streams.supervision.engine import Engine

Declared = Callable[[], Mapping[str, int]]
"""Answers source → the mark it declared, microseconds."""


class Runner(Protocol):
    """Takes what was accepted to its effects; one thread drives it."""

    def renew(self, engine: Engine, receivers: Sequence[Deciding], stopped: Callable[[], bool]) -> None:
        """Work by another control state from here on; history is folded anew where the models changed."""
        ...

    def run(self, stop: threading.Event, report: Callable[[UnavailableError], None]) -> None:
        """Work until `stop`; what passes is reported and tried again, anything else ends the thread."""
        ...

    def drain(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Offer the marks and work until everything that was there has taken effect, or until `stopped`."""
        ...

    def reached(self) -> int:
        """Return the clock mark that supervision has reached everywhere."""
        ...

    def lag(self) -> int:
        """Return how many records this runner has still to process, as far as it can see."""
        ...
