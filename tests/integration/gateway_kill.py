"""Kills of a gateway under load: publishers that ask until they are answered, and a proof over what they were told.

Every receipt that was ever returned must verify for the very bytes that were sent and name a record of the audit log
that names the event; every dead letter must be there; every event must stand on the bus once and be delivered once.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec

from security.audit.reading import read
from security.keys.file import FileKeystore
from services.gateway.dead_letters import TOPIC
from services.gateway.receipt import Receipt, verify
from services.node.ground import RECEIPT_KEY
from services.node.layout import DataDirectory
from streams.bus.embedded import EmbeddedBus
from tests.integration.delivery_proof import prove
from tests.integration.fines_node import NDJSON, fine, prepare
from tests.integration.node_process import NodeProcess

CLIENTS = 4
BATCH = 12
AGAIN_SECONDS = 0.1
PATIENCE_SECONDS = 120.0
UNDER_LOAD_SECONDS = 0.35
OPENING_SECONDS = 1.5
ANSWERED = frozenset({202, 207, 422})
SUBSCRIPTION = "supervision"


@dataclass
class Told:
    """What publishers were answered: (bytes of the event, receipt), numbers of letters; what was in vain and why."""

    receipts: list[tuple[bytes, Receipt]] = field(default_factory=list)
    letters: set[int] = field(default_factory=set)
    again: int = 0
    repeated: int = 0
    unexpected: list[str] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, bodies: list[bytes], document: dict[str, Any]) -> None:
        """Keep one answer."""
        results = document.get("results", [document])
        with self.lock:
            for body, result in zip(bodies, results, strict=True):
                if "receipt" in result:
                    self.receipts.append((body, msgspec.convert(result["receipt"], Receipt)))
                    self.repeated += result["status"] == "repeated"
                elif "dead_letter" in result:
                    self.letters.add(result["dead_letter"])
                else:
                    self.unexpected.append(result["code"])


@dataclass
class Publisher:
    """One client in a thread of its own: single events and small batches, some wrong, each until it is answered."""

    url: str
    token: str
    first: int
    told: Told
    rng: random.Random
    stop: threading.Event
    make: Callable[[int], dict[str, Any]] = fine
    patience: float = PATIENCE_SECONDS

    def run(self) -> None:
        """Publish until told to stop; what is on its way then is still brought to its end."""
        number = self.first
        headers = {"authorization": f"Bearer {self.token}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False) as client:
            while not self.stop.is_set():
                count = BATCH if self.rng.random() < 0.3 else 1
                bodies = [self._body(number + n) for n in range(count)]
                number += count
                self._until_answered(client, bodies)
                time.sleep(self.rng.uniform(0, 0.01))

    def _body(self, number: int) -> bytes:
        said = self.make(number)
        if self.rng.random() < 0.05:
            said["data"]["amount_cents"] = "many"
        return json.dumps(said).encode()

    def _until_answered(self, client: httpx.Client, bodies: list[bytes]) -> None:
        media = NDJSON if len(bodies) > 1 else {"content-type": "application/json"}
        until = time.monotonic() + self.patience
        while True:
            try:
                answer = client.post("/v1/events", content=b"\n".join(bodies), headers=media)
                if answer.status_code in ANSWERED:
                    self.told.take(bodies, answer.json())
                    return
                code = answer.json()["code"]
            except httpx.TransportError as error:
                code = type(error).__name__
            if time.monotonic() > until:
                self.told.unexpected.append(code)
                return
            self.told.again += 1
            self.told.reasons.add(code)
            time.sleep(AGAIN_SECONDS)


@dataclass(frozen=True)
class Verdict:
    """What came of it. `faults` names every promise that was broken."""

    kills: int
    receipts: int
    letters: int
    again: int
    repeated: int
    stopped: int
    opening_seconds: float
    faults: tuple[str, ...]


def kill_under_load(data: Path, kills: int, seed: int) -> Verdict:
    """Kill the node of a new directory `kills` times while it is published to; every fifth time while it opens."""
    rng = random.Random(seed)  # noqa: S311 - kills that can be repeated
    token = prepare(data)
    node, told, stop = NodeProcess.on_a_free_port(data), Told(), threading.Event()
    clients = [
        threading.Thread(target=Publisher(node.url, token, 1_000_000 * n, told, random.Random(rng.random()), stop).run)  # noqa: S311 - as above
        for n in range(1, CLIENTS + 1)
    ]
    began = time.monotonic()
    node.start()
    try:
        node.await_health()
        opening = time.monotonic() - began
        for client in clients:
            client.start()
        for number in range(kills):
            time.sleep(rng.uniform(0, OPENING_SECONDS if number % 5 == 4 else UNDER_LOAD_SECONDS))
            node.kill()
            node.start()
            if number % 5 != 3:
                node.await_health()
        node.await_health()
        stop.set()
        for client in clients:
            client.join()
        code = node.stop()
    finally:
        stop.set()
        node.end()
    faults = [*_faults(data, told), *(f"unexpected answer {code}" for code in told.unexpected)]
    return Verdict(
        kills, len(told.receipts), len(told.letters), told.again, told.repeated, code, opening, tuple(faults)
    )


def receipt_faults(data: Path, told: Told, log: Path | None = None) -> list[str]:
    """Hold every receipt against the bytes it is for and the audit log of a stopped gateway: the node's, or `log`."""
    directory = DataDirectory(data)
    key = FileKeystore(directory.keys / "keystore.json").signer(RECEIPT_KEY).public_key
    records = {stored.seq: stored.record for stored in read(log or directory.audit)}
    faults = []
    for body, receipt in told.receipts:
        statement = receipt.statement
        record = records.get(statement.seq)
        if not verify(receipt, key, body):
            faults.append(f"receipt of {statement.id} does not verify")
        if record is None or record.act != "publish" or statement.id.replace("-", "") not in record.data["events"]:
            faults.append(f"receipt of {statement.id} names no record of its event")
    return faults


def acknowledged(told: Told) -> Counter[bytes]:
    """Return the ids of the events that a receipt was returned for, once each."""
    return Counter({bytes.fromhex(r.statement.id.replace("-", "")): 1 for _, r in told.receipts})


def _faults(data: Path, told: Told) -> list[str]:
    directory, faults = DataDirectory(data), receipt_faults(data, told)
    bus = EmbeddedBus(directory.bus, read_only=True)
    try:
        letters = {stored.offset for stored in bus.read(TOPIC, 0, 0, 1_000_000)}
    finally:
        bus.close()
    faults += [f"dead letter {number} is gone" for number in sorted(told.letters - letters)]
    proof = prove(data)
    faults += [f"{each.hex()} stands twice on the bus" for each, n in proof.accepted.items() if n > 1]
    faults += [f"{each.hex()} was acknowledged and is not on the bus" for each in acknowledged(told) - proof.accepted]
    delivered = proof.delivered.get(SUBSCRIPTION, Counter())
    faults += [f"{each.hex()} took effect {delivered[each]} times" for each in proof.accepted if delivered[each] != 1]
    return faults + proof.breaches
