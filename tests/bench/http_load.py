"""Load over HTTP/1.1 from a process of its own: prepared requests, keep-alive, latencies taken at the client.

    python -m tests.bench.http_load PORT PLAN

PLAN is a file with a pickled `Plan`; a `Told` comes out as JSON. A plan without a rate sends as fast as answers come;
one with a rate sends each request at its time, and its latency counts from then, also where every connection was busy.
The clock starts when every slow client is under way: a byte of its body sent, or a gulp of its answer read.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
PAUSE = 0.25
"""Seconds between two bytes of a slow sender, and between two gulps of a slow reader."""
GULP = 1024
READ_BUFFER = 4096


@dataclass
class Plan:
    """What one client process does.

    Attributes:
        requests: whole requests, head and body.
        connections: how many are kept open. rate: requests a second, 0 for as fast as answers come.
        senders: requests that are sent byte by byte while the others run. readers: those whose answers are.
    """

    requests: Sequence[bytes]
    connections: int
    rate: float = 0
    senders: Sequence[bytes] = ()
    readers: Sequence[bytes] = ()


@dataclass
class Told:
    """What came of it: seconds from the first request to the last answer, latencies in seconds, answers by status.

    `slow` counts the slow clients that still hung on to the server when the others were done.
    """

    seconds: float = 0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    slow: int = 0

    def quantile(self, share: float) -> float:
        """Return the latency that `share` of the requests stayed within."""
        return sorted(self.latencies)[min(int(share * len(self.latencies)), len(self.latencies) - 1)]


def request_of(path: str, token: str, media: str, body: bytes) -> bytes:
    """Prepare a POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def run(port: int, plan: Plan) -> Told:
    """Run a plan in a process of its own."""
    with tempfile.NamedTemporaryFile() as file:
        pickle.dump(plan, file)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.http_load", str(port), file.name],
            stdout=subprocess.PIPE,
            check=True,
            cwd=Path(__file__).parents[2],
        )
    return Told(**json.loads(done.stdout))


async def load(port: int, plan: Plan) -> Told:
    """Do what the plan says on this event loop."""
    told, statuses = Told(), Counter[str]()
    under_way = [asyncio.Event() for _ in (*plan.senders, *plan.readers)]
    ways = iter(under_way)
    slow = [asyncio.create_task(_send_slowly(port, request, next(ways))) for request in plan.senders]
    slow += [asyncio.create_task(_read_slowly(port, request, next(ways))) for request in plan.readers]
    await asyncio.gather(*(event.wait() for event in under_way))
    began = time.perf_counter()
    due = iter([(began + number / plan.rate if plan.rate else 0, each) for number, each in enumerate(plan.requests)])
    await asyncio.gather(*(_work(port, due, told, statuses) for _ in range(plan.connections)))
    told.seconds = time.perf_counter() - began
    told.statuses = dict(statuses)
    told.slow = sum(not task.done() for task in slow)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    return told


async def _work(port: int, due: Iterator[tuple[float, bytes]], told: Told, statuses: Counter[str]) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    for at, request in due:
        wait = at - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        began = at or time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        told.latencies.append(time.perf_counter() - began)
        statuses[head.split(b" ", 2)[1].decode()] += 1
    writer.close()


async def _send_slowly(port: int, request: bytes, under_way: asyncio.Event) -> None:
    """Send the head at once and the body byte by byte, for as long as the server lets it."""
    head, _, body = request.partition(b"\r\n\r\n")
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(head + b"\r\n\r\n")
    for byte in body:
        writer.write(bytes([byte]))
        under_way.set()
        await asyncio.sleep(PAUSE)
    await reader.read()


async def _read_slowly(port: int, request: bytes, under_way: asyncio.Event) -> None:
    """Send a whole request and read its answer in small gulps, through a small buffer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ_BUFFER)
    connection.setblocking(False)  # noqa: FBT003 - the standard library's name for it
    loop = asyncio.get_running_loop()
    with connection:
        await loop.sock_connect(connection, (HOST, port))
        await loop.sock_sendall(connection, request)
        while await loop.sock_recv(connection, GULP):
            under_way.set()
            await asyncio.sleep(PAUSE)


def main() -> None:
    """Run a plan from its file and print what came of it."""
    plan: Plan = pickle.loads(Path(sys.argv[2]).read_bytes())  # noqa: S301 - written by the process that started this one
    json.dump(asdict(asyncio.run(load(int(sys.argv[1]), plan))), sys.stdout)


if __name__ == "__main__":
    main()
