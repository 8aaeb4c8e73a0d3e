"""A table or view of a database as rows, in the order of its key: streamed, read only, going on after the last key.

Values become texts: times in ISO 8601, numbers as they stand, no float between. A row that is given a lower key than
the last one read is not seen by a later run; the mapping's key must therefore be one that only rises.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sql
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from schemas.errors import UnavailableError, UsageError
from services.importer.block import Block
from services.importer.lines import FileMissingError
from services.importer.mapping import Mapping, MappingError
from services.importer.place import KeyPlace, Place
from services.importer.position import Position
from services.importer.rejection import Rejection

ROWS = 2_048
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_WRITTEN = {True: "true", False: "false", None: ""}


class TableUrlError(UsageError):
    """The URL of a database cannot be used."""

    code: ClassVar[str] = "importer.database_url"


class TableUnavailableError(UnavailableError):
    """The database does not answer, or refuses."""

    code: ClassVar[str] = "importer.database"


class Table:
    """Implements `Rows`; places are keys."""

    grows = True

    def __init__(self, mapping: Mapping, url: str) -> None:
        if mapping.table is None:
            raise MappingError(file=mapping.name, path="$.table", reason="the mapping names no table")
        self._mapping = mapping
        self._form = mapping.table
        self._url = database_url(url)

    def identity(self) -> bytes:
        """Return the database and the table, without user and password."""
        place = (self._url.get_backend_name(), self._url.host, self._url.port, self._url.database, self._form.name)
        return "\0".join(str(part or "") for part in place).encode()

    def columns(self) -> list[str]:
        """Return the columns of the mapping that the table has, its key before them.

        Raises:
            TableUnavailableError: the database does not answer.
            MappingError: there is no such table, no such key, or the key is not there for every row.
        """
        schema, name = _named(self._form.name)
        with self._connected() as connection:
            try:
                found = {column["name"] for column in sql.inspect(connection).get_columns(name, schema)}
            except NoSuchTableError:
                raise self._wrong("name", "the database has no such table") from None
            if self._form.key not in found:
                raise self._wrong("key", "the table has no such column")
            key: sql.ColumnClause[Any] = sql.column(self._form.key)
            if connection.execute(sql.select(key).select_from(self._table()).where(key.is_(None)).limit(1)).first():
                raise self._wrong("key", "some rows have no key")
        return [column for column in self._wanted() if column in found]

    def blocks(self, position: Position) -> Iterator[Block]:
        """Yield the rows whose key is greater than the last one read; a second row of one key is a rejection."""
        columns = self.columns()
        key: sql.ColumnClause[Any] = sql.column(self._form.key)
        query: Any = sql.select(*(sql.column(name) for name in columns)).select_from(self._table()).order_by(key)
        gathered = _Gathered(self._mapping, columns)
        with self._connected() as connection:
            if position.key is not None:
                query = query.where(key > self._kept(connection, position.key))
            with connection.execution_options(yield_per=ROWS).execute(query) as found:
                for values in found:
                    block = gathered.add(values)
                    if block is not None:
                        yield block
        if gathered.places or gathered.rejections:
            yield gathered.taken()

    def _kept(self, connection: sql.Connection, key: int | str) -> Any:
        """Return the last key as the database compares it: the text of a UUID or a time is cast back to its type."""
        schema, name = _named(self._form.name)
        if isinstance(key, int) or connection.dialect.name == "sqlite":
            return key
        found = next(
            c["type"] for c in sql.inspect(connection).get_columns(name, schema) if c["name"] == self._form.key
        )
        return key if isinstance(found, sql.types.NullType) else sql.cast(sql.literal(key, sql.Text), found)

    def _wanted(self) -> list[str]:
        return list(dict.fromkeys((self._form.key, *self._mapping.columns)))

    def _table(self) -> sql.TableClause:
        schema, name = _named(self._form.name)
        return sql.table(name, *(sql.column(column) for column in self._wanted()), schema=schema)

    def _wrong(self, part: str, reason: str) -> MappingError:
        return MappingError(file=self._mapping.name, path=f"$.table.{part}", reason=reason)

    @contextmanager
    def _connected(self) -> Iterator[sql.Connection]:
        try:
            engine = sql.create_engine(self._url)
            try:
                readonly = {"postgresql_readonly": True} if engine.dialect.name == "postgresql" else {}
                with engine.connect() as connection:
                    yield connection.execution_options(**readonly)
            finally:
                engine.dispose()
        except (NoSuchModuleError, ImportError) as error:
            raise TableUrlError(reason="unknown kind of database") from error
        except SQLAlchemyError as error:
            # The message of a database quotes values: only its kind is told.
            raise TableUnavailableError(reason=type(getattr(error, "orig", None) or error).__name__) from None


class _Gathered:
    """Rows on their way into a block; a block never ends between two rows of one key."""

    def __init__(self, mapping: Mapping, columns: Sequence[str]) -> None:
        self._mapping = mapping
        self._columns = list(columns)
        self._last: int | str | None = None
        self.places: list[Place] = []
        self.rows: list[list[str]] = []
        self.rejections: list[Rejection] = []

    def add(self, values: Sequence[Any]) -> Block | None:
        """Take a row; return the block that it completes, which it does not belong to."""
        key = values[0] if isinstance(values[0], int) else str(values[0])
        if key == self._last:
            self.rejections.append(Rejection(KeyPlace(key), "importer.key_twice"))
            return None
        block = self.taken() if len(self.places) + len(self.rejections) >= ROWS else None
        self._last = key
        row = [_text(value) for value in values]
        unreadable = next((c for c, value in zip(self._columns, row, strict=True) if value is None), None)
        if unreadable is not None and unreadable in self._mapping.columns:
            self.rejections.append(Rejection(KeyPlace(key), "importer.not_one_value", unreadable))
            return block
        self.places.append(KeyPlace(key))
        self.rows.append([value or "" for value in row])
        return block

    def taken(self) -> Block:
        """Return what has come together, and begin anew."""
        block = Block(self.places, self.rows, self.rejections, {"key": self._last})
        self.places, self.rows, self.rejections = [], [], []
        return block


def database_url(url: str) -> URL:
    """Read a SQLAlchemy URL; a SQLite file is opened for reading only.

    Raises:
        TableUrlError: it is none. FileMissingError: there is no such SQLite file.
    """
    try:
        made = sql.make_url(url)
    except (ArgumentError, ValueError) as error:
        raise TableUrlError(reason="not a database URL") from error
    if made.drivername in _DRIVERS:
        return made.set(drivername=_DRIVERS[made.drivername])
    if made.get_backend_name() != "sqlite" or not made.database or made.database.startswith("file:"):
        return made
    if not Path(made.database).is_file():
        raise FileMissingError(file=Path(made.database).name)
    return made.set(database=f"file:{Path(made.database).resolve()}", query={"mode": "ro", "uri": "true"})


def _named(name: str) -> tuple[str | None, str]:
    schema, dot, table = name.rpartition(".")
    return (schema if dot else None), table


def _text(value: Any) -> str | None:
    """Render a value as text; None for one that is none."""
    if value is None or isinstance(value, bool):
        return _WRITTEN[value]
    match value:
        case str() | int() | uuid.UUID():
            return str(value)
        case float() | decimal.Decimal():
            return format(decimal.Decimal(str(value)), "f")
        case dt.date():  # a datetime is a date too
            return value.isoformat()
    return None
