"""`node up` keeps the search index up with the audit log: nobody has to search, and a search finds it ready."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from security.audit.record import Entry
from services.auditor.following import NICE
from services.auditor.index import covered
from services.auditor.index_check import check_index
from services.demo.check import free_port
from services.node.layout import DataDirectory
from services.node.node import open_node
from tests.integration.fines_node import prepare
from tests.integration.node_process import ROOT

SECONDS = 30.0


def measured(url: str, name: str) -> float:
    """Return a gauge of the running node."""
    text = httpx.get(f"{url}/metrics", trust_env=False, timeout=10).text
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"casebus_audit_{name} ")))


def until(what: str, holds: object) -> None:
    """Wait for something to hold."""
    assert callable(holds)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            if holds():
                return
        except (httpx.TransportError, StopIteration):
            pass
        time.sleep(0.1)
    raise AssertionError(what)


def test_the_index_follows_a_running_node(tmp_path: Path) -> None:
    """Its lag falls below one run without any search; its process stands below the node and ends with it."""
    token, port = prepare(tmp_path / "data"), free_port()
    data, url = DataDirectory(tmp_path / "data"), f"http://127.0.0.1:{port}"
    node = open_node(data.root)
    node.audit.append([Entry(act="login")] * 2_000)
    node.close()
    command = [sys.executable, "-m", "services.cli.app", "node", "up", "--data", str(data.root)]
    with (tmp_path / "up.log").open("wb") as log:
        up = subprocess.Popen([*command, "--port", str(port), "--console-port", "0"], cwd=ROOT, stdout=log, stderr=log)
    try:
        until("an answer", lambda: httpx.get(f"{url}/v1/health", trust_env=False).is_success)
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=url, trust_env=False, headers=headers) as http:
            for _ in range(300):
                assert http.get("/v1/subscriptions/nobody/events").status_code == 403
        until("records", lambda: measured(url, "head_records") > 2_300)
        until("a small lag", lambda: measured(url, "index_lag_records") < 256)
        children = Path(f"/proc/{up.pid}/task/{up.pid}/children").read_text(encoding="ascii").split()
        (follower,) = (
            int(each) for each in children if b"services.auditor" in Path(f"/proc/{each}/cmdline").read_bytes()
        )
        assert os.getpriority(os.PRIO_PROCESS, follower) == min(os.getpriority(os.PRIO_PROCESS, up.pid) + NICE, 19)
    finally:
        up.send_signal(signal.SIGTERM)
        code = up.wait(60)

    assert code == 0, (tmp_path / "up.log").read_text(encoding="utf-8")
    assert not Path(f"/proc/{follower}").exists()
    assert covered(data.index) >= 2_304
    report = check_index(data.audit, data.index)
    assert report is not None
    assert report.lies == ()
