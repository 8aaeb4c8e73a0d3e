"""How a node process ends: told to stop, or because its audit log can be written no more.

A stop (SIGTERM, Ctrl-C) only sets a flag: an opening is finished and closed again, the serving ends, the closing, which
signs the audit log's head, is not disturbed. Nothing is raised from the signal's handler: the interpreter may be inside
a callback that swallows what is raised there, or half-way through a write to a database. A poisoned audit log ends the
process with `CRASHED`, or with `FULL` where the disk had no room: memory and disk may differ, and only opening the log
again can tell, so the supervisor starts the node anew.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

import uvicorn
from fastapi import FastAPI

from schemas.room import names_no_room
from services.node.supervisor import CRASHED, FULL

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LOOK_SECONDS = 0.1
GRACE_SECONDS = 5
"""How long a stop waits for requests that are under way."""


def code_of(poison: str | None) -> int:
    """Return the exit code of a process whose audit log ended by the failure `poison`."""
    return FULL if names_no_room(poison) else CRASHED


class Log(Protocol):
    """The audit log, as far as its end is watched."""

    @property
    def poisoned(self) -> bool:
        """Whether writing has ended for good."""
        ...


class Server(uvicorn.Server):
    """The HTTP server without its own signal handling.

    uvicorn sends itself the signal once more after its clean end; the process would be gone before the head is signed.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to `StopSignals`."""
        yield


class StopSignals:
    """Whether a stop was requested; `server` is told too, once there is one."""

    def __init__(self) -> None:
        self.requested = False
        self.server: Server | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle the signals while the block runs; on the main thread."""
        before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def serving(self, app: FastAPI) -> Server:
        """Return a server of `app` that the signals stop, also one that came before there was a server to tell."""
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=GRACE_SECONDS
        )
        server = self.server = Server(config)
        if self.requested:
            server.should_exit = True
        return server

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if self.server is not None:
            self.server.handle_exit(number, frame)


class AuditWatch:
    """Stops the server once the audit log is poisoned, so that waiting clients still get their coded refusals."""

    def __init__(self, audit: Log, server: uvicorn.Server) -> None:
        self._audit, self._server = audit, server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-watch", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            if self._audit.poisoned:
                self._server.should_exit = True
                return
