"""One flipped bit anywhere in a segment file of a cleanly stopped log is found and named."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from security.audit.segment import HEADER_BYTES
from security.audit.verify import verify
from tests.unit.security.audit.workshop import (
    KEY,
    abandon,
    filled,
    frames,
    open_log,
    release,
    segments,
)

NAMED = {
    "header",
    "frame_crc",
    "frame_length",
    "truncated",
    "tail_not_zero",
    "footer",
}


def flipped(data: bytes, bit: int) -> bytes:
    """Return `data` with one bit turned over."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def regions(data: bytes) -> dict[str, range]:
    """Return the byte ranges of a segment: header, each kind of frame part, and the preallocated space."""
    found = frames(data)
    end = found[-1][0] + 8 + len(found[-1][1])
    parts = {"magic": range(24), "identity": range(24, 160), "padding": range(160, 252), "header crc": range(252, 256)}
    for name, (at, payload) in (("first record", found[0]), ("last frame", found[-1])):
        parts[name + " length"] = range(at, at + 4)
        parts[name + " crc"] = range(at + 4, at + 8)
        parts[name] = range(at + 8, at + 8 + len(payload))
    parts["all frames"] = range(HEADER_BYTES, end)
    if end < len(data):
        parts["space"] = range(end, len(data))
        parts["first of the space"] = range(end, end + 16)
        parts["last of the space"] = range(len(data) - 16, len(data))
    return parts


def unseen(directory: Path, bits_of: Callable[[int], Iterable[int]]) -> list[tuple[str, int]]:
    """Flip bits of every segment file, `bits_of(bytes)` of each; return those that were not found in that file."""
    missed = []
    for path in segments(directory):
        data = path.read_bytes()
        for bit in bits_of(len(data)):
            path.write_bytes(flipped(data, bit))
            report = verify(directory, 2, KEY)
            if report.ok or report.faults[0].kind not in NAMED or not report.faults[0].file.endswith(path.name):
                missed.append((path.name, bit))
        path.write_bytes(data)
    return missed


@pytest.mark.slow
def test_every_bit_of_a_small_log(tmp_path: Path) -> None:
    """Every single bit of a segment file, the space behind the records included, is found with its own name."""
    directory = filled(tmp_path / "audit", (1, 1), step=1_024)

    assert unseen(directory, lambda size: range(size * 8)) == []
    assert verify(directory, 3, KEY).ok


@pytest.mark.slow
def test_a_bit_of_every_byte_of_a_log_of_two_segments(tmp_path: Path) -> None:
    """A bit of every byte of a full segment, its footer included, and of the one after it is found."""
    directory = filled(tmp_path / "audit", (2, 14, 3), step=1_024)

    assert unseen(directory, lambda size: (at * 8 + at % 8 for at in range(size))) == []
    assert verify(directory, 3, KEY).ok


@pytest.mark.parametrize("which", [0, 1, 2])
def test_flips_in_every_region(tmp_path: Path, which: int) -> None:
    """Flips sampled over every region of every file are found, and the offset named is at or before the flip."""
    directory = filled(tmp_path / "audit", (5, 11, 4, 12, 6))
    path = segments(directory)[which]
    data = path.read_bytes()
    draw = random.Random(which)  # noqa: S311 - a reproducible sample
    for name, area in regions(data).items():
        for _ in range(8):
            bit = draw.choice(area) * 8 + draw.randrange(8)
            path.write_bytes(flipped(data, bit))

            report = verify(directory, 3, KEY)

            assert not report.ok, (name, bit)
            assert report.faults[0].kind in NAMED, (name, bit, report.faults)
            assert report.faults[0].offset <= bit // 8, (name, bit, report.faults)


def test_flip_above_the_signed_head_of_a_crashed_log_is_a_torn_tail(tmp_path: Path) -> None:
    """In a log that was not stopped, every flip above the signed head is a torn tail: a notice; below it, a fault."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(n) for n in range(3)])
    log.checkpoint()
    signed_end = log._pipeline.file.end
    log.append([release(n) for n in range(3, 6)])
    end = log._pipeline.file.end
    abandon(log)
    (path,) = segments(directory)
    data = path.read_bytes()

    for at in range(HEADER_BYTES, end):
        path.write_bytes(flipped(data, at * 8 + at % 8))
        report = verify(directory, 3, KEY)
        if at < signed_end:
            assert not report.ok, at
        else:
            assert report.ok, (at, report.faults)
            assert [n.kind for n in report.notices] == ["torn_tail"], at


@pytest.mark.parametrize("name", ["checkpoint", "clean", "log.vkey"])
def test_flips_in_the_small_files(tmp_path: Path, name: str) -> None:
    """Every flipped bit in the head, in the mark of the clean stop and in the log's own key is found."""
    directory = filled(tmp_path / "audit")
    path = directory / name
    data = path.read_bytes()
    for bit in range(len(data) * 8):
        path.write_bytes(flipped(data, bit))

        report = verify(directory, 1, None if name == "log.vkey" else KEY)

        # White space around the verifier key says nothing: only its line break may change unseen.
        assert not report.ok or (name == "log.vkey" and bit // 8 == len(data) - 1), bit
