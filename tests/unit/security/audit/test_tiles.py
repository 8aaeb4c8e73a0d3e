"""The tile export, read by a small reader of our own that knows the specification only (C2SP tlog-tiles)."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from security.audit.checkpoint import opened
from security.audit.evidence import Evidence
from security.audit.policy import Policy
from security.audit.reading import read
from security.audit.tiles import export_tiles, tile_path
from tests.unit.security.audit.workshop import KEY, abandon, open_log, release

POLICY = Policy.of_key(KEY)


class TileReader:
    """Reads a served folder: nothing but paths, hashes and the signed size."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        note = (folder / "checkpoint").read_text(encoding="utf-8")
        self.head = opened(note, KEY)

    def hashes(self, level: int) -> list[bytes]:
        """Return all hashes of a level, from full and partial tiles."""
        count = self.head.size // 256**level
        raw = b"".join(self._file(str(level), count))
        assert len(raw) == count * 32
        return [raw[at : at + 32] for at in range(0, len(raw), 32)]

    def entries(self) -> list[bytes]:
        """Return all entries, from full and partial bundles."""
        found = []
        for raw in self._file("entries", self.head.size):
            at = 0
            while at < len(raw):
                length = int.from_bytes(raw[at : at + 2], "big")
                found.append(raw[at + 2 : at + 2 + length])
                assert len(found[-1]) == length
                at += 2 + length
        return found

    def _file(self, level: str, count: int) -> list[bytes]:
        full, rest = divmod(count, 256)
        paths = [f"tile/{level}/{n:03d}" for n in range(full)] + [f"tile/{level}/{full:03d}.p/{rest}"] * bool(rest)
        return [(self.folder / path).read_bytes() for path in paths]


def root_of(leaves: list[bytes]) -> bytes:
    """Return MTH as RFC 6962 §2.1 writes it."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + root_of(leaves[:half]) + root_of(leaves[half:])).digest()


def check(folder: Path, log: Path) -> None:
    """Check every file of an export against the entries, the entries against the log, the root against the head."""
    reader = TileReader(folder)
    entries = reader.entries()
    leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
    assert entries == [stored.entry for stored in read(log)][: reader.head.size]
    assert reader.hashes(0) == leaves
    level = 1
    while reader.head.size // 256**level:
        width = 256**level
        assert reader.hashes(level) == [
            root_of(leaves[n * width : n * width + width]) for n in range(len(leaves) // width)
        ]
        level += 1
    assert root_of(leaves) == reader.head.root


def test_paths() -> None:
    """The examples of the specification."""
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 0) == "tile/entries/000"
    assert tile_path(1, 999, 17) == "tile/1/999.p/17"
    assert tile_path(2, 1000, 1) == "tile/2/x001/000.p/1"


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700])
def test_an_export(tmp_path: Path, size: int) -> None:
    """Logs of sizes around a tile are exported whole."""
    log = open_log(tmp_path / "audit", span=10)
    log.append([release(n) for n in range(size)])
    log.close()
    done = export_tiles(Evidence.open(tmp_path / "audit", POLICY), tmp_path / "out")

    assert done is not None
    assert (done.size, done.before) == (size, 0)
    check(tmp_path / "out", tmp_path / "audit")
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_exports_that_grow(tmp_path: Path) -> None:
    """A later export adds only what is new; records above the head are not exported."""
    log = open_log(tmp_path / "audit", span=10)
    out = tmp_path / "out"
    for first, count in ((0, 100), (100, 156), (256, 1), (257, 600)):
        log.append([release(first + n) for n in range(count)])
        log.checkpoint()
        done = export_tiles(Evidence.open(tmp_path / "audit", POLICY), out)
        assert done is not None
        assert (done.size, done.before) == (first + count, first)
        check(out, tmp_path / "audit")
    full = (out / "tile/0/000").stat().st_mtime_ns
    log.append([release(n) for n in range(10)])
    again = export_tiles(Evidence.open(tmp_path / "audit", POLICY), out)
    abandon(log)

    assert again is not None
    assert again.size == 857
    assert (out / "tile/0/000").stat().st_mtime_ns == full
    check(out, tmp_path / "audit")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    """A folder with other things, with another log, with a longer one, or with another history is left alone."""
    for name, count in (("audit", 5), ("fork", 3)):
        log = open_log(tmp_path / name)
        log.append([release(n) for n in range(count)])
        log.close()
    evidence, fork = (Evidence.open(tmp_path / name, POLICY) for name in ("audit", "fork"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter").write_text("x", encoding="utf-8")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "checkpoint").write_text("x", encoding="utf-8")
    assert export_tiles(fork, tmp_path / "forked") is not None
    assert export_tiles(evidence, tmp_path / "longer") is not None

    for folder, source in (("other", evidence), ("broken", evidence), ("forked", evidence), ("longer", fork)):
        assert export_tiles(source, tmp_path / folder) is None
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["letter"]
