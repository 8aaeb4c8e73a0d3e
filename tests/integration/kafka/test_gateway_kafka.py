"""kill -9 of a node on Kafka under load, workers beside it: every receipt verifies, every event takes effect once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.kafka.cluster import Cluster
from tests.integration.kafka.gateway_faults import PARTITIONS, three_offices, torment_gateway
from tests.integration.kafka.installation import Installation

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

KILLS = 3


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Installation]:
    """A site of three sources on a broker of its own: the topics of an installation have fixed names."""
    cluster = Cluster.make(tmp_path / "cluster", extra={"group.min.session.timeout.ms": "1000"})
    cluster.start(tied=True)
    made = Installation(cluster.address(), tmp_path / "data", three_offices(), PARTITIONS)
    yield made
    made.stop()
    cluster.remove()


def test_killed_under_load_beside_its_workers(office: Installation) -> None:
    """Receipts, topics, logs, alerts and pages agree; a partition that nobody writes to held nothing up."""
    run, whole = torment_gateway(office, KILLS, seed=3, workers=("release-1", "supervise-1"))

    (told,) = run.told.values()
    assert whole.breaches == []
    assert run.kills == {"hall": KILLS, "release-1": 2, "supervise-1": 1}
    assert told.again > 0
    assert len(told.receipts) > 30
    assert len(whole.standing) > 10
    assert whole.deliveries > 2 * len(whole.raw)
    assert whole.idle == 1
