"""The console's own files: one style sheet, one mark. Everything a page loads comes from this process."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
ROUTE = "/static/casebus"
MARK = (
    '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.2">'
    '<path d="M16 3 5 7v8c0 7 5 11 11 14 6-3 11-7 11-14V7z"/><path d="M10 13h12M10 18h12M16 9v14"/></svg>'
)
FAVICON = MARK.replace('class="mark" ', 'xmlns="http://www.w3.org/2000/svg" ').replace("currentColor", "#12335b")


def style_url() -> str:
    """Return the style sheet's address; it changes with its content, so that it may be cached for ever."""
    digest = sha256((FOLDER / "console.css").read_bytes()).hexdigest()[:12]
    return f"{ROUTE}/console.css?v={digest}"
