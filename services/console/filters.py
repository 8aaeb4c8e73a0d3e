"""The board's filters live in the URL: what a person looks at can be sent to a colleague, bookmarked, undone."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

NAMES = ("district", "unit", "model", "severity", "state")
MAX_LENGTH = 40


def of_query(query: Mapping[str, str]) -> dict[str, str]:
    """Read the filters of a URL; what is not a filter, or not a plain word, is left out."""
    return {name: query[name] for name in NAMES if _plain(query.get(name, ""))}


def board_url(language: str, filters: Mapping[str, str]) -> str:
    """Return the board's address with these filters."""
    query = urlencode({name: filters[name] for name in NAMES if filters.get(name)})
    return f"/{language}/board" + (f"?{query}" if query else "")


def changed(filters: Mapping[str, str], name: str, value: str) -> dict[str, str]:
    """Return the filters with one of them changed; another district has other units."""
    after = {**filters, name: value}
    if name == "district":
        after.pop("unit", None)
    return {key: kept for key, kept in after.items() if kept}


def _plain(value: str) -> bool:
    return 0 < len(value) <= MAX_LENGTH and value.replace("-", "").replace("_", "").replace(".", "").isalnum()
