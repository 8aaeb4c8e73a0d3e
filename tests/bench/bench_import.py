"""`import`: the whole road fines log through a node's door, then released, supervised and projected.

The alerts that stand at the end must be those of the back-test of the plain file, id by id and state by state. Raw is
the same bytes in as many SQLite rows and as many commits, with an fdatasync of the audit log's share each.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from services.importer.importer import SLICE
from tests.bench.disk import raw_seconds, written_by
from tests.bench.fines import fines_log, import_whole
from tests.bench.harness import Figure, Report
from tests.integration.fines_log import EVENTS, final_in, final_of, from_file, models


def run() -> Report:
    """Import once, pump once."""
    log = fines_log()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "node"
        began = time.perf_counter()
        node = import_whole(data, log)
        imported = time.perf_counter() - began
        began = time.perf_counter()
        node.pump()
        pumped = time.perf_counter() - began
        node.close()
        found, expected = final_in(data), final_of(from_file(log))
        if found != expected:
            raise AssertionError(len(found.items() ^ expected.items()))
        raw = EVENTS / raw_seconds(written_by(data), 2 * EVENTS // SLICE)
    load = {
        "events": EVENTS,
        "slice": SLICE,
        "subscriptions": 1,
        "models": [model.id for model in models()],
        "alerts": len(found),
        "load average": round(os.getloadavg()[0], 1),
    }
    figures = [
        Figure("rows through the door", EVENTS / imported, "rows/s", raw=raw),
        Figure("released, supervised, projected", EVENTS / pumped, "events/s", raw=raw),
        Figure("both", EVENTS / (imported + pumped), "events/s", raw=raw),
    ]
    return Report("import", load, figures)
