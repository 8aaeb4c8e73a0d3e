"""Who is signed in: a random cookie for the browser, the desk's token in this process's memory only.

The cookie is HttpOnly and SameSite=Strict; it is worth nothing outside this process, and nothing is written to disk.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COOKIE = "casebus_console"
MAX_SESSIONS = 1_000


@dataclass(frozen=True)
class Session:
    """One browser's session: the desk's token and who it belongs to."""

    token: str
    me: Mapping[str, Any]


class Sessions:
    """The sessions of this process; the oldest goes when there are too many."""

    def __init__(self) -> None:
        self._by_cookie: dict[str, Session] = {}

    def open(self, token: str, me: Mapping[str, Any]) -> str:
        """Keep a session and return the cookie's value."""
        while len(self._by_cookie) >= MAX_SESSIONS:
            self._by_cookie.pop(next(iter(self._by_cookie)))
        cookie = secrets.token_urlsafe(32)
        self._by_cookie[cookie] = Session(token, me)
        return cookie

    def of(self, cookies: Mapping[str, str]) -> Session | None:
        """Return the session that a request's cookies name."""
        return self._by_cookie.get(cookies.get(COOKIE, ""))

    def close(self, cookies: Mapping[str, str]) -> Session | None:
        """Forget a session and return what it was."""
        return self._by_cookie.pop(cookies.get(COOKIE, ""), None)

    def forget(self, token: str) -> None:
        """Forget every browser of a session that the desk ended."""
        self._by_cookie = {cookie: s for cookie, s in self._by_cookie.items() if s.token != token}
