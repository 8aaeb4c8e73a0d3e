"""The live list: an AG Grid whose rows change by one transaction a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nicegui import ui

from services.console.tones import tone_of
from services.console.words import Words, deadline, moment

PILL = (
    "p => { const e = document.createElement('span'); e.className = 'pill ' + p.data[p.colDef.field + '_tone'];"
    " e.textContent = p.value; return e; }"
)
LINK = "p => { const e = document.createElement('a'); e.href = p.data.href; e.textContent = p.value; return e; }"
GO = (
    "p => { if (!p.event || p.event.type !== 'keydown' || p.event.key === 'Enter')"
    " window.location.href = p.data.href; }"
)
SHOWN_ID = 12
Row = dict[str, Any]


class LiveGrid:
    """A grid that is told whole lists and sends only what changed."""

    def __init__(self, words: Words, columns: Sequence[Mapping[str, Any]], rows: Sequence[Row], caption: str) -> None:
        empty = words("list.empty")
        self._rows = {row["id"]: row for row in rows}
        self._grid = ui.aggrid(
            {
                "columnDefs": [*columns, {"field": "order", "hide": True, "sort": "desc"}],
                "rowData": list(rows),
                ":getRowId": "p => p.data.id",
                ":onCellKeyDown": GO,
                ":onRowDoubleClicked": GO,
                "localeText": {"noRowsToShow": empty},
                "suppressCellFocus": False,
                "suppressMovableColumns": True,
                "animateRows": False,
                "defaultColDef": {"resizable": True, "sortable": True, "suppressHeaderMenuButton": True},
            },
            auto_size_columns=False,
        ).classes("grid")
        self._grid.props["aria-label"] = caption

    def show(self, rows: Sequence[Row]) -> int:
        """Bring the grid to `rows`, which are capped by the desk; return how many are new."""
        fresh = {row["id"]: row for row in rows}
        added = [row for key, row in fresh.items() if key not in self._rows]
        changed = [row for key, row in fresh.items() if key in self._rows and self._rows[key] != row]
        gone = [{"id": key} for key in self._rows if key not in fresh]
        if added or changed or gone:
            self._grid.run_grid_method("applyTransaction", {"add": added, "update": changed, "remove": gone})
        self._rows = fresh
        return len(added)


def alert_columns(words: Words) -> list[dict[str, Any]]:
    """Return the columns of the alert list."""

    def column(field: str, width: int, **more: Any) -> dict[str, Any]:
        return {"field": field, "headerName": words(f"column.{field}"), "width": width, **more}

    wide = words.language == "en"
    return [
        column("severity", 96 if wide else 76, **{":cellRenderer": PILL}),
        column("state", 178 if wide else 152, **{":cellRenderer": PILL}),
        column("model", 200, flex=2, minWidth=170, tooltipField="model", **{":cellRenderer": LINK}),
        column("place", 150, flex=1, minWidth=110, tooltipField="place"),
        column("due", 136),
        column("changed", 136),
        column("clue", 84),
    ]


def alert_row(words: Words, row: Mapping[str, Any], titles: Mapping[str, str], *, one_district: bool) -> Row:
    """Render one shell of the board's view model as a row; where all are of one district, units lose its name."""
    tone = tone_of(row["state"], row["severity"])
    title = titles.get(row["model"], "")
    return {
        "id": row["id"],
        "href": f"/{words.language}/alerts/{row['id']}",
        "severity": words.severity(row["severity"]),
        "severity_tone": row["severity"],
        "state": words(f"state.{row['state']}"),
        "state_tone": tone,
        "model": f"{row['code']} {title}".strip(),
        "place": words.unit(row["unit"])
        if one_district and row["unit"]
        else words.place(row["unit"] or row["district"]),
        "due": deadline(row["due_at"]),
        "changed": moment(row["recorded_at"]),
        "clue": words.coded("clue.state", row["clue_state"]),
        "order": row["recorded_at"],
    }


def log_columns(words: Words) -> list[dict[str, Any]]:
    """Return the columns of the security officer's list of alerts."""
    return [
        {"field": "alert", "headerName": words("column.alert"), "flex": 1, "minWidth": 110, ":cellRenderer": LINK},
        {"field": "state", "headerName": words("column.state"), "width": 150},
        {"field": "changed", "headerName": words("column.changed"), "width": 140},
    ]


def log_row(words: Words, row: Mapping[str, Any]) -> Row:
    """Render an alert as the log knows it."""
    return {
        "id": row["id"],
        "alert": row["id"][:SHOWN_ID],
        "href": f"/{words.language}/alerts/{row['id']}",
        "state": words(f"state.{row['state']}"),
        "changed": moment(row["recorded_at"]),
        "order": row["recorded_at"],
    }


def access_columns(words: Words) -> list[dict[str, Any]]:
    """Return the columns of the list of audited acts."""

    def column(field: str, flex: float) -> dict[str, Any]:
        return {"field": field, "headerName": words(f"column.{field}"), "flex": flex}

    return [
        column("leaf", 0.7),
        column("changed", 1.4),
        column("act", 1.2),
        column("outcome", 0.8),
        column("actor", 1.2),
        column("role", 1.2),
        {**column("alert", 1.6), ":cellRenderer": LINK},
    ]


def access_row(words: Words, entry: Mapping[str, Any]) -> Row:
    """Render one audited act."""
    return {
        "id": f"{entry['leaf']}/{entry['act']}",
        "leaf": entry["leaf"],
        "changed": moment(entry["recorded_at"]),
        "act": words.coded("console.act", entry["act"]),
        "outcome": words.coded("console.outcome", entry["outcome"]),
        "actor": entry["actor"],
        "role": words.role(entry["role"]),
        "alert": entry["alert_id"][:SHOWN_ID],
        "href": f"/{words.language}/alerts/{entry['alert_id']}",
        "order": entry["leaf"],
    }
