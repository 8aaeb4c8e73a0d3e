"""The read model's queries: counts, rows, one alert, the events of a case. Nothing here opens a sealed part."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, Select, func, literal, or_, select
from sqlalchemy.sql.elements import ColumnElement

from schemas.errors import NotFoundError
from security.subjects import DISTRICT_LENGTH
from streams.projections import tables
from streams.projections.projector import REVISION
from streams.projections.rows import CLOCK
from streams.projections.values import (
    AccessRow,
    AlertRow,
    CaseEventRow,
    ClueStepRow,
    Count,
    Filter,
    MarksRow,
    StateRow,
)

MAX_ROWS = 200
"""The most alerts one list shows."""

MAX_EVENTS = 256
"""The most events one timeline shows: as many as one entry of the audit log names."""

MAX_CACHED = 64


class UnknownAlertError(NotFoundError):
    """There is no such alert, or it may not be shown: the answer does not tell which."""

    code = "desk.unknown_alert"


class ReadModel:
    """Answers queries over the projected tables; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counts: dict[Filter, tuple[Count, ...]] = {}
        self._counts_revision = -1
        self._lock = threading.Lock()

    def revision(self) -> int:
        """Return the number of the newest change that a page could show."""
        table = tables.counters
        with self._engine.connect() as connection:
            return connection.scalar(select(table.c.number).where(table.c.name == REVISION)) or 0

    def counts(self, wanted: Filter) -> tuple[Count, ...]:
        """Count alerts by district, unit, model, severity and state; cached until the read model changes."""
        revision = self.revision()
        with self._lock:
            if revision != self._counts_revision or len(self._counts) > MAX_CACHED:
                self._counts, self._counts_revision = {}, revision
            cached = self._counts.get(wanted)
        if cached is not None:
            return cached
        counted = self._count(wanted)
        with self._lock:
            if revision == self._counts_revision:
                self._counts[wanted] = counted
        return counted

    def newest(self, wanted: Filter, limit: int = MAX_ROWS) -> list[AlertRow]:
        """Return the alerts whose state changed last, newest first, at most `MAX_ROWS`."""
        table = tables.alerts
        query = (
            _alerts()
            .where(*_conditions(wanted))
            .order_by(table.c.recorded_at.desc(), table.c.revision.desc(), table.c.id)
            .limit(min(limit, MAX_ROWS))
        )
        with self._engine.connect() as connection:
            return [AlertRow(**dict(row)) for row in connection.execute(query).mappings()]

    def alert(self, alert_id: str) -> AlertRow:
        """Return one alert.

        Raises:
            UnknownAlertError: there is none of this id.
        """
        with self._engine.connect() as connection:
            row = connection.execute(_alerts().where(tables.alerts.c.id == alert_id)).mappings().first()
        if row is None:
            raise UnknownAlertError(what="alert")
        return AlertRow(**dict(row))

    def history(self, alert_id: str, as_of: int | None = None) -> list[StateRow]:
        """Return the states an alert went through, as far as was known at `as_of`."""
        table = tables.alert_history
        query = select(table.c.state, table.c.severity, table.c.valid_at, table.c.recorded_at, table.c.reason)
        query = query.where(table.c.alert_id == alert_id).order_by(table.c.recorded_at, table.c.position)
        return [StateRow(**row) for row in self._rows(query, table.c.recorded_at, as_of)]

    def timeline(self, subject: str, as_of: int | None = None) -> list[CaseEventRow]:
        """Return the events of a case in the order they occurred, as far as was known at `as_of`."""
        table, later = tables.case_events, tables.case_events.alias("later")
        # Nobody corrects what another said: an id is one of its source.
        same = (later.c.source == table.c.source, later.c.type == table.c.type)
        correction = select(func.min(later.c.event_id)).where(later.c.supersedes == table.c.event_id, *same)
        if as_of is not None:
            correction = correction.where(later.c.recorded_at <= as_of)
        query = (
            select(table, correction.scalar_subquery().label("superseded_by"))
            .where(table.c.subject == subject)
            .order_by(table.c.occurred_at, table.c.source, table.c.event_id)
            .limit(MAX_EVENTS)
        )
        return [CaseEventRow(**row) for row in self._rows(query, table.c.recorded_at, as_of)]

    def within(self, places: Sequence[str], subject: str, limit: int) -> list[CaseEventRow]:
        """Return the newest events in `places` (prefixes of districts or units) and of the case `subject`."""
        table = tables.case_events
        where = [
            (table.c.unit if len(place) > DISTRICT_LENGTH else table.c.district).startswith(place) for place in places
        ]
        query = (
            select(table, literal(None).label("superseded_by"))
            .where(or_(table.c.subject == subject, *where))
            .order_by(table.c.occurred_at.desc(), table.c.event_id)
            .limit(limit)
        )
        return [CaseEventRow(**row) for row in self._rows(query)]

    def clue_steps(self, alert_id: str) -> list[ClueStepRow]:
        """Return the steps of a clue, first step first."""
        table = tables.clue_history
        columns = [column for column in table.c if column.name != "alert_id"]
        query = select(*columns).where(table.c.alert_id == alert_id).order_by(table.c.version)
        return [ClueStepRow(**row) for row in self._rows(query)]

    def accesses(self, alert_id: str) -> list[AccessRow]:
        """Return who opened or changed an alert, newest first, at most `MAX_ROWS`."""
        table = tables.accesses
        columns = [c for c in table.c if c.name not in {"alert_id", "topic", "part", "position"}]
        query = select(*columns).where(table.c.alert_id == alert_id)
        query = query.order_by(table.c.leaf.desc(), table.c.position.desc()).limit(MAX_ROWS)
        return [AccessRow(**row) for row in self._rows(query)]

    def recent_accesses(self) -> list[tuple[str, AccessRow]]:
        """Return the newest audited acts over all alerts, each with its alert's id, at most `MAX_ROWS`."""
        table = tables.accesses
        columns = [c for c in table.c if c.name not in {"topic", "part", "position"}]
        query = select(*columns).order_by(table.c.leaf.desc(), table.c.position.desc()).limit(MAX_ROWS)
        return [(row.pop("alert_id"), AccessRow(**row)) for row in self._rows(query)]

    def event_count(self, subject: str) -> int:
        """Count the events of a case: it only grows, so it tells whether a timeline is still the newest."""
        table = tables.case_events
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).where(table.c.subject == subject)) or 0

    def marks(self) -> MarksRow:
        """Return the newest marks; all zero before the first came."""
        rows = self._rows(select(tables.marks).order_by(tables.marks.c.source))
        sources = {row["source"]: row["complete_to"] for row in rows}
        silent = tuple(row["source"] for row in rows if row["silent"])
        return MarksRow(clock=sources.pop(CLOCK, 0), sources=sources, silent=silent)

    def _rows(
        self, query: Select[Any], recorded: ColumnElement[int] | None = None, as_of: int | None = None
    ) -> list[dict[str, Any]]:
        if recorded is not None and as_of is not None:
            query = query.where(recorded <= as_of)
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _count(self, wanted: Filter) -> tuple[Count, ...]:
        table = tables.alerts
        group = (table.c.district, table.c.unit, table.c.model, table.c.code, table.c.severity, table.c.state)
        query = select(*group, func.count().label("number")).where(*_conditions(wanted)).group_by(*group)
        return tuple(Count(**row) for row in self._rows(query.order_by(*group)))


def _alerts() -> Select[Any]:
    clue = tables.clues
    return select(
        tables.alerts,
        func.coalesce(clue.c.state, "new").label("clue_state"),
        func.coalesce(clue.c.version, 0).label("clue_version"),
        clue.c.assignee,
        clue.c.accepted_by,
        clue.c.reason.label("clue_reason"),
    ).select_from(tables.alerts.outerjoin(clue, clue.c.alert_id == tables.alerts.c.id))


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    table = tables.alerts
    conditions: list[ColumnElement[bool]] = []
    if wanted.districts:
        conditions.append(or_(*(table.c.district == code for code in wanted.districts)))
    if wanted.model:
        conditions.append(or_(table.c.model == wanted.model, table.c.code == wanted.model))
    for column, value in (
        (table.c.unit, wanted.unit),
        (table.c.severity, wanted.severity),
        (table.c.state, wanted.state),
    ):
        if value:
            conditions.append(column == value)
    return conditions
