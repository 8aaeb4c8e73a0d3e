"""A gateway beside the node, by its own certificate, and a source that moves from it to the node.

Receipts of the gateway that was left stay valid, a repeat at the new one takes effect once, and the mark that the
source declared before does not go back, also where it declares a lower one after the move. What names persons in clear
is refused at a gateway without a vault, with the way out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from schemas.clock import SECOND, ManualClock
from schemas.instants import format_instant
from security.audit.reading import read as read_log
from security.audit.verify import verify as verify_log
from security.keys.file import FileKeystore
from services.gateway.outcome import Status
from services.gateway.receipt import Receipt, verify
from services.gateway.source import ElsewhereError
from services.node.ground import RECEIPT_KEY
from services.node.node import Node
from services.node.site import Site
from services.node.tokens import issue
from services.simulator.city import City
from services.worker.assembly import WORKERS
from streams import panorama
from tests.integration.kafka.chain_proof import read
from tests.integration.kafka.gateway_faults import ANNEX, GatewayProcess
from tests.integration.kafka.installation import Installation, wait_for

MOVING = "police-990103/records"
VAULTED = "identity.recorded"
PATIENCE_SECONDS = 60.0


def bound(site: Site, gateway: str) -> Site:
    """Return the site in which the moving source is given to a gateway."""
    given = (replace(each, gateway=gateway) if each.id == MOVING else each for each in site.sources)
    return replace(site, sources=tuple(given))


@dataclass
class Caller:
    """The moving source, which calls a gateway over HTTP."""

    url: str
    token: str

    def call(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Post; return status and answer."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        sent = json.dumps(body).encode()
        answer = httpx.post(f"{self.url}{path}", content=sent, headers=headers, timeout=60, trust_env=False)
        return answer.status_code, answer.json()

    def say(self, event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Publish an event."""
        return self.call("/v1/events", event)

    def complete_to(self, us: int) -> int:
        """Declare a mark; return the status."""
        return self.call("/v1/marks", {"complete_to": format_instant(us)})[0]


def told(city: City) -> list[dict[str, Any]]:
    """Return what the moving source says in the city."""
    return [dict(each.event) for each in city.deliveries if each.source == MOVING and each.event is not None]


def times_shown(office: Installation, event: dict[str, Any]) -> int:
    """Tell how often release delivered an event to the panorama."""
    wanted = bytes.fromhex(event["id"].replace("-", ""))
    partitions = read(office.address, panorama.TOPIC, office.partitions)
    return sum(panorama.decode(item.value).event_id == wanted for items in partitions for item in items)


def settled(node: Node, clock: ManualClock) -> None:
    """Let everything take effect."""
    clock.advance_to(clock.now_us() + SECOND)
    node.pump()


def mark_of(node: Node) -> int:
    """Return the moving source's mark as the pages show it."""
    return node.read_model.marks().sources.get(MOVING, 0)


def reaches(node: Node, clock: ManualClock, mark: int) -> bool:
    """Wait until the source's mark is shown."""

    def shown() -> bool:
        settled(node, clock)
        return mark_of(node) == mark

    return wait_for(shown, PATIENCE_SECONDS)


def at_the_annex(
    office: Installation, node: Node, annex: GatewayProcess, city: City, clock: ManualClock
) -> tuple[Caller, bytes, Receipt]:
    """Publish and declare there; return the caller, an event's bytes and its receipt."""
    ordinary = next(event for event in told(city) if event["type"] != VAULTED)
    caller = Caller(annex.url, issue(node, MOVING))
    status, answer = caller.say(ordinary)
    assert (status, answer["status"]) == (202, "accepted"), answer
    body, receipt = json.dumps(ordinary).encode(), msgspec.convert(answer["receipt"], Receipt)
    assert receipt.statement.node == ANNEX

    status, answer = caller.say(next(event for event in told(city) if event["type"] == VAULTED))
    assert (status, answer["code"]) == (422, "gateway.no_vault"), answer
    assert "gateway" in answer["hint"]
    with pytest.raises(ElsewhereError):
        node.door.accept(MOVING, [ordinary])

    assert caller.complete_to(city.end_us) == 200
    assert reaches(node, clock, city.end_us)
    assert times_shown(office, ordinary) == 1
    return caller, body, receipt


def editions(log: Path) -> set[str]:
    """Return the editions that the starts of a log name."""
    return {str(each.record.data.get("edition")) for each in read_log(log) if each.record.act == "start"}


def moved(office: Installation, caller: Caller, body: bytes, receipt: Receipt, city: City, clock: ManualClock) -> None:
    """The site gives the source to the node: the next gateway takes it, and nothing of before is lost or doubled."""
    event, public_key = (
        json.loads(body),
        FileKeystore(office.data / "keys/keystore.json").signer(RECEIPT_KEY).public_key,
    )
    office.site = bound(office.site, "")
    node = office.node(clock)
    try:
        assert wait_for(lambda: caller.say(event)[0] == 421, PATIENCE_SECONDS)
        (again,) = node.door.accept(MOVING, [event])
        assert (again.status, again.receipt is not None) == (Status.ACCEPTED, True)
        node.door.complete_to(MOVING, city.end_us - 60 * SECOND)
        settled(node, clock)
        assert mark_of(node) == city.end_us
        node.door.complete_to(MOVING, city.end_us + SECOND)
        assert reaches(node, clock, city.end_us + SECOND)
        (person,) = node.door.accept(MOVING, [next(each for each in told(city) if each["type"] == VAULTED)])
        assert person.status is Status.ACCEPTED
        assert times_shown(office, event) == 1
    finally:
        node.close()
    assert verify(receipt, public_key, body)
    # Each log says by which contracts its events were taken.
    assert len(editions(office.data / "audit") | editions(office.data / WORKERS / ANNEX / "audit")) == 1
    assert verify_log(office.data / WORKERS / ANNEX / "audit", 3).ok
