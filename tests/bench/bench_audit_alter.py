"""`audit-alter`: everything that can be altered in a log, its heads, its index and its bundles is found and named.

Every bit of a 64 KiB log, a hundred thousand sampled bits of a 1 MB one; records edited, dropped, swapped, duplicated,
inserted and chained anew; segments gone, exchanged, or taken away as if they were retired; rollback and truncation;
other keys; split views; index lies; forged bundles. `CASEBUS_ALTER_SHARE` (0 to 1) takes a share of the flips, evenly
spread, where the whole is too long; all processors take part. Raw is the time that hashing the same bytes takes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from itertools import repeat
from pathlib import Path

from schemas.clock import ManualClock
from schemas.errors import CasebusError
from security.audit.bundle import verify_bundle
from security.audit.errors import AuditRolledBackError
from security.audit.fork import ForkEvidence
from security.audit.kept import keep, kept_path
from security.audit.layout import Layout
from security.audit.policy import Policy
from security.audit.segment import Header
from security.audit.terms import Question
from security.audit.tree import Tree
from security.audit.verify import verify
from services.auditor.errors import IndexLiesError
from services.auditor.search import Searcher
from tests.bench.harness import Figure, Report
from tests.unit.security.audit.evidence_shop import POLICY, forgeries, resealed, witnessed
from tests.unit.security.audit.retirement_shop import let_go, old_log, surveyed
from tests.unit.security.audit.test_flips import NAMED, flipped
from tests.unit.security.audit.test_tamper import ALTERATIONS, RECORDS, altered, edited, raw_log, rechained
from tests.unit.security.audit.workshop import KEY, NOW, copy_of, filled, open_log, release, segments

SMALL = 64 << 10
LARGE = 1 << 20
SAMPLED = 100_000
CHUNK = 4_096
"""Flips of one piece of work: all processors take part."""
Outcome = tuple[str, bool]
"""What was altered, and whether it was found and named as what it is."""


def run() -> Report:
    """Alter everything; the load says how much."""
    share = float(os.environ.get("CASEBUS_ALTER_SHARE", "1"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        small, bits, seconds, raw = _flips(_log(root / "small" / "audit", SMALL), None, share)
        large, sampled, more, more_raw = _flips(_log(root / "large" / "audit", LARGE), SAMPLED, share)
        changes = [*_records(root / "r"), *_heads(root / "h"), *_index(root / "i"), *_bundles(root / "b")]
    missed = [name for name, found in changes if not found]
    return Report(
        "audit-alter",
        {"share of flips": share, "bits of 64 KiB": bits, "bits of 1 MB": sampled, "alterations": len(changes),
         "missed": [*small[:10], *large[:10], *missed]},
        [
            Figure("flipped bits not found and named", len(small) + len(large), "bits", floor=0, better="lower"),
            Figure("alterations not found and named", len(missed), "alterations", floor=0, better="lower"),
            Figure("verifications of flips", (bits + sampled) / (seconds + more), "1/s",
                   raw=(bits + sampled) / (raw + more_raw)),
        ],
    )  # fmt: skip


def _log(directory: Path, least: int) -> Path:
    """Make a cleanly stopped log of at least so many bytes, its preallocated space included."""
    log, number = open_log(directory, span=12, step=4_096), 0
    while sum(path.stat().st_size for path in segments(directory)) < least:
        log.append([release(number + n) for n in range(16)])
        number += 16
    log.close()
    return directory


def _flips(directory: Path, sample: int | None, share: float) -> tuple[list[str], int, float, float]:
    """Flip bits one at a time; return those that were missed, how many were flipped, and processor seconds."""
    draw, missed, count = random.Random(1), list[str](), 0  # noqa: S311 - a reproducible sample
    whole = sum(path.stat().st_size for path in segments(directory))
    seconds = raw = 0.0
    with ProcessPoolExecutor() as pool:
        for path in segments(directory):
            data = path.read_bytes()
            bits = _bits(len(data) * 8, draw, sample and sample * len(data) // whole, share)
            chunks = [bits[at : at + CHUNK] for at in range(0, len(bits), CHUNK)]
            for lost, took in pool.map(_flipped_some, repeat(directory), repeat(path.name), chunks):
                missed += lost
                seconds += took
                count += CHUNK
                sys.stderr.write(f"{path.name}: {min(count, len(bits))} of {len(bits)} bits, {len(missed)} missed\n")
            count += len(bits) - len(chunks) * CHUNK
            started = time.process_time()
            for _ in range(20):
                sha256(data).digest()
            raw += (time.process_time() - started) / 20 * len(bits) * whole / len(data)
    assert verify(directory, 3, KEY).ok
    return missed, count, seconds, raw


def _flipped_some(directory: Path, name: str, bits: Sequence[int]) -> tuple[list[str], float]:
    """Flip these bits of one segment, in a copy of the log; return those that were missed, and processor seconds."""
    missed, seconds = list[str](), 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = copy_of(directory, Path(folder) / "audit") / "segments" / name
        data = path.read_bytes()
        for bit in bits:
            path.write_bytes(flipped(data, bit))
            started = time.process_time()
            report = verify(path.parents[1], 2, KEY)
            seconds += time.process_time() - started
            fault = None if report.ok else report.faults[0]
            if fault is None or fault.kind not in NAMED or not fault.file.endswith(name):
                missed.append(f"{name}:{bit}")
    return missed, seconds


def _bits(total: int, draw: random.Random, sample: int | None, share: float) -> list[int]:
    if sample is None:
        return list(range(0, total, max(1, round(1 / share))))
    return draw.sample(range(total), max(1, round(sample * share)))


def _kinds(directory: Path, level: int = 3) -> list[str]:
    return [fault.kind for fault in verify(directory, level, KEY).faults]


def _records(root: Path) -> Iterator[Outcome]:
    """Records, commits and groups altered with checksums mended; and everything chained anew."""
    for number, (name, (change, kind, seq)) in enumerate(ALTERATIONS.items()):
        directory = altered(filled(root / str(number) / "audit", (5, 4)), change)
        report = verify(directory, 2, KEY)
        yield name, [(fault.kind, fault.seq) for fault in report.faults] == [(kind, seq)]
    for number, (name, (bodies, commit, expected)) in enumerate(RECORDS.items()):
        report = verify(raw_log(root / f"raw{number}" / "audit", bodies, commit), 3, KEY)
        yield f"written with the key: {name}", [(f.kind, f.seq) for f in report.faults] == expected
    for name, rewrite, kind in (
        ("edited and chained anew", lambda f: [edited(f[0], b'"m0"', b'"mX"'), *f[1:]], "head_root"),
        ("dropped and chained anew", lambda f: f[1:], "truncated"),
    ):
        directory = filled(root / name / "audit", (5, 4))
        prev = Header.decode(segments(directory)[0].read_bytes()).prev
        altered(directory, lambda f, rewrite=rewrite, prev=prev: rechained(rewrite(f), prev))  # type: ignore[misc]
        yield name, _kinds(directory, 2) == [kind]


def _heads(root: Path) -> Iterator[Outcome]:
    """Segments, heads, rollback, a split view."""
    made = filled(root / "made" / "audit", (16, 16, 16, 2))
    acts: dict[str, tuple[Callable[[list[Path]], object], str]] = {
        "first segment gone": (lambda s: s[0].unlink(), "segment_missing"),
        "middle segment gone": (lambda s: s[1].unlink(), "segment_missing"),
        "last segment gone": (lambda s: s[-1].unlink(), "truncated"),
        "segments exchanged": (lambda s: s[1].write_bytes(s[2].read_bytes()), "segment_missing"),
        "no segment left": (lambda s: shutil.rmtree(s[0].parent), "truncated"),
    }
    # A folder that is gone has no segments either.
    for number, (name, (act, kind)) in enumerate(acts.items()):
        directory = copy_of(made, root / str(number) / "audit")
        act(segments(directory))
        yield name, _kinds(directory)[0] == kind
    yield "rollback to yesterday's folder", _rolled_back(root / "back")
    yield from _retired(root / "retired")
    yield "a split view", _split_view(root / "split")


def _retired(root: Path) -> Iterator[Outcome]:
    """Segments taken away under the name of retention, and what stays of those that were retired."""
    made = old_log(root / "made" / "audit")
    taken = copy_of(made, root / "taken" / "audit")
    keep(Layout(taken), surveyed(taken)[0].kept)
    segments(taken)[0].unlink()
    yield "hashes in the place of a segment, and no record", _kinds(taken) == ["retired_unrecorded"]
    let_go(made)
    assert not _kinds(made)
    for number, (name, first, kind) in enumerate((("first", 0, "segment_missing"), ("second", 256, "segment_missing"))):
        directory = copy_of(made, root / str(number) / "audit")
        kept_path(Layout(directory), first).unlink()
        yield f"the {name} file of hashes gone", _kinds(directory)[0] == kind
    path = kept_path(Layout(made), 256)
    data, named = path.read_bytes(), {"kept", "segment_missing", "header_link"}
    every = range(0, len(data) * 8, 11)
    found = []
    for bit in every:
        path.write_bytes(flipped(data, bit))
        found.append(bool(named & set(_kinds(made, 2))))
    yield "what stays of a segment: every eleventh bit", all(found)


def _rolled_back(root: Path) -> bool:
    """Put an older copy of the log back beside the signer's own head: it does not open, and does not verify."""
    directory = filled(root / "audit", (5,))
    shutil.copytree(directory, root / "old")
    log = open_log(directory)
    log.append([release(9)])
    log.close()
    shutil.rmtree(directory)
    shutil.copytree(root / "old", directory)
    try:
        open_log(directory).close()
    except AuditRolledBackError:
        return "truncated" in _kinds(directory, 2)
    return False


def _split_view(root: Path) -> bool:
    """Two heads of one key and size: the evidence verifies by itself, and only where there are two histories."""
    notes, trees = list[str](), list[Tree]()
    for name in ("one", "two"):
        log = open_log(root / name / "audit", clock=ManualClock(NOW + len(name) + len(notes)))
        appended = log.append([release(n, view=name) for n in range(9)])
        tree = Tree()
        tree.extend(appended.leaves)
        notes.append(log.checkpoint())
        trees.append(tree)
        log.close()
    policy = Policy.of_key(KEY)
    ForkEvidence(notes[0], notes[1], trees[1].root(9), ()).verify(policy)
    try:
        ForkEvidence(notes[0], notes[0], trees[0].root(9), ()).verify(policy)
    except CasebusError:
        return True
    return False


LIES = (
    "UPDATE runs SET tile = zeroblob(32) WHERE number = 1",
    "UPDATE runs SET offset = offset + 1 WHERE number = 1",
    "UPDATE runs SET prev = zeroblob(32) WHERE number = 1",
    "UPDATE runs SET blocks = zeroblob(1280) WHERE number = 1",
    "UPDATE runs SET blocks = (SELECT blocks FROM runs WHERE number = 0) WHERE number = 1",
    "DELETE FROM runs WHERE number = 1",
    "DELETE FROM terms_0 WHERE term = (SELECT min(term) FROM terms_0)",
    "DELETE FROM terms_0",
)


def _index(root: Path) -> Iterator[Outcome]:
    """An index that is altered never shows anything false, and an exhaustive search tells what it hides."""
    directory = filled(root / "audit", [64] * 16, span=10, step=1 << 20)
    question, policy = Question(event=tuple(f"{n:032x}" for n in range(0, 1_024, 7))), Policy.of_key(KEY)
    with Searcher.open(directory, policy, root / "true.db") as searcher:
        expected = [hit.leaf for hit in searcher.search(question, 2_000, exhaustive=True).hits]
    for number, lie in enumerate(LIES):
        path = root / f"{number}.db"
        Searcher.open(directory, policy, path).index.close()
        database = sqlite3.connect(path, isolation_level=None)
        database.execute(lie)
        database.close()
        try:
            with Searcher.open(directory, policy, path) as searcher:
                found = searcher.search(question, 2_000, exhaustive=True)
            yield lie, [hit.leaf for hit in found.hits] == expected
        except IndexLiesError:
            yield lie, True


def _bundles(root: Path) -> Iterator[Outcome]:
    """Every forgery of a bundle has its code; so has every flipped bit of one."""
    evidence, earlier = witnessed(root / "audit")
    content = evidence.bundle((0, 100, 101, 255, 299), earlier)
    for name, change, code in forgeries(earlier):
        document = json.loads(content)
        change(document)
        yield f"bundle: {name}", _refused(resealed(document)) == code
    yield "bundle: every bit", all(_refused(flipped(content, bit)) for bit in _every(content))


def _every(content: bytes) -> Iterable[int]:
    return range(len(content) * 8)


def _refused(content: bytes) -> str:
    """Return the code with which a bundle is refused, or nothing."""
    try:
        verify_bundle(content, POLICY)
    except CasebusError as error:
        return error.code
    return ""
