"""Moving a data directory from an older layout to the present one. Each step can be done twice; the version comes last.

Layout 2 has DIR/audit.json, so that the log's replica and witnesses are found without a site file, and the checker's
own head in DIR/audit-checker, which the checker makes when the next head is signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemas.clock import SECOND
from security.audit.witnessed import MAX_UNWITNESSED
from services.node.layout import LAYOUT_VERSION, DataDirectory, write_private


def upgrade(data: DataDirectory, record: Callable[[int, int], None]) -> None:
    """Bring a locked directory to the present layout; `record` is told (from, to) before the version is written."""
    before = data.layout()
    if before == LAYOUT_VERSION:
        return
    for version in range(before, LAYOUT_VERSION):
        STEPS[version](data)
    record(before, LAYOUT_VERSION)
    data.write_layout(LAYOUT_VERSION)


def _to_2(data: DataDirectory) -> None:
    if not data.audit_settings.is_file():
        settings = {"replica": "", "max_unwitnessed": MAX_UNWITNESSED // SECOND, "since": 0}
        write_private(data.audit_settings, settings)


STEPS: Mapping[int, Callable[[DataDirectory], None]] = {1: _to_2}
"""Version → what leads to the next one."""
