"""The Kafka runner for the contract of runners: a node in this process, workers by their commands, a real broker."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.kafka.cluster import Cluster
from schemas.clock import ManualClock
from services.node.node import Node
from services.node.site import Site
from services.worker.assembly import WORKERS
from streams import alerts
from tests.contract.runner import Outcome, outcome_of
from tests.integration.kafka.chain_proof import read
from tests.integration.kafka.installation import Installation


class KafkaUnderTest:
    """A node and its workers, begun on empty ground."""

    def __init__(self, office: Installation, start: int) -> None:
        self.office = office
        self.node: Node = office.node(ManualClock(start))
        office.start_all()

    def settle(self) -> None:
        """Wait until every work partition has reached the marks that are told now."""
        with self.office.kept_running():
            self.node.pump()

    def outcome(self) -> Outcome:
        """Stop everything, and say what stands."""
        self.node.close()
        self.office.stop()
        return outcome_on(self.office)


def outcome_on(office: Installation) -> Outcome:
    """Return the alerts that a read_committed reader sees, and the decisions in the logs of the workers."""
    partitions = read(office.address, alerts.TOPIC, min(4, office.partitions))
    items = itertools.chain.from_iterable(partitions)
    logs = [folder / "audit" for folder in (office.data / WORKERS).iterdir() if (folder / "audit").is_dir()]
    return outcome_of((alerts.decode(item.value) for item in items), logs)


@contextmanager
def empty_ground(folder: Path, site: Site) -> Iterator[Installation]:
    """Give an installation with its topics on a broker of its own: the topics of an installation have fixed names."""
    cluster = Cluster.make(folder / "cluster")
    cluster.start(tied=True)
    office = Installation(cluster.address(), folder / "data", site)
    try:
        office.make_topics()
        yield office
    finally:
        office.stop()
        cluster.remove()
