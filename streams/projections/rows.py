"""Bus records as rows of the read model: plain functions, one per topic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table

from schemas.correction import corrected, withdraws
from streams import alerts, clues, panorama
from streams.bus.port import Stored
from streams.projections import accesses, marks, tables

CLOCK = ""
"""The source name under which the gateway's clock stands in `marks`."""


@dataclass(frozen=True)
class Rows:
    """What one step writes into one table.

    Attributes:
        table: where.
        rows: what, at most one per primary key.
        keep: columns that a row which stands already does not lose.
        once: rows that stand already stay untouched (facts, histories).
    """

    table: Table
    rows: Sequence[dict[str, Any]]
    keep: frozenset[str] = field(default_factory=frozenset)
    once: bool = False


def of_alerts(part: int, records: Sequence[Stored], revision: int) -> tuple[Rows, ...]:
    """Render alert records: the newest per id, and every state as history."""
    newest: dict[str, dict[str, Any]] = {}
    history = []
    for stored in records:
        record = alerts.decode(stored.value)
        before = newest.get(record.id)
        newest[record.id] = _alert_row(record, revision)
        if before:
            newest[record.id]["first_seen_at"] = before["first_seen_at"]
        history.append(
            {
                "topic": alerts.TOPIC,
                "part": part,
                "position": stored.offset,
                "alert_id": record.id,
                "state": record.state,
                "severity": record.severity,
                "valid_at": valid_at(record),
                "recorded_at": record.mark,
                "reason": record.reason,
            }
        )
    return (
        Rows(tables.alerts, list(newest.values()), keep=frozenset({"first_seen_at"})),
        Rows(tables.alert_history, history, once=True),
    )


def valid_at(record: alerts.AlertRecord) -> int:
    """Return since when the alert's state is so in the world, which is often before the bus could know."""
    if record.state in {"cleared", "overdue_done"} and record.closed_at is not None:
        return record.closed_at
    if record.state == "closed_by_late_report" and record.reported_at is not None:
        return record.reported_at
    if record.state in {"raised", "unconfirmed", "held"} and record.due_at is not None:
        return record.due_at
    return record.mark


def of_events(part: int, records: Sequence[Stored], revision: int) -> tuple[Rows, ...]:
    """Render panorama rows, one per event."""
    del part, revision
    rows = {}
    for stored in records:
        row = panorama.decode(stored.value)
        rows[row.event_id] = {
            "event_id": row.event_id.hex(),
            "type": row.type,
            "contract_id": row.contract_id,
            "source": row.source,
            "district": row.district,
            "unit": row.unit,
            "subject": row.subject,
            "occurred_at": row.occurred_at,
            "recorded_at": row.recorded_at,
            "level": row.level,
            "supersedes": corrected(row.supersedes).hex() if row.supersedes else None,
            "withdraws": withdraws(row.supersedes),
            "detail": row.detail,
        }
    return (Rows(tables.case_events, list(rows.values())),)


def of_clues(part: int, records: Sequence[Stored], revision: int) -> tuple[Rows, ...]:
    """Render clue steps: where each clue stands, and every step as history."""
    del part
    steps = [clues.decode_record(stored.value) for stored in records]
    newest = {
        step.alert_id: {
            "alert_id": step.alert_id,
            "state": step.state,
            "version": step.version,
            "assignee": step.assignee,
            "accepted_by": step.accepted_by,
            "reason": step.reason,
            "recorded_at": step.at,
            "revision": revision,
        }
        for step in steps
    }
    return (
        Rows(tables.clues, list(newest.values())),
        Rows(tables.clue_history, [_step_row(step) for step in steps], once=True),
    )


def of_accesses(part: int, records: Sequence[Stored], revision: int) -> tuple[Rows, ...]:
    """Render audited acts, one row each."""
    del revision
    rows = [
        {
            "topic": accesses.TOPIC,
            "part": part,
            "position": stored.offset,
            "alert_id": record.alert_id,
            "act": record.act,
            "outcome": record.outcome,
            "actor": record.actor,
            "role": record.role,
            "organisation": record.organisation,
            "recorded_at": record.at,
            "leaf": record.leaf,
        }
        for stored, record in ((stored, accesses.decode(stored.value)) for stored in records)
    ]
    return (Rows(tables.accesses, rows, once=True),)


def of_marks(part: int, records: Sequence[Stored], revision: int) -> tuple[Rows, ...]:
    """Render marks: the newest of each source, and the clock under the empty name."""
    del part, revision
    newest: dict[str, dict[str, Any]] = {}
    for record in (marks.decode(stored.value) for stored in records):
        silent = frozenset(record.silent)
        newest |= dict(_mark_rows({CLOCK: record.clock} | record.sources, silent))
    return (Rows(tables.marks, list(newest.values())),)


def _mark_rows(sources: dict[str, int], silent: frozenset[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    for source, complete_to in sources.items():
        yield source, {"source": source, "complete_to": complete_to, "silent": source in silent}


def _alert_row(record: alerts.AlertRecord, revision: int) -> dict[str, Any]:
    return {
        "id": record.id,
        "model": record.model,
        "code": record.code,
        "version": record.version,
        "digest": record.digest,
        "state": record.state,
        "severity": record.severity,
        "district": record.district,
        "unit": record.unit,
        "opened_at": record.opened_at,
        "due_at": record.due_at,
        "closed_at": record.closed_at,
        "reported_at": record.reported_at,
        "epoch": record.epoch,
        "first_seen_at": record.mark,
        "recorded_at": record.mark,
        "revision": revision,
        "detail": record.detail,
    }


def _step_row(step: clues.ClueRecord) -> dict[str, Any]:
    return {
        "alert_id": step.alert_id,
        "version": step.version,
        "act": step.act,
        "state": step.state,
        "actor": step.actor,
        "role": step.role,
        "organisation": step.organisation,
        "assignee": step.assignee,
        "reason": step.reason,
        "note": step.note,
        "recorded_at": step.at,
        "leaf": step.leaf,
    }
