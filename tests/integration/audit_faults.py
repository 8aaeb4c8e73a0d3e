"""Making the n-th system call of a log or a witness fail, and judging what is left."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from security.audit.checkpoint import VerifierKey
from security.audit.directory_replica import DirectoryReplica, compare_directory
from security.audit.errors import AuditMissingError
from security.audit.reading import read
from security.audit.record import Entry
from security.audit.runs import RunTable
from security.audit.verify import verify
from security.audit.witnessing import Submission
from services.witness.store import WitnessStore
from tests.house.tree import ROOT
from tests.integration.audit_fault_work import CODED, MARK, ORIGIN, SIGNER, open_all, retire_old, write_old

CALLS = (
    "openat",
    "write",
    "pwrite64",
    "fdatasync",
    "fsync",
    "rename",
    "mkdir",
    "link",
    "linkat",
    "unlink",
    "ftruncate",
    "fallocate",
    "sendfile",
)
"""What the log, its signer, checker and replica, and a witness's database change files with."""
FAULTS = ("error=EIO", "error=ENOSPC", "signal=KILL")
KILLED = {-9, 137}
RETIRED_SEGMENTS = 2
ANY = Entry(act="admin", obj="any")
_CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\((.*)")


@dataclass(frozen=True)
class Case:
    """Fail call number `at` (from 1, of its name, over the whole process) of `work` with `fault`."""

    work: str
    call: str
    at: int
    fault: str


def stage(folder: Path, work: str) -> Path:
    """Make what a run begins with: an empty folder, an old log to be retired, or submissions to a witness."""
    folder.mkdir(parents=True)
    if work == "log":
        return folder
    if work == "retire":
        write_old(folder)
        return folder
    (folder / "witness").mkdir()
    key = VerifierKey(ORIGIN, SIGNER.public_key)
    (folder / "logs").write_text(f"log {key.text}\nquorum none\n", encoding="utf-8")
    log, replica = open_all(folder / "source")
    for number in range(1, 5):
        old = log.head.size
        log.append([ANY] * number)
        note = log.checkpoint()
        proof = RunTable(folder / "source" / "audit").tree(log.size).consistency_proof(old, log.size) if old else []
        (folder / f"{number}.body").write_bytes(Submission(old, tuple(proof), note).body)
    log.close()
    replica.close()
    return folder


def traced(folder: Path, work: str, options: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the work under strace."""
    command = ["strace", "-f", "-qq", *options, sys.executable, "-B", "-m", "tests.integration.audit_fault_work"]
    return subprocess.run(
        [*command, work, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def cases(folder: Path, work: str) -> list[Case]:
    """Count the calls of an undisturbed run behind the mark, and return every way to disturb one of them."""
    log = folder.with_name(folder.name + ".strace")
    names = ",".join((*CALLS, "stat", "newfstatat", "statx"))
    done = traced(stage(folder, work), work, ["-o", str(log), "-e", f"trace={names}"])
    assert done.returncode == 0, done.stderr
    seen: dict[str, int] = {}
    found: list[Case] = []
    begun = False
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        matched = _CALL.match(line)
        if matched is None:
            continue
        name = matched[1]
        begun = begun or MARK in matched[2]
        seen[name] = seen.get(name, 0) + 1
        acknowledges = name == "write" and matched[2].startswith("1,")
        if begun and name in CALLS and not acknowledges:
            found += [Case(work, name, seen[name], fault) for fault in FAULTS]
    return found


def disturb(folder: Path, case: Case) -> str:
    """Run one case and return what is wrong afterwards; empty where all is as promised."""
    stage(folder, case.work)
    options = ["-o", "/dev/null", "-e", f"trace={case.call}", "-e", f"inject={case.call}:{case.fault}:when={case.at}"]
    done = traced(folder, case.work, options)
    if done.returncode not in {0, CODED, *KILLED}:
        return f"ended with {done.returncode}: {done.stderr.strip().splitlines()[-5:]}"
    acknowledged = done.stdout.splitlines()
    wrong = JUDGES[case.work](folder, acknowledged)
    shutil.rmtree(folder, ignore_errors=True)
    return wrong


def judge_log(folder: Path, acknowledged: list[str]) -> str:
    """What was acknowledged is there, the log verifies before and after it is opened again, both places agree."""
    directory, key = folder / "audit", VerifierKey(ORIGIN, SIGNER.public_key)
    try:
        before = verify(directory, 3, key)
    except AuditMissingError:
        before = None
    # A log killed in its first moments has no head yet; opening makes it.
    if before and before.records and not before.ok:
        return f"before: {[fault.kind for fault in before.faults]}"
    write_log_again(folder)
    after = verify(directory, 3, key)
    if not after.ok:
        return f"after: {[fault.kind for fault in after.faults]}"
    leaves = {each.seq: each.leaf.hex() for each in read(directory)}
    for line in acknowledged:
        seq, leaf = line.split()
        if leaves.get(int(seq)) != leaf:
            return f"record {seq} was acknowledged and is lost"
    return ""


def write_log_again(folder: Path) -> None:
    """Open the log as the next start does, write one group more, stop, and compare the replica."""
    log, replica = open_all(folder)
    log.append([ANY])
    log.close()
    compare_directory(folder / "audit", replica)
    replica.close()


def judge_retired(folder: Path, acknowledged: list[str]) -> str:
    """Either the segments are there or a record says who retired them; the next run brings it to its end."""
    directory, key = folder / "audit", VerifierKey(ORIGIN, SIGNER.public_key)
    before = verify(directory, 3, key)
    if not before.ok:
        return f"before: {[fault.kind for fault in before.faults]}"
    if acknowledged and len(before.retired) != RETIRED_SEGMENTS:
        return f"retired by record {acknowledged}, and still there"
    retire_old(folder)
    after = verify(directory, 3, key)
    if not after.ok or len(after.retired) != RETIRED_SEGMENTS:
        return f"after: {[fault.kind for fault in after.faults]}, {len(after.retired)} retired"
    if len(list((folder / "archive").glob("*.seg"))) != RETIRED_SEGMENTS:
        return "the archive lacks a segment"
    replica = DirectoryReplica(folder / "replica", ORIGIN)
    compare_directory(directory, replica)
    kept = len(replica.kept_files())
    replica.close()
    return "" if kept == RETIRED_SEGMENTS else "the replica lacks what stays"


def judge_witness(folder: Path, acknowledged: list[str]) -> str:
    """Every size that was signed is still known, nothing below it is signed again, and the rest can go on."""
    store = WitnessStore(folder / "witness" / "witness.db")
    try:
        if store.behind:
            return "the mark is ahead of the database"
        known, newest = store.heads(ORIGIN), store.newest(ORIGIN)
        lost = [line for line in acknowledged if int(line) not in known]
        if lost:
            return f"signed and forgotten: {lost}"
        if acknowledged and (newest is None or newest.head.size < int(acknowledged[-1])):
            return "the newest head is older than what was signed"
    finally:
        store.close()
    return ""


JUDGES: Mapping[str, Callable[[Path, list[str]], str]] = {
    "log": judge_log,
    "retire": judge_retired,
    "witness": judge_witness,
}
"""Work → what must hold after it was disturbed."""
