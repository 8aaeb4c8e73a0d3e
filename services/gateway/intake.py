"""Intake: the bytes of a request as events, within limits. What cannot be read stands for itself and is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec

from schemas.errors import RefusedError
from services.gateway.inspection import Unreadable

NOT_JSON: Final = "gateway.not_json"
TOO_DEEP: Final = "gateway.too_deep"
TOO_LARGE: Final = "gateway.too_large"
ONE: Final = frozenset({"application/json", "application/cloudevents+json"})
LINES: Final = frozenset({"application/x-ndjson", "application/ndjson"})


class TooLargeError(RefusedError):
    """A request over one of the limits."""

    code: ClassVar[str] = TOO_LARGE
    http_status: ClassVar[int] = 413


class MediaTypeError(RefusedError):
    """A content type that is not taken."""

    code: ClassVar[str] = "gateway.media_type"
    http_status: ClassVar[int] = 415


@dataclass(frozen=True)
class Limits:
    """What one request may be.

    Attributes:
        body: bytes of a request; event: bytes of one event; events: events of a batch; depth: nesting of one event.
        waiting: bytes of requests that wait for a commit; beyond it a request is answered with 429.
        body_seconds: how long a client may take to send a request.
    """

    body: int = 8 << 20
    event: int = 256 << 10
    events: int = 10_000
    depth: int = 8
    waiting: int = 64 << 20
    body_seconds: float = 30


@dataclass(frozen=True)
class Read:
    """The events of one request and the bytes of each; `lines` are their lines, from 1, where it was a batch."""

    events: list[Any]
    bodies: list[bytes]
    lines: list[int] | None = None


def read_one(body: bytes, limits: Limits) -> Read:
    """Read a request of one event."""
    return Read([_event(body, limits)], [body])


def read_lines(body: bytes, limits: Limits) -> Read:
    """Read a batch, one event a line; empty lines say nothing. Raises `TooLargeError` beyond the number of events."""
    numbered = [(n, line.rstrip(b"\r")) for n, line in enumerate(body.split(b"\n"), 1)]
    kept = [(n, line) for n, line in numbered if line.strip()]
    if len(kept) > limits.events:
        raise TooLargeError(limit=limits.events)
    return Read([_event(line, limits) for _, line in kept], [line for _, line in kept], [n for n, _ in kept])


def _event(body: bytes, limits: Limits) -> Any:
    if len(body) > limits.event:
        return Unreadable(TOO_LARGE, limits.event)
    try:
        said = msgspec.json.decode(body)
    except RecursionError:
        return Unreadable(TOO_DEEP, limits.depth)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unreadable(NOT_JSON)
    # Nothing nests deeper than it has opening brackets: most events are shallow enough by their count alone.
    shallow = body.count(b"{") + body.count(b"[") <= limits.depth
    return said if shallow or _depth_fits(said, limits.depth) else Unreadable(TOO_DEEP, limits.depth)


def _depth_fits(said: Any, left: int) -> bool:
    if isinstance(said, dict):
        below = said.values()
    elif isinstance(said, list):
        below = said  # type: ignore[assignment]
    else:
        return True
    if not left:
        return False
    return all(_depth_fits(value, left - 1) for value in below if isinstance(value, dict | list))
