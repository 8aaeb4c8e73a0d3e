"""A node that has released a small city, served on loopback as its readers meet it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from schemas.catalogue import Contracts
from schemas.clock import ManualClock
from security.receiver_key import ReceiverKey
from services.node.node import Node, open_node
from services.node.server import application
from services.node.site import Site
from services.node.tokens import hand_out_key, issue_to_subscription
from services.simulator.city import simulate
from tests.house.tree import ROOT
from tests.integration.serving import serving

SITE = ROOT / "deploy" / "site" / "demo.yaml"
FILING = "procuratorate-990103-filing"
EXECUTION = "court-990103-execution"


@dataclass
class ReadingNode:
    """A running node: its address, the tokens and keys of its receivers, and a source's token."""

    node: Node
    url: str
    tokens: dict[str, str]
    keys: dict[str, ReceiverKey]
    publisher: str

    def client(self, subscription: str) -> httpx.Client:
        """Return a client with a receiver's token."""
        headers = {"authorization": f"Bearer {self.tokens[subscription]}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)


def released_city(data: Path, cases: int = 30) -> Node:
    """Open a node, let its door take a city and release everything."""
    city = simulate(1, cases)
    clock = ManualClock(city.deliveries[0].at_us)
    node = open_node(data, Site.load(SITE, Contracts.load()), clock=clock)
    for delivery in city.deliveries:
        clock.advance_to(delivery.at_us)
        if delivery.event is not None:
            node.door.accept(delivery.source, [delivery.event])
    node.pump()
    return node


@contextmanager
def served(node: Node) -> Iterator[ReadingNode]:
    """Serve a node's application on a free port; the node stays the caller's."""
    stopping = threading.Event()
    with serving(application(node, stopping.is_set)) as url:
        yield ReadingNode(
            node,
            url,
            {name: issue_to_subscription(node, name) for name in (FILING, EXECUTION)},
            {name: hand_out_key(node, name) for name in (FILING, EXECUTION)},
            node.tokens.issue("police-990103/cases"),
        )
        stopping.set()
