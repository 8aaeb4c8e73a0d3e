"""Killing the writer of one log again and again, at random moments, and counting what it had acknowledged."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from security.audit.checkpoint import VerifierKey
from security.audit.directory_replica import compare_directory
from security.audit.reading import read
from security.audit.record import Entry
from security.audit.verify import verify
from tests.integration.audit_fault_work import ORIGIN, SIGNER, open_all

MOMENTS = 0.03
"""Seconds within which a kill comes, from the start of a life or from its first acknowledgement."""
OPENING = 0.3
"""Share of the kills that may come while the log is opened."""


@dataclass
class Killed:
    """What a run of kills has shown."""

    kills: int = 0
    acknowledged: int = 0
    records: int = 0
    lost: int = 0
    faults: list[str] = field(default_factory=list)


def live(folder: Path, told: int) -> None:
    """Open the log and append for ever; say each acknowledged record on `told`."""
    log, _replica = open_all(folder)
    number = 0
    while True:
        done = log.append([Entry(act="admin", obj=f"o{n}") for n in range(number % 5 + 1)])
        os.write(told, f"{done.last} {done.leaves[-1].hex()}\n".encode())
        number += 1
        if not number % 3:
            log.checkpoint()


def await_word(path: Path, size: int) -> None:
    """Wait until more was acknowledged."""
    until = time.monotonic() + 30
    while path.stat().st_size <= size and time.monotonic() < until:
        time.sleep(0.001)


def kill_at_random(folder: Path, kills: int, seed: int) -> Killed:
    """Kill so often, then open once more and judge."""
    rng, report = random.Random(seed), Killed()  # noqa: S311 - kills that can be repeated
    path = folder / "acknowledged"
    told = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    context = multiprocessing.get_context("fork")
    try:
        while report.kills < kills:
            child = context.Process(target=live, args=(folder, told))
            child.start()
            if rng.random() > OPENING:
                await_word(path, path.stat().st_size)
            time.sleep(rng.uniform(0, MOMENTS))
            child.kill()
            child.join()
            if child.exitcode != -signal.SIGKILL:
                report.faults.append(f"life {report.kills} ended by itself with {child.exitcode}")
                break
            report.kills += 1
    finally:
        os.close(told)
    log, replica = open_all(folder)
    log.close()
    compare_directory(folder / "audit", replica)
    replica.close()
    judged = verify(folder / "audit", 3, VerifierKey(ORIGIN, SIGNER.public_key))
    report.faults += [fault.kind for fault in judged.faults]
    leaves = {each.seq: each.leaf.hex() for each in read(folder / "audit")}
    said = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    report.acknowledged, report.records = len(said), len(leaves)
    report.lost = sum(leaves.get(int(seq)) != leaf for seq, leaf in said)
    return report
