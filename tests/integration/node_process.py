"""A node as its supervisor runs it: a process of its own, started, killed and stopped by the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from services.demo.check import free_port
from services.node.supervisor import node_command

START_SECONDS = 90.0
STOP_SECONDS = 40.0
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class NodeProcess:
    """The node of a data directory on a port of loopback; what it says on stderr is kept in `log`.

    `environment` goes over that of the tests: where its Kafka is.
    """

    data: Path
    port: int
    log: Path
    site: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def on_a_free_port(cls, data: Path, site: Path | None = None) -> Self:
        """Prepare a process; nothing runs yet."""
        return cls(data, free_port(), data.parent / f"{data.name}.log", site)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def command(self) -> Sequence[str]:
        """The command that runs it."""
        return node_command(self.data, self.port, self.site)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process
        return self.process.pid

    @property
    def said(self) -> str:
        """What it said on stderr, over all its lives."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it and do not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def await_health(self) -> None:
        """Wait until it answers; a process that ended fails the test with its own words."""
        assert self.process
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert self.process.poll() is None, self.said
            try:
                if httpx.get(f"{self.url}/v1/health", trust_env=False, timeout=5).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the node does not answer: " + self.said)

    def kill(self) -> None:
        """Kill it as hard as possible."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop and return its exit code."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
