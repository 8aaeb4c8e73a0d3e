"""Going past a full segment without reading its records: header, footer, and what the next segment says it follows.

Nothing of it is believed: the footer's root leads to the signed root or does not. ADR 0005.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from security.audit.layout import KEPT, Layout
from security.audit.segment import HEADER_BYTES, Footer, Header, SegmentFormError
from security.audit.walk import footer_frame_bytes, last_footer


class Passage(NamedTuple):
    """A full segment from outside: its header, its footer, and the leaf before the next segment as that one has it."""

    header: Header
    footer: Footer
    prev: bytes

    @property
    def end(self) -> int:
        """The number of the first record behind it."""
        return self.header.first + self.header.records


def number_at(layout: Layout, ts: int) -> int:
    """Return the first record of the first segment that has, or may have, one written at `ts` (µs) or later."""
    number = 0
    for path in layout.pieces():
        found = passage(path)
        if found is not None and found.footer.last_ts < ts:
            number = found.end
    return number


def header_at(path: Path) -> Header | None:
    """Read the header of a segment; None where there is none."""
    try:
        with path.open("rb") as file:
            return Header.decode(file.read(HEADER_BYTES))
    except (FileNotFoundError, SegmentFormError):
        return None


def passage(path: Path) -> Passage | None:
    """Look at a segment from outside; None where it is not full, is not the form of one, or nothing follows it."""
    header = None if path.suffix == KEPT else header_at(path)
    following = None if header is None else header_at(path.with_name(f"{header.first + header.records:020d}.seg"))
    if header is None or following is None:
        return None
    with path.open("rb") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - footer_frame_bytes(header), 0))
        footer = last_footer(file.read(), header)
    return None if footer is None else Passage(header, footer, following.prev)
