"""The read model's database: opened, tuned and brought to the newest revision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, func, select
from sqlalchemy.exc import OperationalError

from schemas.errors import UnavailableError

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATING = 0x63617365627573
"""The advisory lock of a migration: "casebus" as a number."""
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # The rows can be projected again from the bus and stand in one transaction with their positions: a lost tail after
    # a power cut is read again, so the cheaper mode is safe here.
    "PRAGMA synchronous=NORMAL",
    "PRAGMA busy_timeout=10000",
    "PRAGMA temp_store=MEMORY",
)


class ReadModelUnavailableError(UnavailableError):
    """The read model's database cannot be read or written now; it is made from the bus and loses nothing."""

    code: ClassVar[str] = "bus.read_model"


@contextmanager
def translated() -> Iterator[None]:
    """Turn the database's own failures, such as a full disk, into the coded error."""
    try:
        yield
    except OperationalError as error:
        reason = getattr(error.orig, "sqlite_errorname", type(error.orig).__name__)
        raise ReadModelUnavailableError(reason=reason) from error


def open_database(url: str | Path) -> Engine:
    """Open the database of a read model and migrate it to the newest revision.

    Args:
        url: a SQLAlchemy URL, or the path of a SQLite file.

    Raises:
        ReadModelUnavailableError: it cannot be opened or migrated now.
    """
    engine = create_engine(url if isinstance(url, str) else f"sqlite:///{url}")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
    with translated():
        migrate(engine)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the database to the newest revision, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Processes that open a new database at once take turns; the lock ends with the transaction.
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATING)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _tune_sqlite(connection: Any, record: Any) -> None:
    del record
    for pragma in SQLITE_PRAGMAS:
        connection.execute(pragma)
