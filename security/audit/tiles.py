"""Export of a log as a C2SP tlog-tiles tree: `checkpoint`, `tile/<L>/<N>`, `tile/entries/<N>`.

The folder can be served as it is by any web server; a monitor that knows nothing of us reads and checks it. A later
export to the same folder adds what is new. The checkpoint is written last: no head without its tiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from security.audit.checkpoint import Checkpoint, unverified
from security.audit.errors import NoteError
from security.audit.evidence import Evidence
from security.audit.files import write_durably
from security.audit.tree import EMPTY_ROOT, TILE

WIDTH = 1 << TILE
_GROUP = 1_000


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote: files, and the size of the head over them. `before`: the size that was there already."""

    files: int
    size: int
    before: int


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """Return the path of a tile or, with level `entries`, of an entry bundle; `width` below 256 makes it a partial one.

    1234067 is written x001/x234/067 (C2SP tlog-tiles, Merkle Tree).
    """
    parts = [f"{number % _GROUP:03d}"]
    while number >= _GROUP:
        number //= _GROUP
        parts.insert(0, f"x{number % _GROUP:03d}")
    return f"tile/{level}/{'/'.join(parts)}" + ("" if width == WIDTH else f".p/{width}")


def export_tiles(evidence: Evidence, folder: Path) -> Exported | None:
    """Write the log under its signed head to `folder`; None, and nothing written, where it holds something else.

    Raises:
        OSError: the folder cannot be written; the checkpoint there, if any, is whole and its tiles are too.
    """
    before = _exported(evidence, folder)
    if before is None:
        return None
    files = 0
    for path, content in _files(evidence, before):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(target.name + ".tmp")
        draft.write_bytes(content)
        draft.replace(target)
        files += 1
    write_durably(folder / "checkpoint", evidence.note.encode())
    return Exported(files + 1, evidence.head.size, before)


def _exported(evidence: Evidence, folder: Path) -> int | None:
    """Return the size that was exported to `folder` before; None where it is no earlier export of this log."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        known = unverified((folder / "checkpoint").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None if any(folder.iterdir()) and not (folder / "tile").is_dir() else 0
    except (NoteError, UnicodeDecodeError):
        return None
    return known.size if _continues(evidence, known) else None


def _continues(evidence: Evidence, known: Checkpoint) -> bool:
    head, tree = evidence.head, evidence.tree
    if known.origin != head.origin or known.size > head.size:
        return False
    return known.root == (tree.root(known.size) if known.size else EMPTY_ROOT)


def _files(evidence: Evidence, before: int) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of what is not among the full tiles of size `before`."""
    size, tree = evidence.head.size, evidence.tree
    retired = evidence.runs.retired
    for number in range(before >> TILE, -(-size // WIDTH)):
        if number < retired:
            # C2SP tlog-tiles, Pruning: below the minimum index there are hash tiles and no entries.
            yield tile_path(0, number), b"".join(evidence.runs.leaves(number, size))
            continue
        records = evidence.runs.read(number, size)
        width = len(records.entries)
        bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in records.entries)
        yield tile_path("entries", number, width), bundle
        yield tile_path(0, number, width), b"".join(records.leaves)
    level = 1
    while count := size >> TILE * level:
        for number in range((before >> TILE * level) // WIDTH, -(-count // WIDTH)):
            nodes = range(number * WIDTH, min((number + 1) * WIDTH, count))
            yield tile_path(level, number, len(nodes)), b"".join(tree.node(TILE * level, node) for node in nodes)
        level += 1
