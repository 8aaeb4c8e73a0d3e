"""The whole chain under kills: publishers over HTTP, node and gateway on Kafka killed at any moment, workers too.

    publishers → node (killed)    ╲
    publishers → gateway (killed) → raw → release (killed) → views, work → supervise (killed) → alerts → read model

What publishers were told is held against the audit log of their gateway; what receivers saw against the logs of the
workers and a pure fold (`whole_proof`).
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
from sqlalchemy import select

from schemas.event import derived_id, sequence_of
from services.node.site import Site
from services.node.tokens import issue
from services.worker.assembly import WORKERS
from streams import panorama, work
from streams.projections import tables
from streams.projections.database import open_database
from streams.supervision.finding import FINAL
from tests.house.tree import ROOT
from tests.integration.gateway_kill import Publisher, Told, acknowledged, receipt_faults
from tests.integration.kafka.installation import Installation
from tests.integration.kafka.whole_proof import Whole, expected, prove
from tests.integration.node_process import NodeProcess

SITE = ROOT / "tests/integration/data/three_offices.yaml"
PARTITIONS = 3
"""With three partitions the three sources leave one raw partition without an event."""
COLLECTION = "casebus.view.collection"
CREATED = "traffic.fine.created"
ANNEX = "annex"
"""The gateway beside the node, to which the site gives one of the sources."""
UNDER_LOAD_SECONDS = 0.6
OPENING_SECONDS = 2.0
ANSWERS = 8
"""A gateway that opened lives until it gave so many receipts more, and then a moment of chance."""
PATIENCE_SECONDS = 30.0
PUBLISHER_SECONDS = 900.0
"""An event that a publisher gives up may stand on raw without a receipt: none gives up before the test does."""
SENT = ("2010-02-01T00:00:00Z", "2010-09-01T00:00:00Z")
"""In time, and after the limit of ninety days."""


def three_offices() -> Site:
    """Load the site of these runs."""
    return Site.load(SITE)


def said(source: str, number: int) -> dict[str, Any]:
    """Return what a source says as its event of that number: fines, of each three one sent in time and one late."""
    case, step = divmod(number, 5)
    opened, fine = step in {0, 1, 3}, f"{source}/{case}-{step - (step in {2, 4})}"
    data: dict[str, Any] = {"case_id": fine}
    return {
        "specversion": "1.0",
        "id": str(uuid.UUID(bytes=derived_id(source, sequence_of(number)))),
        "type": CREATED if opened else "traffic.fine.sent",
        "source": source,
        "subject": fine,
        "time": "2010-01-01T00:00:00Z" if opened else SENT[step == 4],
        "district": "990100",
        "sequence": sequence_of(number),
        "data": {**data, "amount_cents": 3500, "officer": "561"} if opened else data,
    }


@dataclass
class GatewayProcess(NodeProcess):
    """A gateway beside the node, by its command; `data` is the directory with the keys."""

    cli: Sequence[str] = (sys.executable, "-m", "services.cli.app")

    @property
    def command(self) -> Sequence[str]:
        """The command that runs it."""
        options = ["--data", str(self.data), "--instance", ANNEX, "--port", str(self.port)]
        return [*self.cli, "worker", "gateway", *options]


@dataclass
class Torment:
    """A run: the installation with its gateways, what publishers were told by each, what was killed."""

    office: Installation
    rng: random.Random
    gateways: dict[str, NodeProcess] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    clients: list[threading.Thread] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def refused(self) -> set[str]:
        """The codes and failures that publishers got on the way."""
        return {code for told in self.told.values() for code in told.reasons}

    @classmethod
    def of(cls, office: Installation, seed: int) -> Torment:
        """Begin a run that can be repeated."""
        return cls(office, random.Random(seed))  # noqa: S311 - kills that can be repeated

    def publish(self, gateway: str, process: NodeProcess, tokens: dict[str, str]) -> None:
        """Let every source of a gateway publish there, each by two clients."""
        self.gateways[gateway], self.tokens[gateway] = process, tokens
        told = self.told.setdefault(gateway, Told())
        for source, token in tokens.items():
            for first in (0, 1_000_000):
                rng = random.Random(self.rng.random())  # noqa: S311 - as above
                make = partial(said, source)
                publisher = Publisher(process.url, token, first, told, rng, self.stop, make, PUBLISHER_SECONDS)
                self.clients.append(threading.Thread(target=publisher.run, daemon=True))

    def start(self) -> None:
        """Start the gateways, and the clients once they answer."""
        for process in self.gateways.values():
            process.start()
        for process in self.gateways.values():
            process.await_health()
        for client in self.clients:
            client.start()

    def run(self, kills: int, workers: Iterable[str] = ()) -> None:
        """Kill each gateway so often, every fifth time while it opens; after each a worker, in turn."""
        beside = list(workers)
        for number in range(kills):
            for name, process in self.gateways.items():
                if number % 5 != 4:
                    self._answered(name)
                self.rest(self.rng.uniform(0, OPENING_SECONDS if number % 5 == 4 else UNDER_LOAD_SECONDS))
                process.kill()
                process.start()
                self.kills[name] += 1
            if beside:
                instance = beside[number % len(beside)]
                self.office.kill(instance)
                self.kills[instance] += 1
            if number % 5 != 3:
                for process in self.gateways.values():
                    process.await_health()

    def _answered(self, gateway: str) -> None:
        receipts, until = self.told[gateway].receipts, time.monotonic() + PATIENCE_SECONDS
        wanted = len(receipts) + ANSWERS
        while len(receipts) < wanted and time.monotonic() < until:
            self.rest(0.02)

    def rest(self, seconds: float) -> None:
        """Let everything work; workers that ended themselves are started again."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.office.tend()
            time.sleep(min(left, 0.1))

    def finish(self) -> None:
        """Bring what is on its way to its end, let each source say that this is all, and stop the gateways."""
        for process in self.gateways.values():
            process.await_health()
        self.stop.set()
        for client in self.clients:
            client.join()
        for gateway, process in self.gateways.items():
            process.await_health()
            for token in self.tokens[gateway].values():
                heartbeat(process.url, token)
            assert process.stop() == 0, process.said

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        self.stop.set()
        for process in self.gateways.values():
            process.end()


def heartbeat(url: str, token: str) -> None:
    """Say for a source that this is all up to now."""
    headers = {"authorization": f"Bearer {token}"}
    httpx.post(
        f"{url}/v1/marks", json={"heartbeat": True}, headers=headers, timeout=60, trust_env=False
    ).raise_for_status()


def settle(office: Installation) -> dict[str, str]:
    """Open the node in this process and wait for the effects; return alert id → state as its pages show them."""
    node = office.node()
    try:
        with office.kept_running():
            node.pump()
    finally:
        node.close()
    database = open_database(node.data.read)
    try:
        with database.connect() as connection:
            return {row.id: row.state for row in connection.execute(select(tables.alerts.c.id, tables.alerts.c.state))}
    finally:
        database.dispose()


def begun(office: Installation, seed: int) -> Torment:
    """Make the topics and the node of a new installation, and prepare to publish to it; nothing runs yet."""
    office.make_topics()
    node = office.node()
    tokens = {source.id: issue(node, source.id) for source in office.site.sources}
    node.close()
    run = Torment.of(office, seed)
    hall, annex = NodeProcess.on_a_free_port(office.data), GatewayProcess.on_a_free_port(office.data)
    hall.environment = annex.environment = office.address.environment()
    annex.log = office.data.parent / f"{ANNEX}.log"
    bound = {source.id for source in office.site.sources if source.gateway == ANNEX}
    run.publish(office.site.node, hall, {source: token for source, token in tokens.items() if source not in bound})
    run.publish(ANNEX, annex, {source: token for source, token in tokens.items() if source in bound})
    office.start_all({"release": ("release-1",), "supervise": ("supervise-1",)})
    return run


def proven(office: Installation, run: Torment) -> Whole:
    """Bring a run to its end, stop everything, and prove what is left."""
    run.finish()
    pages = settle(office)
    office.stop()
    whole = prove(office)
    whole.breaches += faults(office, run, whole, pages)
    return whole


def torment_gateway(office: Installation, kills: int, seed: int, workers: Iterable[str] = ()) -> tuple[Torment, Whole]:
    """Kill the node of a new installation under load, workers beside it, and prove what is left."""
    run = begun(office, seed)
    try:
        run.start()
        run.run(kills, workers)
        return run, proven(office, run)
    finally:
        run.end()
        office.stop()


def faults(office: Installation, run: Torment, whole: Whole, pages: dict[str, str]) -> list[str]:
    """Hold what publishers were told against logs, topics, alerts and pages; return every promise that was broken."""
    found, taken = [], Counter[bytes]()
    for gateway, told in run.told.items():
        log = office.data / WORKERS / gateway / "audit" if gateway == ANNEX else None
        found += [f"{gateway}: {each}" for each in receipt_faults(office.data, told, log)]
        found += [f"{gateway}: unexpected answer {code}" for code in told.unexpected]
        taken |= acknowledged(told)
    events = [json.loads(body) for told in run.told.values() for body, _ in told.receipts]
    fines = {uuid.UUID(each["id"]).bytes for each in events if each["type"] == CREATED}
    found += _differ("acknowledged and on raw", set(taken), set(whole.raw))
    for topic, wanted in {work.TOPIC: set(taken), panorama.TOPIC: set(taken), COLLECTION: fines}.items():
        found += _differ(f"acknowledged and on {topic}", wanted, set(whole.delivered[topic]))
    standing = {alert: state for alert, state in whole.standing.items() if state in FINAL}
    found += _differ("alerts of a pure fold and on Kafka", set(expected(office, events).items()), set(standing.items()))
    return found + _differ("alerts on Kafka and on the pages", set(whole.standing.items()), set(pages.items()))


def _differ(what: str, one: set[Any], other: set[Any]) -> list[str]:
    return (
        [f"{what}: only the first has {len(one - other)}, only the second {len(other - one)}"] if one != other else []
    )
