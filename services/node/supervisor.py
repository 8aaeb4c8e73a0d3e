"""`node up`: the node and its console over one data directory; the node's end is the end of both.

A console that dies is started again: nothing is kept in it. So is what follows the audit log for its search index,
however often, and nobody else ends by its end. A node that dies is started again too, a few times in a row: it recovers
by itself, and what cannot recover must not be hidden by a loop. One that ran and cannot be opened again for want of
something, or that ended because its disk was full, is tried until it can. SIGTERM and Ctrl-C stop all of them cleanly.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from services.node.layout import DataDirectory

PR_SET_PDEATHSIG = 1
RESTARTS = 5
"""Starts in a row after a crash, each before `STEADY_SECONDS` have passed."""
STEADY_SECONDS = 60.0
APART_SECONDS = 10.0
"""Time between two starts of what stands apart."""
WANTING = 5
"""The exit code of a node that cannot be opened for want of something (`UnavailableError`)."""
WANTING_SECONDS = 5.0
SIGNALLED = 128
"""A shell reports 128 + the number of the signal that ended a process."""
CRASHED = 70
"""EX_SOFTWARE: the node's worker met what it cannot go on with."""
STOP_SECONDS = 30.0
FULL = 74
"""EX_IOERR: the disk filled while the node ran. With space it goes on, so it is tried until it can."""
LOOK_SECONDS = 0.1
SIGNALS = (signal.SIGTERM, signal.SIGINT)
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Child:
    """One process that is kept running; `ran` once it was started again after a crash.

    One that stands `apart` is started again however often it ends, each time a while later, and ends nobody else.
    """

    name: str
    command: Sequence[str]
    keep: bool
    apart: bool = False
    starts: int = 0
    process: subprocess.Popen[bytes] | None = None
    ran: bool = False
    _since: float = 0.0

    def start(self) -> None:
        """Start it. A group of its own: Ctrl-C reaches the supervisor first, which stops the children in order."""
        now = time.monotonic()
        # A crash after long good work is the first of a new row.
        self.starts = self.starts + 1 if now - self._since < STEADY_SECONDS else 1
        self._since = now
        self.process = subprocess.Popen(  # noqa: S603 - our own modules
            self.command,
            cwd=ROOT,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - the supervisor has one thread
        )

    def rested(self) -> bool:
        """Tell whether its last start is a while ago."""
        return time.monotonic() - self._since >= APART_SECONDS

    def code(self) -> int | None:
        """Return its exit code, None while it runs."""
        return self.process.poll() if self.process else None

    def stop(self) -> int:
        """Ask it to stop, wait, and if need be end it."""
        process = self.process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


@dataclass
class Supervisor:
    """Keeps a node and its console running until told to stop."""

    children: list[Child]
    say: Callable[[str], None]
    started: Callable[[], None] = lambda: None
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """Run until a signal, or until the node ends for good; return the node's exit code."""
        before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        try:
            for child in self.children:
                child.start()
            self.started()
            return self._watch()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._stop.set()

    def _watch(self) -> int:
        while not self._stop.wait(LOOK_SECONDS):
            for child in self.children:
                code = child.code()
                if code is None or (child.apart and not child.rested()):
                    continue
                if not self._again(child, code):
                    return self._end(code)
        return self._end(0)

    def _again(self, child: Child, code: int) -> bool:
        """Start a child again unless its end was meant or it ends again and again."""
        # A coded exit (wrong usage, broken integrity) would come again; only a crash is worth another start.
        crashed = code < 0 or code > SIGNALLED or code == CRASHED or child.keep
        if code == FULL or (code == WANTING and child.ran):
            child.ran = True
            what = "has no space on its disk" if code == FULL else "cannot start"
            self.say(f"casebus: {child.name} {what} ({code}), trying again in {WANTING_SECONDS:.0f} s")
            if not self._stop.wait(WANTING_SECONDS):
                child.start()
            return True
        if not crashed or (child.starts > RESTARTS and not child.apart):
            return False
        self.say(f"casebus: {child.name} ended with {code}, starting it again ({child.starts}/{RESTARTS})")
        child.ran = True
        child.start()
        return True

    def _end(self, code: int) -> int:
        codes = [(child.stop(), child.apart) for child in reversed(self.children)]
        return code or max((c for c, apart in codes if c > 0 and not apart), default=0)


def end_with_parent() -> None:
    """Ask the kernel to stop this child when its supervisor is killed: nothing may keep the lock and the ports."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def node_command(data: Path, port: int, site: Path | None, kafka: str = "") -> list[str]:
    """Return the command of the node process."""
    options = [*(["--site", str(site)] if site else []), *(["--kafka", kafka] if kafka else [])]
    return [sys.executable, "-m", "services.node", "--data", str(data), "--port", str(port), *options]


def console_command(port: int, console_port: int) -> list[str]:
    """Return the command of the console process."""
    url = f"http://127.0.0.1:{port}"
    return [sys.executable, "-m", "services.console", "--node-url", url, "--port", str(console_port)]


def index_child(data: Path) -> Child:
    """Return the process that keeps the search index up with the audit log of a node."""
    directory = DataDirectory(data)
    places = ["--log", str(directory.audit), "--index", str(directory.index)]
    return Child("index", [sys.executable, "-m", "services.auditor", *places], keep=True, apart=True)


def copies_child(data: Path, kafka: str) -> Child:
    """Return the process that copies the site's other audit logs from Kafka for the officer's desk."""
    options = ["--data", str(data), *(["--kafka", kafka] if kafka else [])]
    return Child("log copies", [sys.executable, "-m", "services.node.log_copies", *options], keep=True, apart=True)
