"""Processes watched from outside: processor time and memory of each with all its children, over time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
UTIME, STIME, RSS = 11, 12, 21
"""Fields of /proc/PID/stat behind the name."""
EVERY = 2.0


@dataclass
class Sample:
    """Processor seconds and resident bytes of one process and its children at a time, in seconds."""

    at: float
    cpu: float
    rss: int


@dataclass
class Watch:
    """Samples of named processes; `pids` names each by its first process."""

    pids: Mapping[str, int]
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def look(self) -> None:
        """Take one sample of each."""
        for name, pid in self.pids.items():
            self.samples.setdefault(name, []).append(sample(pid))

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Take samples while the block runs."""
        done = threading.Event()

        def run() -> None:
            while not done.wait(EVERY):
                self.look()

        self.look()
        thread = threading.Thread(target=run, name="watch")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.look()

    def cpu(self, name: str, began: float, ended: float) -> float:
        """Return the processor seconds of one between two times."""
        inside = [each for each in self.samples[name] if began <= each.at <= ended]
        return inside[-1].cpu - inside[0].cpu if inside else 0.0

    def rss(self, name: str, at: float) -> int:
        """Return the memory of one at a time."""
        return min(self.samples[name], key=lambda each: abs(each.at - at)).rss


def sample(pid: int) -> Sample:
    """Take a sample of a process and its children."""
    cpu, rss = 0.0, 0
    for each in family(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        cpu += (int(fields[UTIME]) + int(fields[STIME])) / TICK
        rss += int(fields[RSS]) * PAGE
    return Sample(time.time(), cpu, rss)


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that came of it."""
    yield pid
    try:
        children = [int(n) for task in Path(f"/proc/{pid}/task").iterdir() for n in _children(task)]
    except OSError:
        return
    for child in children:
        yield from family(child)


def _children(task: Path) -> list[str]:
    try:
        return (task / "children").read_text(encoding="ascii").split()
    except OSError:
        return []
