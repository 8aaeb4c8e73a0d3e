"""Server-sent events: a subscription's views as they are released (WHATWG HTML §9.2).

    id: 41                      the cursor (embedded: the offset); who comes back sends it as Last-Event-ID
    event: view
    data: {one CloudEvent}

A comment goes out every `HEARTBEAT_SECONDS` while there is nothing to say; `event: end` says with a code why the server
ends the stream. A stream holds one chunk of views and no more: where the client does not read, nothing further is read
for it, and after `STALL_SECONDS` it is cut off and comes back where it was.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

from schemas.errors import CasebusError
from schemas.texts import Language
from security.view_schema import ViewRegistry
from services.gateway.collector import BusyError, StoppingError
from services.gateway.cursor import Cursor
from services.gateway.exchange import TokenError
from services.gateway.lookout import Lookout
from services.gateway.readers import Reader
from services.gateway.receiving import Receiving, View
from services.gateway.view_rendering import Form, cloudevent

MEDIA: Final = "text/event-stream"
RETRY_MS: Final = 2000
CHUNK: Final = 64
HEARTBEAT_SECONDS: Final = 15.0
STALL_SECONDS: Final = 20.0
PER_SUBSCRIPTION: Final = 4
IN_ALL: Final = 256
_NOT_WITH_ERRORS: Final = "no-store"


class TooManyStreamsError(BusyError):
    """The subscription, or the gateway, has as many streams as it may."""

    code: ClassVar[str] = "subscription.too_many_streams"


@dataclass(frozen=True)
class Wanted:
    """One stream as it was asked for; `again` answers who the token belongs to now."""

    subscription: str
    topic: str
    after: Cursor
    form: Form
    language: Language
    again: Callable[[], Reader | None]


@dataclass
class Streams:
    """The streams that are open; `stopping` tells that the server is about to end."""

    receiving: Receiving
    registry: ViewRegistry
    stopping: Callable[[], bool]
    heartbeat: float = HEARTBEAT_SECONDS
    stall: float = STALL_SECONDS
    _open: Counter[str] = field(default_factory=Counter)
    _lookout: Lookout | None = None

    def open(self, wanted: Wanted) -> ViewStream:
        """Open a stream; raises `TooManyStreamsError`."""
        if self._open[wanted.subscription] >= PER_SUBSCRIPTION or self._open.total() >= IN_ALL:
            raise TooManyStreamsError
        return ViewStream(self, wanted)

    @property
    def count(self) -> int:
        """How many are open."""
        return self._open.total()

    def entered(self, subscription: str) -> None:
        """Count a stream that began."""
        self._open[subscription] += 1

    def left(self, subscription: str) -> None:
        """Count a stream that ended."""
        self._open[subscription] -= 1

    async def parts(self, wanted: Wanted) -> AsyncIterator[str]:
        """Yield the text of a stream, part by part, until something ends it."""
        yield f"retry: {RETRY_MS}\n\n"
        after = wanted.after
        while True:
            try:
                text, after, seen = await asyncio.to_thread(self._chunk, wanted, after)
            except CasebusError as error:
                yield ended(error, wanted.language)
                return
            if text:
                yield text
            elif not await self._grown(wanted.topic, seen):
                yield ": nothing new\n\n"

    def _chunk(self, wanted: Wanted, after: Cursor) -> tuple[str, Cursor, int]:
        if self.stopping():
            raise StoppingError
        reader = wanted.again()
        if reader is None:
            raise TokenError
        page = self.receiving.read(reader, wanted.subscription, after, CHUNK, "stream")
        many = self.receiving.partitioned
        text = "".join(framed(rendered(v, wanted.form, self.registry, many), v.cursor) for v in page.views)
        return text, page.next, page.seen

    async def _grown(self, topic: str, after: int) -> bool:
        """Wait for the topic to grow; look up early, too, where the server is about to stop."""
        if self._lookout is None:
            self._lookout = Lookout(self.receiving.end)
        waited = 0.0
        while waited < self.heartbeat and not self.stopping():
            step = min(1.0, self.heartbeat - waited)
            if await self._lookout.wait(topic, after, step):
                return True
            waited += step
        return False


class ViewStream(StreamingResponse):
    """One stream as a response; it counts while it runs, and ends where its client does not read."""

    def __init__(self, streams: Streams, wanted: Wanted) -> None:
        self._streams, self._wanted = streams, wanted
        headers = {"Cache-Control": _NOT_WITH_ERRORS, "X-Accel-Buffering": "no"}
        super().__init__(streams.parts(wanted), headers=headers, media_type=MEDIA)

    async def stream_response(self, send: Send) -> None:
        """Send the parts, each within `stall` seconds."""

        async def timed(message: Message) -> None:
            async with asyncio.timeout(self._streams.stall):
                await send(message)

        self._streams.entered(self._wanted.subscription)
        try:
            await super().stream_response(timed)
        except TimeoutError:
            return  # the server closes a connection whose answer has no end; the client comes back with Last-Event-ID
        finally:
            self._streams.left(self._wanted.subscription)


def rendered(view: View, form: Form, registry: ViewRegistry, partitioned: bool) -> dict[str, Any]:  # noqa: FBT001 - a fact about the bus
    """Return a view as a CloudEvent; where its topic has partitions it names its own."""
    event = cloudevent(view.stored, form, registry)
    return {**event, "partition": view.partition} if partitioned else event


def framed(event: dict[str, Any], cursor: Cursor) -> str:
    """Return one view as a server-sent event; JSON has no line break in it."""
    return f"id: {cursor}\nevent: view\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"


def ended(error: CasebusError, language: Language) -> str:
    """Return the event that says why a stream ends."""
    said = {"code": error.code, "message": error.message(language), "hint": error.hint(language)}
    return f"event: end\ndata: {json.dumps(said, ensure_ascii=False)}\n\n"
