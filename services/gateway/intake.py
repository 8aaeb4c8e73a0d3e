"""Intake: the bytes of a request as events, within limits. What cannot be read stands for itself and is answered.

| content type | holds |
|---|---|
| application/json, application/cloudevents+json | one event |
| application/cloudevents-batch+json | a JSON array of events |
| application/x-ndjson, application/ndjson | one event a line |
| application/avro, avro/binary, application/vnd.apache.avro | a container file of the publisher's Avro form |

A batch is read event by event: one that cannot be read hinders no other. A container file is taken or refused as a
whole where it is torn, since nobody can say where its next record begins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

import msgspec

from schemas.codec import DecodeError
from schemas.container import ContainerError, read_container
from schemas.errors import RefusedError
from schemas.submission import Forms
from services.gateway.inspection import Unreadable
from services.gateway.limits import SourceLimits
from services.gateway.member_names import names_once

NOT_JSON: Final = "gateway.not_json"
NAME_TWICE: Final = "gateway.name_twice"
TOO_DEEP: Final = "gateway.too_deep"
TOO_LARGE: Final = "gateway.too_large"
ONE: Final = frozenset({"application/json", "application/cloudevents+json"})
LINES: Final = frozenset({"application/x-ndjson", "application/ndjson"})
ARRAY: Final = frozenset({"application/cloudevents-batch+json"})
CONTAINER: Final = frozenset({"application/avro", "avro/binary", "application/vnd.apache.avro"})
TAKEN: Final = ONE | LINES | ARRAY | CONTAINER


class TooLargeError(RefusedError):
    """A request over one of the limits."""

    code: ClassVar[str] = TOO_LARGE
    http_status: ClassVar[int] = 413


class MediaTypeError(RefusedError):
    """A content type that is not taken."""

    code: ClassVar[str] = "gateway.media_type"
    http_status: ClassVar[int] = 415


class NotArrayError(RefusedError):
    """A batch that is no JSON array."""

    code: ClassVar[str] = "gateway.not_array"
    http_status: ClassVar[int] = 400


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


def narrowed(limits: Limits, own: SourceLimits) -> Limits:
    """Return the gateway's limits as they count for a source with limits of its own."""
    stated = {name: getattr(own, name) for name in ("body", "event", "events", "depth")}
    return replace(limits, **{name: min(value, getattr(limits, name)) for name, value in stated.items() if value})


@dataclass(frozen=True)
class Read:
    """The events of one request and the bytes of each; `lines` are their places, from 1, where it was a batch."""

    events: list[Any]
    bodies: list[bytes]
    lines: list[int] | None = None


def read(media: str, body: bytes, limits: Limits, forms: Forms) -> Read:
    """Read a request of a content type in `TAKEN`.

    Raises:
        TooLargeError, ContainerSizeError: a batch of too many events. NotArrayError: the batch is no JSON array.
        ContainerError, ContainerCodecError, ContainerSchemaError: the container file cannot be taken.
    """
    if media in LINES:
        return read_lines(body, limits)
    if media in ARRAY:
        return read_array(body, limits)
    if media in CONTAINER:
        return read_avro(body, limits, forms)
    return read_one(body, limits)


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


def read_array(body: bytes, limits: Limits) -> Read:
    """Read a batch as one JSON array; each element's own bytes are what its receipt names.

    Raises:
        NotArrayError: it is no array of JSON values. TooLargeError: more events than a batch may have.
    """
    try:
        parts = [bytes(raw) for raw in _array.decode(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotArrayError from None
    if len(parts) > limits.events:
        raise TooLargeError(limit=limits.events)
    return Read([_event(part, limits) for part in parts], parts, list(range(1, len(parts) + 1)))


def read_avro(body: bytes, limits: Limits, forms: Forms) -> Read:
    """Read a container file of the publisher's Avro form, by our own codec.

    Raises:
        ContainerError, ContainerCodecError, ContainerSchemaError, ContainerSizeError: see `schemas.container`.
    """
    container = read_container(body, limits.events)
    form = forms.find(container.schema)
    events: list[Any] = []
    bodies: list[bytes] = []
    for count, data in container.contents(limits.body):
        at = 0
        for _ in range(count):
            try:
                record, end = form.codec.decode_from(data, at)
            except DecodeError:
                raise ContainerError(offset=at) from None
            bodies.append(data[at:end])
            events.append(form.said(record) if end - at <= limits.event else Unreadable(TOO_LARGE, limits.event))
            at = end
        if at != len(data):
            raise ContainerError(offset=at)
    return Read(events, bodies, list(range(1, len(events) + 1)))


def events_in(media: str, body: bytes, limits: Limits) -> int:
    """Return about how many events a request holds, without reading them: what its rate is charged by."""
    if media in LINES:
        return body.count(b"\n") + (not body.endswith(b"\n"))
    if media in ARRAY:
        return max(1, body.count(b'"specversion"'))
    if media in CONTAINER:
        try:
            return max(1, sum(block.count for block in read_container(body, limits.events).blocks))
        except RefusedError:
            return 1
    return 1


_array = msgspec.json.Decoder(list[msgspec.Raw])


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
    if not shallow and not _depth_fits(said, limits.depth):
        return Unreadable(TOO_DEEP, limits.depth)
    return said if names_once(body, said) else Unreadable(NAME_TWICE)


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
