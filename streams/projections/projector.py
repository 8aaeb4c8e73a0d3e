"""The projector: bus records in, rows and positions out, in one transaction.

A record below the position of its partition was applied already and is skipped, so that a step may be repeated after a
crash; rows are keyed by what they stand for, so that the same records applied to an empty database give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine, select

from streams import alerts, clues, panorama
from streams.bus.port import Stored
from streams.projections import accesses, marks, rows, tables
from streams.projections.database import translated
from streams.projections.rows import Rows
from streams.projections.upsert import add_once, upsert

Renderer = Callable[[int, Sequence[Stored], int], tuple[Rows, ...]]

RENDERERS: dict[str, Renderer] = {
    alerts.TOPIC: rows.of_alerts,
    panorama.TOPIC: rows.of_events,
    clues.TOPIC: rows.of_clues,
    accesses.TOPIC: rows.of_accesses,
    marks.TOPIC: rows.of_marks,
}
"""What becomes of each topic the read model follows."""

TOPICS = tuple(RENDERERS)
REVISION = "revision"
QUIET = frozenset({marks.TOPIC})
"""Topics that move every second by themselves: pages follow their clock without being drawn anew."""


class Projector:
    """Writes the read model; one writer at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def position(self, topic: str, partition: int) -> int:
        """Return the next offset this read model needs of a topic partition."""
        with translated(), self._engine.connect() as connection:
            return _position(connection, topic, partition)

    def apply(self, topic: str, partition: int, records: Sequence[Stored]) -> int:
        """Apply records, in offset order, and return the new position; durable when it returns.

        Raises:
            KeyError: the topic is none of `TOPICS`.
            ReadModelUnavailableError: the database cannot be written now; nothing of the step is.
        """
        render = RENDERERS[topic]
        with translated(), self._engine.begin() as connection:
            position = _position(connection, topic, partition)
            fresh = [stored for stored in records if stored.offset >= position]
            if not fresh:
                return position
            revision = 0 if topic in QUIET else _next_revision(connection)
            for part in render(partition, fresh, revision):
                _write(connection, part)
            return _advance(connection, topic, partition, fresh[-1].offset + 1)


def _write(connection: Connection, part: Rows) -> None:
    if part.once:
        add_once(connection, part.table, part.rows)
    else:
        upsert(connection, part.table, part.rows, keep=part.keep)


def _position(connection: Connection, topic: str, partition: int) -> int:
    table = tables.positions
    query = select(table.c.next_position).where(table.c.topic == topic, table.c.part == partition)
    return connection.scalar(query) or 0


def _advance(connection: Connection, topic: str, partition: int, position: int) -> int:
    row = {"topic": topic, "part": partition, "next_position": position}
    upsert(connection, tables.positions, [row], keep=frozenset())
    return position


def _next_revision(connection: Connection) -> int:
    table = tables.counters
    number = (connection.scalar(select(table.c.number).where(table.c.name == REVISION)) or 0) + 1
    upsert(connection, table, [{"name": REVISION, "number": number}], keep=frozenset())
    return number
