"""`audit-fuzz`: a million damaged inputs over every parser of the audit log, each read or refused as it says.

Raw is the same loop with a reader that does nothing: what the damaging itself costs.
"""

from __future__ import annotations

import time

from tests.bench.harness import Figure, Report
from tests.unit.security.audit.parsers import Parser, fuzz, parsers

COUNT = 1_000_000


def run() -> Report:
    """Fuzz every parser with its share."""
    known = parsers()
    share = COUNT // len(known)
    started = time.process_time()
    seen = {name: fuzz(parser, share, seed=7) for name, parser in known.items()}
    seconds = time.process_time() - started
    started = time.process_time()
    for parser in known.values():
        fuzz(Parser(lambda _: None, parser.seeds), share // 10, seed=7)
    raw = (time.process_time() - started) * 10
    defects = sum(number for each in seen.values() for code, number in each.items() if code.startswith("DEFECT"))
    inputs = share * len(known)
    return Report(
        "audit-fuzz",
        {"parsers": len(known), "inputs": inputs, "outcomes": {name: dict(each) for name, each in seen.items()}},
        [
            Figure("neither read nor refused by an error of ours", defects, "inputs", floor=0, better="lower"),
            Figure("inputs per second of processor time", inputs / seconds, "1/s", raw=inputs / raw),
        ],
    )
