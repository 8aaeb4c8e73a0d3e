"""A real node with its real console, started by the command line, on a clock that the test moves."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from schemas.clock import DAY, HOUR, SECOND
from schemas.event import derived_id, sequence_of
from schemas.instants import format_instant, parse_instant
from services.demo.check import free_port
from services.demo.stage import PASSWORD, Stage, prepare, step_clock

START = parse_instant("2025-03-03T01:00:00Z")
DISTRICT, UNIT = "990103", "990103010000"
POLICE, RECORDS = "police-990103/cases", "police-990103/records"
START_SECONDS = 60.0
STOP_SECONDS = 40.0
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Theatre:
    """A node and its console; every test brings cases of its own, the clock only goes forward."""

    stage: Stage
    port: int
    console_port: int
    now: int = START
    process: subprocess.Popen[bytes] | None = None
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=90))

    @property
    def console(self) -> str:
        """The console's address."""
        return f"http://127.0.0.1:{self.console_port}"

    @property
    def node(self) -> str:
        """The node's address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start both processes and wait until they answer."""
        ports = ("--port", str(self.port), "--console-port", str(self.console_port))
        command = (sys.executable, "-m", "services.cli.app", "node", "up", "--data", str(self.stage.data), *ports)
        # The framework behaves differently under pytest; this is a process of its own.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        for url in (f"{self.node}/v1/health", f"{self.console}/zh/login"):
            self._await(url)

    def stop(self) -> int:
        """Stop both cleanly and return the exit code."""
        assert self.process
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def children(self) -> list[int]:
        """Return the pids of node and console, in the order they were started."""
        assert self.process
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return sorted(int(pid) for pid in path.read_text(encoding="ascii").split())

    def kill_node(self) -> None:
        """Kill the node process as hard as possible; the supervisor starts it again."""
        os.kill(self.children()[0], signal.SIGKILL)
        self._await(f"{self.node}/v1/health")

    def move(self, to: int) -> None:
        """Move the clock and let every source say that it has told everything up to then."""
        self.set_clock(to)
        for source in self.stage.tokens:
            self.complete(source)

    def set_clock(self, to: int) -> None:
        """Move the clock alone: nobody has said anything yet."""
        self.now = max(self.now, to)
        self._post("/rehearsal/clock", {"now": self.now})

    def complete(self, source: str) -> None:
        """Let one source say that it has told everything up to now."""
        self._post("/v1/marks", {"complete_to": format_instant(self.now)}, self.stage.tokens[source])

    def drain(self) -> None:
        """Wait until everything took effect."""
        self._post("/rehearsal/drain", {})

    def accept_report(self, summary: str, unit: str = UNIT, **more: Any) -> str:
        """Let the police accept a report now; return its acceptance number, the subject of the alert to come."""
        number = next(self.numbers)
        subject = f"J{unit}{20250303:08d}{number:04d}"
        data = {
            "jjdbh": subject,
            "case_kind": "criminal",
            "accepted_at": format_instant(self.now),
            "unit": unit,
            "receipt_no": f"R{number:08d}",
            "summary": summary,
            **more,
        }
        self._publish("police.report.accepted", subject, data)
        return subject

    def sign_in(self, account: str) -> httpx.Client:
        """Return a client of the desk for an account."""
        with httpx.Client(base_url=self.node, trust_env=False) as client:
            token = client.post("/desk/login", json={"account": account, "password": PASSWORD}).json()["token"]
        return httpx.Client(base_url=self.node, trust_env=False, headers={"Authorization": f"Bearer {token}"})

    def alert_of(self, subject: str, state: str) -> str:
        """Return the id of the alert about a case once it is in `state`, found as the police officer of its unit."""
        with self.sign_in("police") as desk:
            until = time.monotonic() + START_SECONDS
            while time.monotonic() < until:
                for row in desk.get("/desk/board", params={"state": state}).json()["rows"]:
                    page = desk.get(f"/desk/alerts/{row['id']}").json()
                    if page["detail"] and page["detail"]["subject"] == subject:
                        return str(row["id"])
                time.sleep(0.1)
        raise AssertionError(f"no alert in state {state}")

    def overdue(self, summary: str, **more: Any) -> tuple[str, str]:
        """Bring about a red alert; return (subject, alert id). `more` are further values of its report."""
        subject = self.accept_report(summary, **more)
        self.move(self.now + 9 * DAY)
        self.drain()
        return subject, self.alert_of(subject, "raised")

    def record_identity(self, number: str, name: str) -> None:
        """Let the police record who somebody is."""
        at = format_instant(self.now)
        data = {"register_no": "RY-990103-2025-1", "unit": UNIT, "id_number": number, "name": name, "recorded_at": at}
        self._publish("identity.recorded", "RY-990103-2025-1", data, RECORDS)

    def approaching(self, summary: str) -> tuple[str, str]:
        """Bring about a yellow alert; return (subject, alert id)."""
        subject = self.accept_report(summary)
        for _ in range(9 * 4):
            self.move(self.now + 6 * HOUR)
            self.drain()
            with self.sign_in("police") as desk:
                rows = desk.get("/desk/board", params={"state": "approaching"}).json()["rows"]
            if rows:
                return subject, self.alert_of(subject, "approaching")
        raise AssertionError("no yellow alert before the red one")

    def _publish(self, kind: str, subject: str, data: Mapping[str, Any], source: str = POLICE) -> None:
        sequence = sequence_of(next(self.numbers))
        event = {
            "specversion": "1.0",
            "id": str(uuid.UUID(bytes=derived_id(source, sequence))),
            "type": kind,
            "source": source,
            "subject": subject,
            "time": format_instant(self.now),
            "sequence": sequence,
            "district": DISTRICT,
            "data": dict(data),
        }
        self._post("/v1/events", event, self.stage.tokens[source])

    def _post(self, path: str, body: Mapping[str, Any], token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self.http.post(self.node + path, json=dict(body), headers=headers)
        assert answer.is_success, (path, answer.status_code, answer.text)

    def _await(self, url: str) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert self.process
            assert self.process.poll() is None, "the node ended"
            try:
                if httpx.get(url, trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"{url} does not answer")


def open_theatre(folder: Path) -> Theatre:
    """Prepare a fresh demonstration node and start it."""
    stage = prepare(folder / "data", START, seed=1, cases=0)
    step_clock(stage, START)
    theatre = Theatre(stage, free_port(), free_port())
    theatre.start()
    theatre.move(START + SECOND)
    return theatre
