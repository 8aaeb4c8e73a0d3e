"""The board: counts for all who may see counts, shells of alerts for those who may see rows. Plain functions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.desk.models import ModelCards
from streams.projections.values import AlertRow, Count

SEVERITIES = ("red", "orange", "yellow", "blue")
"""Worst first."""

OPEN_STATES = frozenset({"approaching", "held", "raised", "unconfirmed"})
"""States in which something is still to be done by the unit concerned."""

STATES = ("approaching", "held", "raised", "unconfirmed", "overdue_done", "closed_by_late_report", "cleared")
"""Every state of an alert, in the order of its life."""


def tally(counts: Iterable[Count]) -> dict[str, int]:
    """Count open alerts by severity, and the states that a page shows by themselves."""
    by_severity: Counter[str] = Counter()
    by_state: Counter[str] = Counter()
    for count in counts:
        by_state[count.state] += count.number
        if count.state in OPEN_STATES:
            by_severity[count.severity] += count.number
    open_now = sum(by_severity.values())
    return (
        {"open": open_now, "total": sum(by_state.values())}
        | {name: by_severity[name] for name in SEVERITIES}
        | {"held": by_state["held"], "late_report": by_state["closed_by_late_report"]}
    )


def worst(tallied: Mapping[str, int]) -> str:
    """Return the worst severity among open alerts, or the empty word."""
    return next((name for name in SEVERITIES if tallied[name]), "")


def by_district(counts: Sequence[Count], districts: Sequence[str]) -> list[dict[str, Any]]:
    """Tally each district, those without alerts included."""
    groups = _group(counts, lambda count: count.district)
    return [_tile("code", code, groups.get(code, [])) for code in districts]


def by_unit(counts: Sequence[Count]) -> list[dict[str, Any]]:
    """Tally each unit that has alerts, most open first."""
    tiles = [_tile("unit", unit, group) for unit, group in _group(counts, lambda count: count.unit).items()]
    return sorted(tiles, key=lambda tile: (-tile["open"], tile["unit"]))


def by_model(counts: Sequence[Count], models: ModelCards) -> list[dict[str, Any]]:
    """Tally each model that is known or has alerts; models that share a code stand beside each other."""
    groups = _group(counts, lambda count: count.model)
    names = {count.model: (count.code, None) for count in counts} | models.names()
    ordered = sorted(names, key=lambda model: (names[model][0], model))
    return [
        _tile("model", model, groups.get(model, [])) | {"code": names[model][0], "title": names[model][1]}
        for model in ordered
    ]


def by_state(counts: Iterable[Count]) -> dict[str, int]:
    """Count the alerts in each state."""
    numbers = dict.fromkeys(STATES, 0)
    for count in counts:
        numbers[count.state] = numbers.get(count.state, 0) + count.number
    return numbers


def shell(row: AlertRow) -> dict[str, Any]:
    """Render the level 2 shell of an alert."""
    return {
        "id": row.id,
        "model": row.model,
        "code": row.code,
        "state": row.state,
        "severity": row.severity,
        "district": row.district,
        "unit": row.unit,
        "opened_at": row.opened_at,
        "due_at": row.due_at,
        "closed_at": row.closed_at,
        "reported_at": row.reported_at,
        "first_seen_at": row.first_seen_at,
        "recorded_at": row.recorded_at,
        "clue_state": row.clue_state,
        "assignee": row.assignee,
    }


def log_row(row: AlertRow) -> dict[str, Any]:
    """Render what the log says of an alert: its id, its state, when; nothing of its content."""
    return {"id": row.id, "state": row.state, "recorded_at": row.recorded_at, "clue_state": row.clue_state}


def _tile(name: str, value: str, counts: Sequence[Count]) -> dict[str, Any]:
    tallied = tally(counts)
    return {name: value, "worst": worst(tallied)} | tallied


def _group(counts: Iterable[Count], key: Any) -> dict[str, list[Count]]:
    groups: defaultdict[str, list[Count]] = defaultdict(list)
    for count in counts:
        groups[key(count)].append(count)
    return dict(groups)
