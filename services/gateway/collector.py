"""Group commit: requests that arrive together share one commit of the door, in a thread of its own.

While a commit is on its way to the disk the next requests gather; when nothing is on its way a request waits at most
`LINGER` for company. Parsing, checking, signing and writing all happen in the thread: the event loop only moves bytes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, Final

from schemas.errors import RefusedError, UnavailableError
from schemas.submission import Forms
from schemas.texts import Language
from services.gateway.answer import Answer, answer
from services.gateway.door import Door, Request
from services.gateway.intake import Limits, Read, narrowed, read
from services.gateway.source import Source

LINGER: Final = 0.001
COMMIT_BYTES: Final = 512 << 10
"""Requests of one commit, some 700 events: a bound on how long one keeps the others waiting."""


class BusyError(UnavailableError):
    """More is waiting than the gateway can take soon."""

    code: ClassVar[str] = "gateway.busy"
    http_status: ClassVar[int] = 429


class StoppingError(UnavailableError):
    """The gateway is stopping; nothing of this request was taken."""

    code: ClassVar[str] = "gateway.stopping"


@dataclass(frozen=True)
class Posting:
    """One request as it came: whose, its bytes, their content type, the language of its answer."""

    source: Source
    body: bytes
    media: str = "application/json"
    language: Language = "en"


@dataclass(frozen=True)
class _Waiting:
    posting: Posting
    future: asyncio.Future[Answer]


class Collector:
    """Gathers postings and commits them; lives on one event loop."""

    def __init__(self, door: Door, limits: Limits, linger: float = LINGER) -> None:
        self._door, self._limits, self._linger = door, limits, linger
        self._forms = Forms(door.contracts)
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="casebus-door")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to commit; on the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Commit what waits, then stop."""
        self._stopping = True
        self._wake.set()
        if self._task:
            await self._task
        self._pool.shutdown()

    def reserve(self, size: int) -> None:
        """Take room for bytes that are being read; raises `BusyError` where there is none."""
        if self._bytes + size > self._limits.waiting:
            self._door.metrics.throttled()
            raise BusyError
        self._bytes += size
        self._door.metrics.waiting.set(self._bytes)

    def release(self, size: int) -> None:
        """Give back room."""
        self._bytes -= size
        self._door.metrics.waiting.set(self._bytes)

    async def post(self, posting: Posting) -> Answer:
        """Commit a posting together with others; return its answer.

        Raises:
            RefusedError: a batch that cannot be read or is too large. UnavailableError: nothing of it was acknowledged.
        """
        if self._stopping:
            raise StoppingError
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(posting, future))
        self._wake.set()
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._queue:
                if self._stopping:
                    return
                self._wake.clear()
                await self._wake.wait()
                await asyncio.sleep(self._linger)
            group = self._group()
            if group:
                results = await loop.run_in_executor(self._pool, self._commit, [one.posting for one in group])
                for one, result in zip(group, results, strict=True):
                    _resolve(one.future, result)

    def _group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        while self._queue and (not group or size + len(self._queue[0].posting.body) <= COMMIT_BYTES):
            one = self._queue.popleft()
            group.append(one)
            size += len(one.posting.body)
        return group

    def _commit(self, postings: Sequence[Posting]) -> list[Answer | Exception]:
        """Read, commit and answer; in the thread. A failure of one posting is not a failure of the others."""
        results: list[Answer | Exception] = []
        reads: list[tuple[Posting, Read]] = []
        for posting in postings:
            try:
                within = narrowed(self._limits, posting.source.limits)
                reads.append((posting, read(posting.media, posting.body, within, self._forms)))
            except RefusedError as error:
                self._door.metrics.turned_away(error.code)
                results.append(error)
                continue
            except Exception as error:  # noqa: BLE001 - hostile bytes must not end the thread that serves everybody
                results.append(error)
                continue
            results.append(_PENDING)
        requests = [Request(p.source, r.events, bodies=r.bodies) for p, r in reads]
        try:
            rows = self._door.accept_all(requests)
            answers = [answer(row, r.lines, p.language) for row, (p, r) in zip(rows, reads, strict=True)]
        except Exception as error:  # noqa: BLE001 - whatever it is, every waiting client must hear of it
            return [error if result is _PENDING else result for result in results]
        ready = iter(answers)
        return [next(ready) if result is _PENDING else result for result in results]


_PENDING = Exception("pending")


def _resolve(future: asyncio.Future[Answer], result: Answer | Exception) -> None:
    if future.done():
        return  # the client went away; what was taken stays taken
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
