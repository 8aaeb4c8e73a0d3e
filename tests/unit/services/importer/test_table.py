"""A table as rows, on SQLite: in the order of its key, resumable, each row that cannot be read named by its key."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas.event import sequence_of
from services.importer import table as table_module
from services.importer.lines import FileMissingError
from services.importer.mapping import Mapping, MappingError
from services.importer.opening import open_rows
from services.importer.place import KeyPlace
from services.importer.position import Position
from services.importer.reader import portions
from services.importer.table import TableUnavailableError, TableUrlError, database_url
from tests.unit.services.importer.conftest import MAPPING, load_text

TABLE = MAPPING.replace("sequence: [seq]", "sequence: [seq]\ntable: {name: fines, key: id}")
COLUMNS = 'id, seq, "case", act, at, state, amount, article, day, urgent, kind'


def row(number: int, **other: Any) -> tuple[Any, ...]:
    """Return one row."""
    usual = {
        "id": number, "seq": number, "case": f"A{number}", "act": "Create", "at": "2006-07-24T00:00:00+02:00",
        "state": "complete", "amount": 35.1, "article": 157, "day": None, "urgent": "Y", "kind": "A",
    }  # fmt: skip
    return tuple((usual | other).values())


@pytest.fixture
def rules(tmp_path: Path) -> Mapping:
    """The small mapping over a table."""
    return load_text(tmp_path, TABLE)


def database(folder: Path, rows: Sequence[tuple[Any, ...]], name: str = "agency.db") -> str:
    """Make a database and return its URL."""
    with sqlite3.connect(folder / name) as connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS fines ({COLUMNS})")
        connection.executemany("INSERT INTO fines VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
    connection.close()
    return f"sqlite:///{folder / name}"


def read(rules: Mapping, url: str, position: Position | None = None) -> tuple[list[str], list[tuple[Any, str, str]]]:
    """Return the sequences of the events, and the rejections."""
    found = list(portions(rules, open_rows(rules, url), position))
    events = [e["sequence"].lstrip("0") for portion in found for e in portion.events]
    return events, [(r.place, r.code, r.column) for portion in found for r in portion.rejections]


def test_rows_come_in_the_order_of_their_key(rules: Mapping, tmp_path: Path) -> None:
    """Whatever the order of storage; money is read without a float's tail."""
    url = database(tmp_path, [row(n) for n in (3, 1, 2)])

    (portion,) = portions(rules, open_rows(rules, url))

    assert [e["subject"] for e in portion.events] == ["A1", "A2", "A3"]
    assert portion.events[0]["data"]["amount_cents"] == 3510
    assert portion.reached == {"key": 3}


def test_reading_goes_on_after_the_last_key(rules: Mapping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run reads what follows, also what came since."""
    monkeypatch.setattr(table_module, "ROWS", 3)
    url = database(tmp_path, [row(n) for n in range(1, 8)])
    blocks = [portion.reached["key"] for portion in portions(rules, open_rows(rules, url))]
    database(tmp_path, [row(9)])

    assert blocks == [3, 6, 7]
    assert read(rules, url, Position(key=6)) == (["7", "9"], [])


def test_a_bad_row_is_named_by_its_key(rules: Mapping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes, an unknown activity, a second row of a key: each costs only itself, wherever a block ends."""
    bad = [row(2, amount=b"\x00"), row(3, act="Burn"), row(4), row(4, seq=44), row(5)]
    url = database(tmp_path, [row(1), *bad])
    expected = (
        ["1", "4", "5"],
        [
            (KeyPlace(2), "importer.not_one_value", "amount"),
            (KeyPlace(3), "importer.activity", "act"),
            (KeyPlace(4), "importer.key_twice", ""),
        ],
    )

    assert read(rules, url) == expected
    monkeypatch.setattr(table_module, "ROWS", 1)
    assert read(rules, url) == expected


def test_the_key_stands_for_a_missing_sequence(tmp_path: Path) -> None:
    """A mapping without a sequence key takes the table's."""
    undeclared = load_text(tmp_path, TABLE.replace("sequence: [seq]\n", ""))
    url = database(tmp_path, [row(7, seq=1)])

    (portion,) = portions(undeclared, open_rows(undeclared, url))

    assert portion.events[0]["sequence"] == sequence_of(7)


def test_a_key_that_may_be_a_persons_number_is_not_shown(tmp_path: Path) -> None:
    """A text, or a whole number as long as an identity number, stands as a digest."""
    rules = load_text(tmp_path, TABLE)
    url = database(tmp_path, [row(1, id="99010119850307001X", act="Burn")])

    (portion,) = portions(rules, open_rows(rules, url))
    told = portion.rejections[0].as_dict()

    assert "9901" not in str(told)
    assert told["place"]["key"].startswith("sha256:")


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("name: fines", "name: elsewhere", "$.table.name"),
        ("key: id", "key: none", "$.table.key"),
        ("column: amount", "column: sum", "sum"),
    ],
)
def test_a_mapping_that_does_not_fit_the_table_is_refused(tmp_path: Path, old: str, new: str, path: str) -> None:
    """No such table, no such key, no such column: nothing is imported."""
    with pytest.raises(MappingError) as caught:
        read(load_text(tmp_path, TABLE.replace(old, new)), database(tmp_path, [row(1)]))

    assert caught.value.fields["path"] == path


def test_keys_of_two_kinds_are_read(rules: Mapping, tmp_path: Path) -> None:
    """SQLite lets a column hold numbers and texts: numbers come first, and both are named."""
    url = database(tmp_path, [row(1), row(2, id="b", act="Burn"), row(3, id=9, act="Burn")])

    assert read(rules, url) == (
        ["1"],
        [(KeyPlace(9), "importer.activity", "act"), (KeyPlace("b"), "importer.activity", "act")],
    )


def test_a_row_without_a_key_refuses_the_table(rules: Mapping, tmp_path: Path) -> None:
    """Such a row would never be read, so the mapping is told off before anything is."""
    with pytest.raises(MappingError):
        read(rules, database(tmp_path, [row(1), row(2, id=None)]))


def test_a_database_that_is_not_there(rules: Mapping, tmp_path: Path) -> None:
    """A missing file is not made; a file that is none and an unknown kind are told, without the URL's password."""
    with pytest.raises(FileMissingError):
        read(rules, f"sqlite:///{tmp_path / 'none.db'}")
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(TableUnavailableError) as caught:
        read(rules, f"sqlite:///{tmp_path / 'text.db'}")
    with pytest.raises(TableUrlError) as other:
        read(rules, "oracle9://user:canary@host/x")

    assert not (tmp_path / "none.db").exists()
    assert "canary" not in str(caught.value) + str(other.value)


def test_the_database_is_opened_for_reading(tmp_path: Path) -> None:
    """A SQLite file is opened read only, a PostgreSQL URL gets the driver that is installed."""
    url = database(tmp_path, [row(1)])

    assert database_url(url).query["mode"] == "ro"
    assert database_url("postgresql://h/d").drivername == "postgresql+psycopg"


def test_a_table_needs_a_mapping_that_names_it(mapping: Mapping) -> None:
    """The mapping of a file says nothing of a table."""
    with pytest.raises(MappingError):
        open_rows(mapping, "sqlite:///x.db")
