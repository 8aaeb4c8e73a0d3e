"""A whole installation on Kafka for tests: topics of a site, a node in this process, workers by their commands."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from schemas.clock import Clock
from services.doctor.kafka import names_of
from services.node.node import Node, open_node
from services.node.site import Site
from streams import alerts
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_admin import KafkaAdmin
from streams.bus.kafka_reader import KafkaReader
from streams.bus.kafka_topics import load
from streams.supervision.finding import FINAL
from tests.house.tree import ROOT
from tests.integration.kafka.chain_proof import read

Workers = Mapping[str, tuple[str, ...]]
"""Kind → instances."""
ONE_RELEASE_TWO_SUPERVISE: Workers = {"release": ("release-1",), "supervise": ("supervise-1", "supervise-2")}


@dataclass
class Installation:
    """One site on one broker; `partitions` bounds those of every topic."""

    address: KafkaAddress
    data: Path
    site: Site
    partitions: int = 2
    brokers: int = 1
    addresses: dict[str, KafkaAddress] = field(default_factory=dict)
    options: dict[str, tuple[str, ...]] = field(default_factory=dict)
    running: dict[str, tuple[str, subprocess.Popen[bytes]]] = field(default_factory=dict)
    cli: Sequence[str] = (sys.executable, "-m", "services.cli.app")

    def make_topics(self) -> None:
        """Make the site's topics and access rules as the doctor does, with few partitions; what is there stays."""
        plan = load(names_of(self.site), self.brokers)
        with KafkaAdmin(self.address) as admin:
            there = admin.topics(plan.names)
            missing = [each for each in plan.topics if each.name not in there]
            admin.make([replace(each, partitions=min(each.partitions, self.partitions)) for each in missing])
            admin.allow(plan)
        # A rule takes a moment to reach what the broker answers.
        for name, address in self.addresses.items():
            seen = {topic.name for topic in plan.topics if name in {*topic.write, *topic.read, *topic.see}}
            assert wait_for(partial(_sees, address, seen), 20), name

    def node(self, clock: Clock | None = None) -> Node:
        """Open the node."""
        return open_node(self.data, self.site, clock=clock, kafka=self.addresses.get("node", self.address))

    def start(self, kind: str, instance: str, *options: str) -> None:
        """Start a worker; with options, also when it is started again."""
        given = self.options.setdefault(instance, options)
        command = [*self.cli, "worker", kind, "--data", str(self.data)]
        with (self.data.parent / f"{instance}.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--instance", instance, *given],
                cwd=ROOT,
                env={**os.environ, **self.addresses.get(kind, self.address).environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.running[instance] = (kind, process)

    def start_all(self, workers: Workers = ONE_RELEASE_TWO_SUPERVISE) -> None:
        """Start workers."""
        for kind, instances in workers.items():
            for instance in instances:
                self.start(kind, instance)

    def kill(self, instance: str) -> None:
        """End a worker by kill -9 and start it again."""
        kind, process = self.running[instance]
        process.kill()
        process.wait()
        self.start(kind, instance)

    def tend(self) -> None:
        """Start the workers again that ended."""
        for instance, (kind, process) in list(self.running.items()):
            if process.poll() is not None:
                self.start(kind, instance)

    @contextmanager
    def kept_running(self) -> Iterator[None]:
        """Start workers again that ended themselves, as a supervisor of processes does."""
        done = threading.Event()

        def keep() -> None:
            while not done.wait(0.2):
                self.tend()

        thread = threading.Thread(target=keep, name="tend")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def stop(self) -> None:
        """Stop every worker."""
        for _, process in self.running.values():
            process.terminate()
        for _, process in self.running.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()

    def states(self) -> dict[str, str]:
        """Return alert id → the state it stands in, as a read_committed reader of Kafka sees it."""
        found: dict[str, str] = {}
        count = min(4, self.partitions)
        for items in read(self.address, alerts.TOPIC, count):
            for item in items:
                alert = alerts.decode(item.value)
                found[alert.id] = alert.state
        return found

    def final(self) -> dict[str, str]:
        """Return the alerts that stand in a final state."""
        return {alert: state for alert, state in self.states().items() if state in FINAL}

    def said(self, instance: str = "*") -> str:
        """Return what the workers logged, or one of them."""
        logs = sorted(self.data.parent.glob(f"{instance}.log"))
        return "".join(path.read_text(encoding="utf-8") for path in logs)


def _sees(address: KafkaAddress, topics: set[str]) -> bool:
    with closing(KafkaReader(address)) as reader:
        return topics <= set(reader.topics("casebus."))


def wait_for(holds: Callable[[], object], seconds: float) -> bool:
    """Wait until something holds; tell whether it does."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return bool(held)
