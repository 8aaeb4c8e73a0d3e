"""JSON lines as rows: digits as written, a bad line costs only itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.importer import lines as lines_module
from services.importer.json_lines import object_reader, pointer
from services.importer.mapping import Mapping
from services.importer.opening import open_file
from services.importer.position import Position
from services.importer.reader import portions
from services.importer.rejection import RowError
from tests.unit.services.importer.conftest import WriteFile

GOOD = (
    '{"seq": 7, "case": "A1", "act": "Create", "at": "2006-07-24T00:00:00+02:00", "state": "complete",'
    ' "amount": 35.10, "article": 157, "day": null, "urgent": "Y", "more": [1]}'
)


def seen(mapping: Mapping, path: Path, start: int = 1) -> tuple[list[int], list[tuple[object, str]]]:
    """Return the amounts of the events, and the rejected lines with their codes."""
    found = list(portions(mapping, open_file(mapping, path), Position(next_line=start)))
    amounts = [event["data"].get("amount_cents", 0) for portion in found for event in portion.events]
    return amounts, [(r.place, r.code) for portion in found for r in portion.rejections]


@pytest.mark.parametrize("name", ["log.jsonl", "log.ndjson.gz"])
def test_an_object_is_a_row(mapping: Mapping, write: WriteFile, name: str) -> None:
    """The first line is a row too; 35.10 stays what was written; empty lines say nothing."""
    assert seen(mapping, write(GOOD, "", GOOD.replace("35.10", "0.07"), name=name)) == ([3510, 7], [])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{", "importer.not_json"),
        ("[1]", "importer.not_json"),
        ('{"seq": NaN}', "importer.not_json"),
        ("[" * 100_000, "importer.not_json"),
        (GOOD.replace('"more"', '"seq"'), "importer.doubled"),
        (GOOD.replace('"A1"', '{"no": 1}'), "importer.not_one_value"),
        (GOOD.replace('"A1"', "null"), "importer.empty"),
        (GOOD.replace("Create", "Destroy"), "importer.activity"),
        (b'{"seq": "\xff"}', "importer.encoding"),
    ],
)
def test_a_bad_line_costs_only_itself(mapping: Mapping, write: WriteFile, line: str | bytes, code: str) -> None:
    """It is named by its number; its neighbours come in."""
    assert seen(mapping, write(GOOD, line, GOOD, name="log.jsonl")) == ([3510, 3510], [(2, code)])


def test_reading_goes_on_from_a_line(mapping: Mapping, write: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of a block, what comes after a position is the same."""
    path = write(*[GOOD.replace("35.10", f"{n}") for n in range(1, 20)], name="log.jsonl")
    monkeypatch.setattr(lines_module, "BLOCK", 300)

    assert seen(mapping, path, 12) == ([n * 100 for n in range(12, 20)], [])


def test_a_line_over_the_limit_is_rejected(mapping: Mapping, write: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded memory: the next line is read."""
    monkeypatch.setattr(lines_module, "BLOCK", 64)
    monkeypatch.setattr(lines_module, "LINE_LIMIT", 1_000)
    path = write('{"x": "' + "y" * 5_000 + '"}', GOOD, name="log.jsonl")

    assert seen(mapping, path) == ([3510], [(1, "importer.line_too_long")])


def test_a_column_may_be_a_pointer() -> None:
    """`/a/b` names a member of a member; `~1` and `~0` stand for slash and tilde (RFC 6901)."""
    read = object_reader(["/case/no", "/a~1b", "plain/none", "yes"])

    assert pointer("/a~1b/c~0d") == ("a/b", "c~d")
    assert read('{"case": {"no": "A1"}, "a/b": 2, "yes": true}') == ["A1", "2", "", "true"]
    assert read('{"case": "flat"}') == ["", "", "", ""]
    with pytest.raises(RowError):
        read('{"case": {"no": []}}')
