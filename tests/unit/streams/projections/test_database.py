"""The read model's database: migrations equal the tables, on both dialects."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import CreateTable

from streams.projections import tables
from streams.projections.database import migrate


def test_the_revisions_make_exactly_the_tables(engine: Engine) -> None:
    """A migrated database differs in nothing from the declared tables."""
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), tables.metadata)

    assert differences == []


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    """A second start finds the newest revision."""
    migrate(engine)

    with engine.connect() as connection:
        assert connection.execute(text("select version_num from alembic_version")).scalars().all() == ["r0002"]


def test_sqlite_runs_in_wal_mode(engine: Engine) -> None:
    """Readers never wait for the projector."""
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"


def test_the_tables_compile_for_postgresql() -> None:
    """Types and constraints exist there too; times are 64 bits, details are bytes."""
    dialect = PGDialect()  # type: ignore[no-untyped-call]

    made = str(CreateTable(tables.alerts).compile(dialect=dialect))

    assert "opened_at BIGINT NOT NULL" in made
    assert "detail BYTEA NOT NULL" in made


def test_no_clear_column_is_called_like_a_person() -> None:
    """Sealed parts are the only columns of bytes, and every table's keys are clear."""
    sealed = {(t.name, c.name) for t in tables.metadata.tables.values() for c in t.c if "BLOB" in str(c.type)}

    assert sealed == {("alerts", "detail"), ("case_events", "detail"), ("clue_history", "note")}
    assert str(select(tables.alerts.c.id)).startswith("SELECT")
