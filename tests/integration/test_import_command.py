"""`casebus import` on a real node: read, accepted, rejected; broken off and run again; a dry run keeps nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from security.audit.reading import read
from security.batch import unpack
from services.node.node import open_node

HEADER = (
    "seq,case_id,event_idx,concept:name,time:timestamp,lifecycle:transition,org:resource,amount,totalPaymentAmount,"
    "paymentAmount,expense,dismissal,vehicleClass,article,points,notificationType,lastSent,matricola"
)
MAPPING = "examples/road-fines/mapping.yaml"
SITE = "examples/road-fines/site.yaml"
RAW = "casebus.raw.traffic"


def row(number: int) -> str:
    """Return the row of a created fine."""
    return f"{number},A{number},0,Create Fine,2006-07-24T00:00:00+02:00,complete,561,35.0,0.0,,,NIL,A,157,0,,,"


def write(folder: Path, *rows: str) -> Path:
    """Write a log."""
    path = folder / "log.csv"
    path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    return path


def command(*arguments: object) -> list[str]:
    """Return the command line."""
    return [sys.executable, "-m", "services.cli.app", "import", *map(str, arguments), "--mapping", MAPPING, "--json"]


def run(*arguments: object) -> dict[str, Any]:
    """Run the command; return its one JSON document."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_dry_run_says_what_would_be_rejected(tmp_path: Path) -> None:
    """A corrupt line, an unknown activity, an amount that is none; no directory is made."""
    path = write(tmp_path, row(0), '1,"open', row(2).replace("Create", "Burn"), row(3).replace("35.0", "many"), row(4))
    data = tmp_path / "data"

    told = run(path, "--data", data, "--dry-run")

    assert (told["read"], told["accepted"], told["rejected"]) == (5, 2, 3)
    assert [(r["line"], r["code"]) for r in told["first"]] == [
        (3, "importer.quoting"),
        (4, "importer.activity"),
        (5, "importer.value"),
    ]
    assert not data.exists()


def test_an_import_runs_to_its_end_and_again(tmp_path: Path) -> None:
    """Every row once on the bus, the mark declared, rejects by line; a second run changes nothing."""
    path, data = write(tmp_path, *[row(n) for n in range(300)], "bad"), tmp_path / "data"

    first = run(path, "--data", data, "--site", SITE)
    again = run(path, "--data", data)

    node = open_node(data)
    try:
        events = [e for r in node.bus.read(RAW, 0, 0, 99) for e in unpack(r.value, node.sealer).events]
        marks = node.door.marks()
    finally:
        node.close()
    rejects = [json.loads(line) for line in (data / "import" / first["rejects"]).read_text().splitlines()]
    assert (first["read"], first["accepted"], first["rejected"]) == (301, 300, 1)
    assert {k: again[k] for k in ("read", "accepted", "rejected")} == {"read": 301, "accepted": 300, "rejected": 1}
    assert sorted(e.header.subject for e in events) == sorted(f"A{n}" for n in range(300))
    assert [r["line"] for r in rejects] == [302]
    assert marks["roadpolice-IT/fines"].complete_to == 1_371_592_800_000_000
    acts = [each.record for each in read(data / "audit") if each.record.act in {"import", "mark"}]
    assert [(act.act, act.obj, act.data.get("accepted")) for act in acts] == [
        ("import", "roadpolice-IT/fines", 300),
        ("mark", "roadpolice-IT/fines", None),
        ("import", "roadpolice-IT/fines", 300),
    ]


@pytest.mark.slow
def test_ctrl_c_leaves_an_import_that_goes_on(tmp_path: Path) -> None:
    """Interrupted in the middle it exits with 130; run again it ends with every event once."""
    count = 12_000
    data = tmp_path / "data"
    run(write(tmp_path, row(0)), "--data", data, "--site", SITE)
    path = write(tmp_path, *[row(n) for n in range(count)])

    with subprocess.Popen(command(path, "--data", data), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        database = data / "bus.db-wal"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (not database.exists() or database.stat().st_size < 1_000_000):
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    told = run(path, "--data", data)

    assert process.returncode == 130
    node = open_node(data)
    try:
        end = node.bus.end(RAW, 0)
        events = [e.header.id for r in node.bus.read(RAW, 0, 0, end) for e in unpack(r.value, node.sealer).events]
    finally:
        node.close()
    assert (told["read"], told["accepted"]) == (count, count)
    assert len(events) == len(set(events)) == count
