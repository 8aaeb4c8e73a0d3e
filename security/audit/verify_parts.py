"""Verification by several processes: each full segment by itself, then what joins them.

A segment needs of those before it only their footers, which their own processes check. Where everything is in order
the report is that of one process. Where anything is not, one process reads the whole log and says what: a fault in one
segment shows in others by other names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

from security.audit.checkpoint import VerifierKey
from security.audit.layout import Layout
from security.audit.passage import Passage, header_at, passage
from security.audit.report import RECORDS, TREE, VerifyReport
from security.audit.verify import Part, Progress, Verification, verify

SEVERAL = 2


def verify_in_parts(
    directory: Path,
    level: int = RECORDS,
    public_key: VerifierKey | None = None,
    *,
    jobs: int = SEVERAL,
    progress: Progress | None = None,
    since: int = 0,
) -> VerifyReport:
    """Verify a log as `verify` does, by up to `jobs` processes.

    Raises:
        AuditMissingError: there is no log.
    """
    layout = Layout(directory)
    layout.require()
    alone = [found for found in _passages(layout) if found.end > since]
    if min(jobs, len(alone)) < SEVERAL or level < TREE:
        return verify(directory, level, public_key, progress=progress, since=since)
    parts = _parts(directory, min(level, RECORDS), public_key, alone, jobs, progress)
    if parts is None or not _joined(layout, parts):
        return verify(directory, level, public_key, progress=progress, since=since)
    rest = Verification(layout, level, 0, layout.signer_head, progress, since=parts[-1].end)
    rest.take(parts)
    report = rest.run(public_key)
    return report if report.ok else verify(directory, level, public_key, progress=progress, since=since)


def verify_part(directory: Path, level: int, public_key: VerifierKey | None, first: int, end: int) -> Part:
    """Verify one full segment of a log, in a process of its own."""
    layout = Layout(directory)
    return Verification(layout, level, 0, layout.signer_head, since=first).part(public_key, end)


def _passages(layout: Layout) -> Iterator[Passage]:
    """Yield the full segments that can be read by themselves, in order."""
    for path in layout.pieces():
        found = passage(path)
        if found is not None:
            yield found


def _parts(
    directory: Path,
    level: int,
    key: VerifierKey | None,
    alone: Sequence[Passage],
    jobs: int,
    progress: Progress | None,
) -> list[Part] | None:
    """Return what processes found, in order; None as soon as one is not in order."""
    done, total, found = 0, sum(each.header.records for each in alone), list[Part]()
    with ProcessPoolExecutor(min(jobs, len(alone)), mp_context=get_context("spawn")) as pool:
        asked = [pool.submit(verify_part, directory, level, key, each.header.first, each.end) for each in alone]
        for future in as_completed(asked):
            part = future.result()
            if not part.ok:
                pool.shutdown(cancel_futures=True)
                return None
            found.append(part)
            done += part.end - part.first
            if progress:
                progress(done, total)
    return sorted(found)


def _joined(layout: Layout, parts: Sequence[Part]) -> bool:
    """Tell whether each segment follows on the last leaf and the lease of the one before, as its process found them."""
    if any(before.end != after.first for before, after in pairwise(parts)):
        return False
    for part in parts:
        following = header_at(layout.segments / f"{part.end:020d}.seg")
        if following is None or following.prev != part.prev or following.epoch < part.epoch:
            return False
    return True
