"""The load of `kafka-whole`: a publisher process that posts fines over HTTP at a stated rate, each stamped.

    python -m tests.bench.whole_load PORT PLAN

PLAN is a file with a JSON `Plan`; a `Told` comes out as JSON. Every source has a connection for batches and one for
marks: once a second it says that everything up to its last answered batch has been sent. The k-th batch is due at
k · batch / rate, also where the answer before it is late: what an alert is stamped with is when its batch was due. Of
each case four events are sent, one a batch: created, sent, notified, paid. A few cases lead to an alert, and the time
of the event that leads there is the stamp.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from schemas.clock import HOUR, ScaledClock, SystemClock
from schemas.instants import format_instant
from tests.bench.http_load import HOST, request_of
from tests.integration.node_process import ROOT

KINDS = ("created", "sent", "notified", "paid")
SITE = ROOT / "tests" / "bench" / "whole" / "site.yaml"
BACK = 4 * HOUR
"""How long ago a fine that is sent late was created: beyond the two hours of the model."""
SHORT = 8 * HOUR
"""How long ago a notice was given whose ten hours end soon."""
EVERY = 1.0
"""Seconds between two marks of a source."""


@dataclass
class Plan:
    """What the publisher does: tokens by source, events of a batch, phases as (events a second, seconds).

    `started`, `origin` and `rate` are the node's scaled clock; `share` counts the cases of a kind of alert in a batch.
    """

    tokens: Mapping[str, str]
    batch: int
    phases: list[tuple[float, float]]
    started: int
    origin: int
    rate: float
    share: int = 1

    def clock(self) -> ScaledClock:
        """Return the node's clock."""
        return ScaledClock(SystemClock(), started=self.started, origin=self.origin, rate=self.rate)

    def stamp(self, machine: float) -> int:
        """Return the node's time at a time of the machine, in seconds."""
        return self.origin + int((machine * 1e6 - self.started) * self.rate)


@dataclass
class Phase:
    """What came of one phase: when it began and ended, events acknowledged, latencies of answers, how late it ran."""

    began: float
    ended: float = 0.0
    events: int = 0
    answers: list[float] = field(default_factory=list)
    late: float = 0.0


@dataclass
class Told:
    """What came of all: phases, answers by status, and each mark: source, mark, when it was sent, seconds."""

    phases: list[Phase] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    marks: list[tuple[str, int, float]] = field(default_factory=list)
    mark_answers: list[float] = field(default_factory=list)


class Fines:
    """The cases of one source, four events each, one a batch."""

    def __init__(self, source: str, plan: Plan) -> None:
        self.source, self._size, self._share = source, plan.batch // len(KINDS), plan.share
        self._district = source.removeprefix("traffic-").partition("/")[0]
        self._batches = 0
        self._sequence = 0

    def body(self, now: int) -> bytes:
        """Make the next batch, NDJSON; `now` is its stamp."""
        lines = []
        for behind, kind in enumerate(KINDS):
            number = self._batches - behind
            if number < 0:
                continue
            for place in range(self._size):
                made = self._data(kind, place, now)
                if made is not None:
                    at, data = made
                    lines.append(self._line(kind, number * self._size + place, at, data))
        self._batches += 1
        return "\n".join(lines).encode()

    def _data(self, kind: str, place: int, now: int) -> tuple[int, str] | None:
        """Say when an event occurred and what stands in it; the first places of a batch lead to alerts."""
        matches, late, unpaid = (place // self._share == n for n in range(3))
        if kind == "created":
            return (now - BACK if late else now, f',"amount_cents":{100_000 if matches else 3500},"officer":"561"')
        if kind == "notified":
            return (now - SHORT if unpaid else now, "")
        if kind == "paid":
            return None if unpaid else (now, ',"payment_cents":3500')
        return (now, "")

    def _line(self, kind: str, case: int, at: int, data: str) -> str:
        self._sequence += 1
        case_id = f"{self._district}-{case}"
        return (
            f'{{"specversion":"1.0","id":"{_uuid7()}","type":"traffic.fine.{kind}","source":"{self.source}",'
            f'"subject":"{case_id}","time":"{format_instant(at)}","district":"{self._district}",'
            f'"sequence":"{self._sequence:020}","data":{{"case_id":"{case_id}"{data}}}}}'
        )


def _uuid7() -> str:
    text = uuid.uuid4().hex
    at = f"{time.time_ns() // 1_000_000:012x}"
    return f"{at[:8]}-{at[8:]}-7{text[13:16]}-{text[16:20]}-{text[20:]}"


class Publisher:
    """Posts what a plan says."""

    def __init__(self, port: int, plan: Plan) -> None:
        self._port, self._plan = port, plan
        self._told, self._statuses = Told(), Counter[str]()
        self._fines = {source: Fines(source, plan) for source in plan.tokens}
        self._said = dict.fromkeys(plan.tokens, 0)

    async def run(self) -> Told:
        """Do every phase, one after the other, and tell marks meanwhile."""
        beating = [asyncio.create_task(self._beat(source)) for source in self._plan.tokens]
        for rate, seconds in self._plan.phases:
            await self._phase(rate, seconds)
        await asyncio.sleep(2 * EVERY)
        for task in beating:
            task.cancel()
        await asyncio.gather(*beating, return_exceptions=True)
        self._told.statuses = dict(self._statuses)
        return self._told

    async def _phase(self, rate: float, seconds: float) -> None:
        phase = Phase(time.time())
        self._told.phases.append(phase)
        interval = self._plan.batch / rate
        numbers = range(int(seconds / interval))
        count = len(self._fines)
        await asyncio.gather(
            *(
                self._post(source, phase, (phase.began + number * interval for number in numbers[first::count]))
                for first, source in enumerate(self._fines)
            )
        )
        phase.ended = time.time()

    async def _post(self, source: str, phase: Phase, due: Iterator[float]) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        fines, token = self._fines[source], self._plan.tokens[source]
        for at in due:
            wait = at - time.time()
            if wait > 0:
                await asyncio.sleep(wait)
            phase.late = max(phase.late, -wait)
            body = fines.body(self._plan.stamp(at))
            writer.write(request_of("/v1/events", token, "application/x-ndjson", body))
            await self._answered(reader)
            self._said[source] = self._plan.stamp(at)
            phase.answers.append(time.time() - at)
            phase.events += body.count(b"\n") + 1
        writer.close()

    async def _beat(self, source: str) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        while True:
            if mark := self._said[source]:
                began = time.time()
                body = json.dumps({"complete_to": format_instant(mark)}).encode()
                writer.write(request_of("/v1/marks", self._plan.tokens[source], "application/json", body))
                await self._answered(reader)
                self._told.marks.append((source, mark, began))
                self._told.mark_answers.append(time.time() - began)
            await asyncio.sleep(EVERY)

    async def _answered(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        self._statuses[head.split(b" ", 2)[1].decode()] += 1


def main() -> None:
    """Run a plan from its file and print what came of it."""
    plan = Plan(**json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
    json.dump(asdict(asyncio.run(Publisher(int(sys.argv[1]), plan).run())), sys.stdout)


if __name__ == "__main__":
    main()
