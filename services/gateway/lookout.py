"""The lookout: one look at the ends of all topics that somebody waits for, instead of one by every stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

LOOK_SECONDS: Final = 0.1


@dataclass
class Lookout:
    """Wakes streams when a topic has grown. It looks while somebody waits, in a thread; it lives on one event loop.

    `end` answers one past the last offset of a topic.
    """

    end: Callable[[str], int]
    _waiting: dict[str, dict[asyncio.Future[None], int]] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None

    async def wait(self, topic: str, after: int, seconds: float) -> bool:
        """Return True once the topic holds more than offset `after`, False when `seconds` have passed."""
        loop = asyncio.get_running_loop()
        grown: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(topic, {})[grown] = after
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._look())
        try:
            async with asyncio.timeout(seconds):
                await grown
        except TimeoutError:
            return False
        finally:
            waiting = self._waiting.get(topic, {})
            waiting.pop(grown, None)
            if not waiting:
                self._waiting.pop(topic, None)
        return True

    def _ends(self, topics: list[str]) -> dict[str, int]:
        return {topic: self.end(topic) for topic in topics}

    async def _look(self) -> None:
        while self._waiting:
            ends = await asyncio.to_thread(self._ends, list(self._waiting))
            for topic, end in ends.items():
                for grown, after in self._waiting.get(topic, {}).items():
                    if end > after + 1 and not grown.done():
                        grown.set_result(None)
            await asyncio.sleep(LOOK_SECONDS)
