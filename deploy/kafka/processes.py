"""Processes by their pid, and never another one: a pid is ours only while its start time is the one we noted."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
START_TIME = 19
"""Where a process's start time stands in /proc/PID/stat, counted after the name, which may hold spaces."""


@dataclass(frozen=True)
class Process:
    """A process as it was started: its pid, and when the kernel says it began."""

    pid: int
    began: str

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie and another process of the same pid do not count."""
        if (child := is_child(self.pid)) is not None:
            return child
        return self.began != "" and began(self.pid) == self.began

    def signal(self, number: int) -> None:
        """Send it a signal if it still runs."""
        if self.alive:
            os.kill(self.pid, number)

    def stop(self, seconds: float) -> bool:
        """Ask it to stop, wait, end it if it does not; tell whether it stopped by itself."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if self.wait(seconds):
            return True
        self.signal(signal.SIGKILL)
        self.wait(seconds)
        return False

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended; tell whether it has."""
        deadline = time.monotonic() + seconds
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True


def start(command: Sequence[str], log: Path, *, tied: bool) -> Process:
    """Start a command in a session of its own, its output in `log`; `tied` ends it when the calling thread ends."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent if tied else None,
        )
    # The process outlives this object on purpose: it is known by its pid from here on.
    child.returncode = 0
    return Process(child.pid, began(child.pid))


def began(pid: int) -> str:
    """Return the kernel's start time of a running process, empty where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else fields[START_TIME]


def is_child(pid: int) -> bool | None:
    """Whether a child of ours still runs; None where it is none, or was told of already.

    The kernel shows a process of many threads as a zombie before the last one has closed its sockets; the exit code
    comes only after that.
    """
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    except ChildProcessError:
        return None


def end_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
