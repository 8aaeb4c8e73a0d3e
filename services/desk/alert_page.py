"""The alert page as values: shell, detail, timeline, hidden parts with why, acts; only what this person may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.texts import LANGUAGES
from security.policy.table import Decision
from services.desk.alert_contract import ALERT, DETAIL_CLASS
from services.desk.board import log_row, shell
from services.desk.people import Person
from services.desk.rendering import hidden
from streams.alerts import Detail
from streams.clues import Clue, allowed
from streams.projections.values import AccessRow, AlertRow, ClueStepRow, StateRow

ASSIGNMENT_NEEDED = "desk.needs_assignment"


def open_detail(
    detail: Detail, timeline: Sequence[Mapping[str, Any]], titles: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Render an opened detail; the model's key stays inside: it may hold a person key.

    `titles` names event types: the arithmetic speaks of events by their type.
    """
    return {
        "subject": detail.subject,
        "explain": detail.explain,
        "steps": [_named(step, titles) for step in detail.steps],
        "basis": list(detail.basis),
        "timeline": list(timeline),
    }


def _named(step: Mapping[str, Any], titles: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    said: dict[str, str] = {language: str(step.get(language, "")) for language in LANGUAGES}
    for kind in {str(value) for value in dict(step.get("fields", {})).values()} & set(titles):
        said = {language: words.replace(kind, titles[kind][language]) for language, words in said.items()}
    return said


def hidden_detail(why: Mapping[str, str]) -> list[dict[str, Any]]:
    """Render the parts of a closed detail, each with why it is hidden."""
    return [hidden(field, why.get(field.name, ASSIGNMENT_NEEDED)) for field in ALERT.classes[DETAIL_CLASS].fields]


def closed(alert_id: str, decision: Decision) -> dict[str, Any]:
    """Render an alert of which this person may know no more than that it exists: every part, and why it is hidden."""
    why = dict(decision.withheld)
    return {"id": alert_id, "hidden": [hidden(field, why[field.name]) for field in ALERT.fields if field.name in why]}


def states(history: Sequence[StateRow]) -> list[dict[str, Any]]:
    """Render the states an alert went through."""
    return [
        {
            "state": row.state,
            "severity": row.severity,
            "valid_at": row.valid_at,
            "recorded_at": row.recorded_at,
            "reason": row.reason,
        }
        for row in history
    ]


def clue(person: Person, now: Clue, steps: Sequence[ClueStepRow]) -> dict[str, Any]:
    """Render where the clue stands, its steps, and what this person could do now."""
    return {
        "state": now.state.value,
        "version": now.version,
        "assignee": now.assignee,
        "reason": now.reason,
        "acts": [act.value for act in allowed(now, person.account, person.role)],
        "steps": [
            {
                "version": step.version,
                "act": step.act,
                "state": step.state,
                "actor": step.actor,
                "role": step.role,
                "organisation": step.organisation,
                "assignee": step.assignee,
                "reason": step.reason,
                "recorded_at": step.recorded_at,
                "leaf": step.leaf,
            }
            for step in steps
        ],
    }


def with_shell(row: AlertRow, model: Mapping[str, Any], history: Sequence[StateRow]) -> dict[str, Any]:
    """Render what stands on the page for everybody who may see the shell."""
    return shell(row) | {
        "about": {"id": row.model, "version": row.version, "digest": row.digest, **model},
        "history": states(history),
    }


def log_page(row: AlertRow, history: Sequence[StateRow], accesses: Sequence[AccessRow]) -> dict[str, Any]:
    """Render the log's facts about an alert: states, who opened or changed it, leaf numbers; no payload."""
    return log_row(row) | {
        "history": [{"state": state.state, "recorded_at": state.recorded_at} for state in history],
        "accesses": [access(entry) for entry in accesses],
    }


def access(entry: AccessRow) -> dict[str, Any]:
    """Render one audited act."""
    return {
        "act": entry.act,
        "outcome": entry.outcome,
        "actor": entry.actor,
        "role": entry.role,
        "organisation": entry.organisation,
        "recorded_at": entry.recorded_at,
        "leaf": entry.leaf,
    }
