"""`gateway`: the door over real HTTP: one server process, the embedded bus and audit log behind it, clients in another.

A simulated city's events, as its sources send them. Batches (NDJSON, up to 256 events) over a few connections: each is
read, checked, labelled, sealed, audited, durable and answered with receipts before its answer leaves. The same with
the worker (release, supervision, read model) beside it in the process, as a node runs. Then single posts over
keep-alive, as fast as answers come and at half that rate, and so while 200 slow clients hang on: half of them send a
body byte by byte, half read the answer to a batch in small gulps. The worker runs beside all single posts.

Raw: for batches the same bytes in as many SQLite rows and commits, with an fdatasync of the audit log's share each; for
single posts the same requests to the same server with nothing behind it but a read body and an answer.
"""

from __future__ import annotations

import os
import random
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from schemas.clock import ManualClock
from services.demo.stage import SITE
from services.gateway.app import Gateway, create_app
from services.node.node import Node, open_node
from services.node.site import Site
from services.simulator.city import City, simulate
from streams.runners.memory import settle
from tests.bench.bench_embedded import Batch, batches, in_turn, runner_of
from tests.bench.disk import raw_seconds, written_by
from tests.bench.harness import Figure, Report
from tests.bench.http_load import HOST, Plan, SlowClients, Told, hanging_on, request_of
from tests.bench.http_load import run as run_load

SEED, CASES = 5, 20_000
BATCH_CONNECTIONS, CONNECTIONS = 8, 32
SINGLES, HALF_SECONDS = 4_000, 6
SLOW = 200
BATCHES_FLOOR, SINGLES_FLOOR, P99_FLOOR = 10_000, 800, 50.0
EVENTS, NDJSON, ONE = "/v1/events", "application/x-ndjson", "application/cloudevents+json"


class SourceNames:
    """Tokens of the bench: a source's token is its name."""

    def who(self, token: str) -> str:
        """Return the source."""
        return token


@dataclass
class Server:
    """A server on a free port of loopback, in a thread of this process."""

    app: Any
    port: int = 0

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Serve while the block runs."""
        with socket.socket() as listener:
            listener.bind((HOST, 0))
            self.port = listener.getsockname()[1]
            config = uvicorn.Config(self.app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            while not server.started:
                time.sleep(0.01)
            yield self
            server.should_exit = True
            thread.join()


async def bare(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Answer 202 to whatever was posted, once its body is there: what HTTP alone costs here."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    answer = b'{"status":"accepted"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


@contextmanager
def worker_beside(node: Node) -> Iterator[None]:
    """Release, supervise and project in a thread while the block runs."""
    stop = threading.Event()
    worker = threading.Thread(target=node.runner.run, args=(stop, print))
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def posts_of(load: Sequence[Batch]) -> list[bytes]:
    """Prepare one post a batch."""
    return [request_of(EVENTS, source, NDJSON, body) for source, body in load]


def singles_of(load: Sequence[Batch], count: int) -> list[bytes]:
    """Prepare one post an event, for the first `count` events."""
    events = [request_of(EVENTS, source, ONE, line) for source, body in load for line in body.split(b"\n")]
    if len(events) < count:
        raise AssertionError(len(events))
    return events[:count]


def events_of(load: Sequence[Batch]) -> int:
    """Count the events of batches."""
    return sum(body.count(b"\n") + 1 for _, body in load)


def sent(port: int, plan: Plan) -> Told:
    """Run a plan; every request must be answered with 202."""
    told = run_load(port, plan)
    if told.statuses != {"202": len(plan.requests)}:
        raise AssertionError(told.statuses)
    return told


@dataclass
class Load:
    """The city's events, for each phase its own: an event that was sent before is answered without being taken."""

    warm: list[Batch]
    batches: list[Batch]
    busy: list[Batch]
    singles: list[Batch]

    @classmethod
    def of(cls, city: City) -> Load:
        """Divide a city's events: a quarter for single posts, the rest for batches."""
        warm, rest = batches(city)
        random.Random(SEED).shuffle(rest)  # noqa: S311 - an order that repeats
        alone, beside = len(rest) // 2, len(rest) * 3 // 4
        return cls(warm, rest[:alone], rest[alone:beside], rest[beside:])


@dataclass
class Measured:
    """Figures of the batches, of the posts, and their raw ones."""

    alone: float
    processor: float
    busy: float
    raw: float


def batches_of(node: Node, port: int, load: Load, data: Path) -> Measured:
    """Post the batches: the door alone, then with the worker beside it."""
    began = time.process_time()
    told = sent(port, Plan(posts_of(load.batches), BATCH_CONNECTIONS))
    processor = time.process_time() - began
    events, share = events_of(load.batches), len(load.batches) / (len(load.batches) + len(load.warm))
    raw = raw_seconds(written_by(data), len(load.batches)) * share
    drained(node)
    with worker_beside(node):
        busy = sent(port, Plan(posts_of(load.busy), BATCH_CONNECTIONS))
    drained(node)
    return Measured(events / told.seconds, events / processor, events_of(load.busy) / busy.seconds, events / raw)


def drained(node: Node) -> None:
    """Let the worker take what there is, outside any figure."""
    while runner_of(node).step():
        pass


def single_figures(node: Node, port: int, load: Load) -> list[Figure]:
    """Post single events: as fast as answers come, at half that rate, and so beside slow clients."""
    with Server(bare).running() as plain, worker_beside(node):
        full = singles_of(load.singles, SINGLES)
        began = time.process_time()
        fast = sent(port, Plan(full, CONNECTIONS))
        processor = time.process_time() - began
        raw_fast = sent(plain.port, Plan(full, CONNECTIONS))
        rate = len(full) / fast.seconds / 2
        count = int(rate * HALF_SECONDS)
        rest = singles_of(load.singles, SINGLES + 2 * count)[SINGLES:]
        half, raw_half = (sent(p, Plan(rest[:count], CONNECTIONS, rate)) for p in (port, plain.port))
        senders, readers = posts_of(load.batches[: SLOW // 2]), posts_of(load.batches[: SLOW // 2])
        with hanging_on(port, SlowClients(cycled(senders), cycled(readers))) as let_go:
            beside = sent(port, Plan(rest[count:], CONNECTIONS, rate))
            left = let_go()
        if left < SLOW * 0.9:
            raise AssertionError(left)
    return [
        Figure(
            "single posts over keep-alive",
            SINGLES / fast.seconds,
            "posts/s",
            SINGLES_FLOOR,
            raw=SINGLES / raw_fast.seconds,
        ),
        Figure("the same, by seconds of processor, the worker's too", SINGLES / processor, "posts/s"),
        p99(f"p99 at half that rate ({rate:.0f}/s)", half, raw_half),
        p99(f"the same beside {SLOW} slow clients", beside, half),
        Figure("longest of these", max(beside.latencies) * 1000, "ms", better="lower", raw=max(half.latencies) * 1000),
    ]


def cycled(posts: Sequence[bytes]) -> list[bytes]:
    """Repeat posts up to half of the slow clients; a repetition is answered with its receipts again."""
    return [posts[number % len(posts)] for number in range(SLOW // 2)]


def p99(name: str, told: Told, raw: Told) -> Figure:
    """Make the figure of a 99th percentile, in milliseconds."""
    return Figure(name, told.quantile(0.99) * 1000, "ms", P99_FLOOR, better="lower", raw=raw.quantile(0.99) * 1000)


def run() -> Report:
    """Open a node, serve its door, and measure."""
    city = simulate(SEED, CASES)
    load = Load.of(city)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "node"
        node = open_node(data, Site.load(SITE), clock=ManualClock(city.end_us))
        in_turn(node, load.warm)
        settle()
        app = create_app(Gateway(node.door, SourceNames(), node.clock))
        with Server(app).running() as server:
            measured = batches_of(node, server.port, load, data)
            singles = single_figures(node, server.port, load)
        node.close()
    about = {
        "events in batches": events_of(load.batches),
        "batches": len(load.batches),
        "connections": BATCH_CONNECTIONS,
        "single posts": SINGLES,
        "their connections": CONNECTIONS,
        "slow clients": SLOW,
        "load average": round(os.getloadavg()[0], 1),
    }
    batch = Figure("batches", measured.alone, "events/s", BATCHES_FLOOR, raw=measured.raw)
    by_processor = Figure("the same, by seconds of processor", measured.processor, "events/s")
    busy = Figure("batches, the worker beside them", measured.busy, "events/s")
    return Report("gateway", about, [batch, by_processor, busy, *singles])
