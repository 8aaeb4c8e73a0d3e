"""A small mapping and a way to write files for it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from services.importer.mapping import Mapping, load_mapping

MAPPING = """
mapping: 1
name: small
source: court-990101/trial
zone: Europe/Rome
activity: act
time: {column: at, precision: day}
subject: {column: case}
district: {value: "990101"}
sequence: [seq]
keep: {state: [complete]}
complete_to: "2013-06-18"
events:
  Create:
    type: traffic.fine.created
    fields:
      amount_cents: {column: amount, as: cents, nil: [NIL]}
      article: {column: article, as: integer}
      served_on: {column: day, as: day}
      urgent: {column: urgent, as: boolean, "true": [Y], "false": [N]}
      kind: {column: kind, codes: {A: car, M: motorcycle}}
  Send:
    type: traffic.fine.sent
"""
HEADER = "seq,case,act,at,state,amount,article,day,urgent,kind"
ROW = "0,A1,Create,2006-07-24T00:00:00+02:00,complete,35.0,157,2006-07-25,Y,A"

WriteFile = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Write lines (or bytes) to a file of that name, packed where it ends in .gz."""

    def writer(*lines: str | bytes, name: str = "log.csv", end: bytes = b"\n") -> Path:
        raw = end.join(line if isinstance(line, bytes) else line.encode() for line in lines) + end
        path = tmp_path / name
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return writer


@pytest.fixture
def mapping(tmp_path: Path) -> Mapping:
    """The small mapping, loaded."""
    return load_text(tmp_path, MAPPING)


def load_text(folder: Path, text: str) -> Mapping:
    """Load a mapping given as text."""
    path = folder / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path)
