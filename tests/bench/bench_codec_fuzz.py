"""`codec-fuzz`: a million damaged byte strings over every contract, each decoded or refused with a code.

Any other exception ends the bench. Memory is the growth of the process's own peak while it runs. Raw is the same loop
with a reader that does nothing: what the damaging itself costs.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from schemas.catalogue import Contracts
from tests.bench.harness import Figure, Report
from tests.unit.schemas.mutations import bodies_of, outcomes

COUNT = 1_000_000
MEMORY_MIB = 64
CODES = {f"codec.{what}" for what in ("truncated", "length", "varint", "utf8", "symbol", "trailing")}


def peak_mib() -> float:
    """Return the peak resident size of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fuzz(readers: Sequence[Callable[[bytes], Any]], bodies: Sequence[bytes]) -> tuple[Counter[str], float]:
    """Read `COUNT` damaged bodies; return the outcomes and the seconds it took."""
    started = time.perf_counter()
    seen = outcomes(readers, bodies, COUNT, seed=1)
    return seen, time.perf_counter() - started


def run() -> Report:
    """Fuzz every contract's decoder."""
    contracts = Contracts.load().all()
    bodies = bodies_of(contracts)
    readers = [contract.codec.decode for contract in contracts]
    before = peak_mib()
    seen, seconds = fuzz(readers, bodies)
    grown = peak_mib() - before
    _, raw = fuzz([lambda _: {}], bodies)
    wrong = sum(number for code, number in seen.items() if code != "record" and code not in CODES)
    return Report(
        "codec-fuzz",
        {"contracts": len(contracts), "byte strings": COUNT, "outcomes": dict(sorted(seen.items()))},
        [
            Figure("neither decoded nor refused with a code", wrong, "strings", floor=0, better="lower"),
            Figure("growth of the peak", round(grown, 1), "MiB", floor=MEMORY_MIB, better="lower"),
            Figure("byte strings", COUNT / seconds, "1/s", raw=COUNT / raw),
        ],
    )
