"""Asking the node's witnesses in the background, and what release is told of it.

A round is asked when there is a newer head than the last that met its quorum. Witnesses that are down cost nothing but
the age of the head; past `max_unwitnessed` release waits, says why, and goes on by itself once a quorum stands.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import httpx

from schemas.clock import Clock
from schemas.errors import CasebusError, IntegrityError
from security.audit.witnessed import WitnessGate
from security.logging import get_logger
from services.node.audit_settings import AuditSettings, policy_of_log
from services.witness.asking import Round, WitnessAsker

SECONDS = 1.0
"""Time limit for each witness, and how often a newer head is looked for."""
STOP_SECONDS = 5.0
AGAIN_SECONDS = 10.0
"""How long to wait after a round without a quorum."""


class WitnessRounds:
    """The thread that asks; `ask` is one round, `size` tells the signed size, `close` gives back what asking took."""

    def __init__(
        self, ask: Callable[[], Round], size: Callable[[], int], close: Callable[[], None] = lambda: None
    ) -> None:
        self._ask, self._size, self._close = ask, size, close
        self._met = -1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witnesses", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; a round under way may end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        self._close()

    def look(self) -> bool:
        """Ask once if there is a newer head; tell whether all is witnessed."""
        log = get_logger("node")
        if self._size() <= self._met:
            return True
        try:
            found = self._ask()
        except (CasebusError, OSError) as error:
            code = error.code if isinstance(error, CasebusError) else type(error).__name__
            (log.error if isinstance(error, IntegrityError) else log.warning)("node.witnesses_not_asked", code=code)
            return False
        if found.alarming:
            log.error("node.witness_alarm", code=next(each for each in found.answers.values() if "." in each))
        elif not found.met:
            log.warning("node.no_quorum", size=found.size)
        if found.met:
            self._met = found.size
        return found.met

    def _run(self) -> None:
        wait = SECONDS
        while not self._stop.wait(wait):
            wait = SECONDS if self.look() else AGAIN_SECONDS


def rounds_of(audit: Path, size: Callable[[], int]) -> WitnessRounds | None:
    """Return the rounds of the log in `audit` by the policy beside it; None where it asks for no witness."""
    policy = policy_of_log(audit)
    if policy is None or not policy.witnesses:
        return None
    client = httpx.Client(timeout=SECONDS, trust_env=False)
    return WitnessRounds(WitnessAsker(audit, policy, client).ask, size, client.close)


def gate_of(audit: Path, settings: AuditSettings, clock: Clock, size: Callable[[], int]) -> WitnessGate | None:
    """Return the gate before release; None where the log has no policy of its own."""
    policy = policy_of_log(audit)
    if policy is None:
        return None
    return WitnessGate(audit, policy, clock, size, settings.max_unwitnessed, since=settings.since or None)
