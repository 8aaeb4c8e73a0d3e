"""Which colour goes with a word: always beside the word and its icon, never instead of them."""

from __future__ import annotations

SEVERITIES = ("red", "orange", "yellow", "blue")
STATE_TONES = {
    "held": "held",
    "closed_by_late_report": "green",
    "cleared": "green",
    "overdue_done": "grey",
}


def tone_of(state: str, severity: str) -> str:
    """Return the colour of an alert: what is held or closed is shown as such, the rest by severity."""
    return STATE_TONES.get(state, severity if severity in SEVERITIES else "grey")
