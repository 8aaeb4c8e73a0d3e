"""An agency's table on a real PostgreSQL: its own types, a server-side cursor, a resumable key, and nothing written."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from services.importer.mapping import Mapping, load_mapping
from services.importer.opening import open_file, open_rows
from services.importer.place import KeyPlace
from services.importer.position import Position
from services.importer.reader import portions
from services.importer.table import TableUnavailableError
from tests.unit.services.importer.conftest import HEADER, MAPPING, ROW

pytestmark = pytest.mark.postgres

TABLE = """
CREATE SCHEMA legacy;
CREATE TABLE legacy.fines (
    id uuid PRIMARY KEY, seq bigint, "case" varchar(32), act text, at timestamptz, state char(8),
    amount numeric(10,2), article int, day date, urgent boolean, kind text, note jsonb
)
"""
INSERT = """
INSERT INTO legacy.fines
SELECT format('00000000-0000-4000-8000-%s', lpad(n::text, 12, '0'))::uuid, n, 'A' || n, 'Create',
       '2006-07-24 00:00:00+02', 'complete', 35, 157, '2006-07-25', true, 'A', '{"x": 1}'
FROM generate_series(CAST(:low AS bigint), CAST(:high AS bigint)) n
"""


@pytest.fixture
def agency(url: str) -> Iterator[Engine]:
    """The agency's database, with a table of its own types."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(TABLE))
    yield engine
    engine.dispose()


@pytest.fixture
def rules(tmp_path: Path) -> Mapping:
    """The small mapping over that table."""
    table = "sequence: [seq]\ntable: {name: legacy.fines, key: id}"
    said = MAPPING.replace("sequence: [seq]", table).replace('"true": [Y], "false": [N]', '"true": ["true"]')
    path = tmp_path / "table.yaml"
    path.write_text(said, encoding="utf-8")
    return load_mapping(path)


def insert(agency: Engine, low: int, high: int) -> None:
    """Add rows."""
    with agency.begin() as connection:
        connection.execute(text(INSERT), {"low": low, "high": high})


def address(agency: Engine) -> str:
    """Write the URL as an operator would: without the driver."""
    return agency.url.set(drivername="postgresql").render_as_string(hide_password=False)


def events(rules: Mapping, url: str, position: Position | None = None) -> list[dict[str, Any]]:
    """Return the events of the table."""
    return [event for portion in portions(rules, open_rows(rules, url), position) for event in portion.events]


def test_a_table_and_a_file_of_the_same_rows_are_the_same_events(
    agency: Engine, rules: Mapping, tmp_path: Path
) -> None:
    """Instants, money, days and booleans of PostgreSQL become what the texts of a CSV file become, by id and field."""
    insert(agency, 0, 2)
    rows = [ROW.replace("0,A1", f"{n},A{n}", 1) for n in range(3)]
    (tmp_path / "log.csv").write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    (tmp_path / "file.yaml").write_text(MAPPING, encoding="utf-8")
    of_file = load_mapping(tmp_path / "file.yaml")

    expected = [e for portion in portions(of_file, open_file(of_file, tmp_path / "log.csv")) for e in portion.events]

    assert events(rules, address(agency)) == expected


def test_an_import_goes_on_after_the_last_key(agency: Engine, rules: Mapping) -> None:
    """A kept key, here a UUID, is where the next run begins; what came since is read, what was read is not."""
    insert(agency, 1, 5_000)
    reached = [portion.reached["key"] for portion in portions(rules, open_rows(rules, address(agency)))]
    insert(agency, 5_001, 5_003)

    assert len(reached) == 3
    assert len(events(rules, address(agency), Position(key=reached[0]))) == 5_003 - 2_048
    assert [e["subject"] for e in events(rules, address(agency), Position(key=reached[-1]))] == [
        "A5001",
        "A5002",
        "A5003",
    ]


def test_a_large_table_is_streamed(agency: Engine, rules: Mapping) -> None:
    """The first block of 200,000 rows is there while the rest still lies on the server."""
    insert(agency, 1, 200_000)
    tracemalloc.start()
    try:
        blocks = open_rows(rules, address(agency)).blocks(Position())
        first = next(blocks)
        peak = tracemalloc.get_traced_memory()[1]
        blocks.close()  # type: ignore[attr-defined] # the port promises an iterator; this one is a generator
    finally:
        tracemalloc.stop()

    assert len(first.rows) == 2_048
    assert peak < 16 << 20


def test_a_value_that_is_no_text_is_rejected_by_its_key(agency: Engine, rules: Mapping, tmp_path: Path) -> None:
    """JSON in a mapped column costs its row; a column that is not mapped may hold what it likes."""
    insert(agency, 1, 2)
    path = tmp_path / "note.yaml"
    path.write_text((tmp_path / "table.yaml").read_text("utf-8").replace("column: kind,", "column: note,"), "utf-8")
    noted = load_mapping(path)

    (portion,) = portions(noted, open_rows(noted, address(agency)))

    assert portion.events == []
    assert [(r.code, r.column) for r in portion.rejections] == [("importer.not_one_value", "note")] * 2
    assert isinstance(portion.rejections[0].place, KeyPlace)


def test_nothing_can_be_written(agency: Engine, rules: Mapping, tmp_path: Path) -> None:
    """The transaction is read only: a view that would write refuses to be read."""
    insert(agency, 1, 1)
    with agency.begin() as connection:
        connection.execute(text("CREATE TABLE legacy.seen (n int)"))
        connection.execute(
            text(
                "CREATE FUNCTION legacy.count_me() RETURNS text LANGUAGE sql AS "
                "$$INSERT INTO legacy.seen VALUES (1) RETURNING 'Create'$$"
            )
        )
        connection.execute(
            text(
                'CREATE VIEW legacy.sly AS SELECT id, seq, "case", legacy.count_me() AS act, at, state, amount, '
                "article, day, urgent, kind FROM legacy.fines"
            )
        )
    path = tmp_path / "sly.yaml"
    path.write_text((tmp_path / "table.yaml").read_text("utf-8").replace("legacy.fines", "legacy.sly"), "utf-8")

    with pytest.raises(TableUnavailableError) as caught:
        events(load_mapping(path), address(agency))

    assert caught.value.fields["reason"] == "ReadOnlySqlTransaction"


def test_a_server_that_refuses_is_told_without_the_password(rules: Mapping, url: str) -> None:
    """No such database: unavailable, exit code 5, and no word of who asked."""
    other = make_url(url).set(database="nowhere", username="canary", password="canary")
    wrong = other.render_as_string(hide_password=False)

    with pytest.raises(TableUnavailableError) as caught:
        events(rules, wrong)

    assert caught.value.exit_code == 5
    assert "canary" not in caught.value.message("en") + caught.value.hint("en")
