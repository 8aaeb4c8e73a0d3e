"""A network between everybody and one broker that can be slow, narrow, broken or gone: a TCP proxy in this process.

The broker advertises the proxy's port, so whatever learns of it by its metadata goes through here, itself included.
Delay and rate hold for each direction of each connection; a reset is a RST in the midst of whatever is on its way.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from deploy.kafka.ports import LOOPBACK, free_ports

PIECE = 16_384
LINGER_NONE = struct.pack("ii", 1, 0)


@dataclass
class Network:
    """The way to `target`, a port of loopback, by `port`. `delay` in seconds one way, `rate` in bytes a second."""

    target: int = 0
    delay: float = 0.0
    rate: float = 0.0
    down: bool = False
    resets: int = 0
    port: int = field(default_factory=lambda: free_ports(1)[0])
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _server: asyncio.Server | None = None

    @property
    def listeners(self) -> dict[str, str]:
        """The property of a broker whose clients come this way."""
        return {"advertised.listeners": f"EXT://{LOOPBACK}:{self.port}"}

    def start(self) -> None:
        """Begin to listen."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._connected, LOOPBACK, self.port))

    def reset(self) -> None:
        """Break every connection, as a firewall that forgot them does."""
        self._do(self._break())

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self.down = True
        self.reset()

    def mend(self) -> None:
        """Be a good network again."""
        self.delay, self.rate, self.down = 0.0, 0.0, False

    def stop(self) -> None:
        """Let go of everything."""
        if self._thread is None:
            return
        self.cut()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        mine = asyncio.current_task()
        for task in asyncio.all_tasks():
            if task is not mine:
                task.cancel()
        await asyncio.sleep(0)

    async def _break(self) -> None:
        for writer in list(self._open):
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
            writer.transport.abort()
            self.resets += 1
        self._open.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        try:
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        finally:
            self._open -= {writer, far_writer}
            writer.transport.abort()
            far_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction: what was read is due after the delay, and takes its time on the wire."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

        async def read() -> None:
            with contextlib.suppress(OSError):
                while piece := await reader.read(PIECE):
                    await waiting.put((self._loop.time() + self.delay, piece))
            await waiting.put((0.0, b""))

        reading = self._loop.create_task(read())
        try:
            while (item := await waiting.get())[1]:
                due, piece = item
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if self.rate:
                    await asyncio.sleep(len(piece) / self.rate)
                with contextlib.suppress(OSError):
                    writer.write(piece)
                    await writer.drain()
        finally:
            reading.cancel()
            writer.close()
