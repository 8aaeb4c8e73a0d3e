"""Rows as events: what goes through the door, and what is rejected with its line."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from schemas.event import derived_id, sequence_of
from services.importer.mapping import Mapping, MappingError
from services.importer.opening import open_file
from services.importer.place import Place
from services.importer.plan import sequence_part
from services.importer.reader import portions
from services.importer.rejection import RowError
from tests.unit.services.importer.conftest import HEADER, MAPPING, ROW, WriteFile, load_text


def events_of(mapping: Mapping, path: Path) -> list[dict[str, Any]]:
    """Return all events of a file."""
    return [event for portion in portions(mapping, open_file(mapping, path)) for event in portion.events]


def faults_of(mapping: Mapping, path: Path) -> list[tuple[Place, str, str]]:
    """Return line, code and column of all rejections of a file."""
    return [
        (r.place, r.code, r.column)
        for portion in portions(mapping, open_file(mapping, path))
        for r in portion.rejections
    ]


def test_a_row_becomes_a_cloud_event(mapping: Mapping, write: WriteFile) -> None:
    """Every attribute and field, typed and in JSON form."""
    sequence = sequence_of(0)

    assert events_of(mapping, write(HEADER, ROW)) == [
        {
            "specversion": "1.0",
            "id": str(uuid.UUID(bytes=derived_id("court-990101/trial", sequence))),
            "type": "traffic.fine.created",
            "source": "court-990101/trial",
            "sequence": sequence,
            "subject": "A1",
            "time": "2006-07-23T22:00:00Z",
            "district": "990101",
            "datacontenttype": "application/json",
            "data": {
                "amount_cents": 3500,
                "article": 157,
                "served_on": "2006-07-25",
                "urgent": True,
                "kind": "car",
            },
        }
    ]


def test_empty_and_nil_texts_are_no_values(mapping: Mapping, write: WriteFile) -> None:
    """An absent attribute stays absent, however the file writes it."""
    path = write(HEADER, "1,A1,Create,2006-07-24T00:00:00+02:00,complete,NIL,,,,")

    assert events_of(mapping, path)[0]["data"] == {}


@pytest.mark.parametrize(
    ("old", "new", "code", "column"),
    [
        (",A\n", ",A,extra\n", "importer.columns", ""),
        ("Create", "Destroy", "importer.activity", "act"),
        ("complete", "started", "importer.not_kept", "state"),
        ("35.0", "many", "importer.value", "amount"),
        ("2006-07-24T00", "2006-07-24T25", "importer.time", ""),
        ("2006-07-24T00", "2006-07-24T01", "importer.not_a_day", ""),
        ("A1", "", "importer.empty", "case"),
        ("0,", "007,", "importer.sequence", ""),
        ("0,", ",", "importer.sequence", ""),
    ],
)
def test_a_bad_row_is_rejected_with_its_line(
    mapping: Mapping, write: WriteFile, old: str, new: str, code: str, column: str
) -> None:
    """The fault is named by line, code and column; the rows around it come in."""
    bad = (ROW + "\n").replace(old, new, 1).removesuffix("\n")
    path = write(HEADER, "1" + ROW[1:], bad, "2" + ROW[1:])

    assert faults_of(mapping, path) == [(3, code, column)]
    assert len(events_of(mapping, path)) == 2


def test_a_rejection_says_nothing_of_the_row(mapping: Mapping, write: WriteFile) -> None:
    """Line, code, column and texts; no value."""
    path = write(HEADER, ROW.replace("35.0", "canary-4711"))

    told = [r.as_dict() for portion in portions(mapping, open_file(mapping, path)) for r in portion.rejections]

    assert told[0]["zh"].startswith("第 2 行")
    assert told[0]["hint"]
    assert "canary" not in str(told)


def test_empty_lines_say_nothing(mapping: Mapping, write: WriteFile) -> None:
    """Neither events nor rejections."""
    path = write(HEADER, "", ROW, "")

    assert len(events_of(mapping, path)) == 1
    assert faults_of(mapping, path) == []


def test_a_column_that_is_missing_is_a_fault_of_the_mapping(mapping: Mapping, write: WriteFile) -> None:
    """Nothing is imported by a mapping that does not fit the file."""
    with pytest.raises(MappingError) as caught:
        events_of(mapping, write(HEADER.replace("amount", "sum"), ROW))

    assert caught.value.fields["path"] == "amount"


def test_the_line_is_the_sequence_where_none_is_declared(tmp_path: Path, write: WriteFile) -> None:
    """A file without a key of its own is read with its lines as keys."""
    undeclared = load_text(tmp_path, MAPPING.replace("sequence: [seq]", ""))

    assert [e["sequence"] for e in events_of(undeclared, write(HEADER, ROW, ROW))] == [sequence_of(2), sequence_of(3)]


def test_a_sequence_of_several_columns_orders_as_they_do(tmp_path: Path, write: WriteFile) -> None:
    """Text parts stay, whole numbers are padded, parts are joined."""
    pair = load_text(tmp_path, MAPPING.replace("[seq]", "[case, seq]"))

    assert events_of(pair, write(HEADER, ROW))[0]["sequence"] == sequence_of("A1", 0)


@pytest.mark.parametrize("text", ["a/b", "", "00", "1" * 20, "٣4"])
def test_a_part_that_could_stand_for_two_rows_is_refused(text: str) -> None:
    """Two rows must never get one id; digits of other scripts are text and stay as they are."""
    if text == "٣4":
        assert sequence_part(text) == text
        return
    with pytest.raises(RowError):
        sequence_part(text)
