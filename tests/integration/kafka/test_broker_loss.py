"""Two chained stages on three brokers stay exact while brokers are lost, restarted and all gone for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.kafka.cluster import Cluster
from tests.integration.kafka.chain_faults import Chain
from tests.integration.kafka.chain_feed import Feed
from tests.integration.kafka.chain_proof import prove
from tests.integration.kafka.chain_stages import Topics
from tests.integration.kafka.outage import COPIES, Outages

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def test_chain_is_exact_while_brokers_come_and_go(tmp_path: Path) -> None:
    """One of three is killed and brought back, then all are gone for some seconds: all equals the replay."""
    cluster = Cluster.make(tmp_path / "cluster", COPIES, extra={"group.min.session.timeout.ms": "1000"})
    logs = tmp_path / "logs"
    logs.mkdir()
    try:
        cluster.start(tied=True)
        chain = Chain(cluster.address(), Topics("loss"), logs, copies=COPIES)
        chain.make_topics()
        outages, feed = Outages(cluster, chain), Feed(cluster.address(), chain.topics, per_second=30)
        try:
            for stage in ("release", "supervise"):
                chain.start(stage, f"{stage}-0")
            with feed.running():
                chain.rest(4.0)
                outages.lose(2, 4.0)
                chain.rest(2.0)
                outages.black_out(5.0)
                chain.rest(4.0)
            chain.settle(90)
        finally:
            chain.stop()
        proof = prove(cluster.address(), chain.topics)
    finally:
        cluster.remove()

    assert proof.faults == []
    assert proof.duplicates == 0
    assert proof.raw_records == feed.sent
    assert proof.alerts > 0
    assert (outages.losses, outages.blackouts) == (1, 1)
