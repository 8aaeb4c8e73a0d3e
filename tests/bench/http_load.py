"""Load over HTTP/1.1 from a process of its own: prepared requests, keep-alive, latencies taken at the client.

    python -m tests.bench.http_load PORT PLAN
    python -m tests.bench.http_load PORT SLOW_CLIENTS

PLAN is a file with a pickled `Plan`; a `Told` comes out as JSON. A plan without a rate sends as fast as answers come;
one with a rate sends each request at its time, and its latency counts from then, also where every connection was busy.

SLOW_CLIENTS is a file with pickled `SlowClients`: they live in another process than the one that takes latencies, for
what they cost there is no latency of the server. A line comes out when every one is under way: a byte of its body sent,
or a gulp of its answer read. When its input ends, the number of those that still hang on comes out.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[2]
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
    """

    requests: Sequence[bytes]
    connections: int
    rate: float = 0


@dataclass
class SlowClients:
    """Requests that are sent byte by byte, and requests whose answers are read so."""

    senders: Sequence[bytes]
    readers: Sequence[bytes]


@dataclass
class Told:
    """What came of it: seconds from the first request to the last answer, latencies in seconds, answers by status."""

    seconds: float = 0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

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
    with _kept(plan) as name:
        done = subprocess.run(_command(port, name), stdout=subprocess.PIPE, check=True, cwd=ROOT)
    return Told(**json.loads(done.stdout))


@contextmanager
def hanging_on(port: int, clients: SlowClients) -> Iterator[Callable[[], int]]:
    """Let slow clients hang on while the block runs; what it yields ends them, and tells how many still did."""
    with _kept(clients) as name:
        process = subprocess.Popen(
            _command(port, name), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        with process:
            assert process.stdin
            assert process.stdout
            process.stdout.readline()
            yield lambda: int(process.communicate()[0])


@contextmanager
def _kept(what: Plan | SlowClients) -> Iterator[str]:
    with tempfile.NamedTemporaryFile() as file:
        pickle.dump(what, file)
        file.flush()
        yield file.name


def _command(port: int, name: str) -> list[str]:
    return [sys.executable, "-m", "tests.bench.http_load", str(port), name]


async def load(port: int, plan: Plan) -> Told:
    """Do what the plan says on this event loop."""
    told, statuses = Told(), Counter[str]()
    began = time.perf_counter()
    due = iter([(began + number / plan.rate if plan.rate else 0, each) for number, each in enumerate(plan.requests)])
    await asyncio.gather(*(_work(port, due, told, statuses) for _ in range(plan.connections)))
    told.seconds = time.perf_counter() - began
    told.statuses = dict(statuses)
    return told


async def hang_on(port: int, clients: SlowClients) -> None:
    """Let slow clients hang on until the input ends; print when all are under way, and how many are left."""
    under_way = [asyncio.Event() for _ in (*clients.senders, *clients.readers)]
    ways = iter(under_way)
    slow = [asyncio.create_task(_send_slowly(port, request, next(ways))) for request in clients.senders]
    slow += [asyncio.create_task(_read_slowly(port, request, next(ways))) for request in clients.readers]
    await asyncio.gather(*(event.wait() for event in under_way))
    print("under way", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(sum(not task.done() for task in slow))
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


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
    """Run what a file holds; see above for what comes out."""
    port, name = int(sys.argv[1]), Path(sys.argv[2])
    what: Plan | SlowClients = pickle.loads(name.read_bytes())  # noqa: S301 - of the process that started this one
    if isinstance(what, SlowClients):
        asyncio.run(hang_on(port, what))
    else:
        json.dump(asdict(asyncio.run(load(port, what))), sys.stdout)


if __name__ == "__main__":
    from tests.bench import http_load  # what is unpickled is of the module, not of __main__

    http_load.main()
