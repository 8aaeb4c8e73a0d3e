"""Two chained stages on real Kafka stay exact while workers are killed, frozen, and lose records like stock Faust."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust.failstop import Exit
from tests.integration.kafka.chain_faults import Chain, torment
from tests.integration.kafka.chain_feed import Feed
from tests.integration.kafka.chain_proof import prove
from tests.integration.kafka.chain_stages import Topics
from tests.integration.kafka.chain_worker import SESSION
from tests.integration.kafka.installation import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

STAGES = ("release", "supervise")


@pytest.fixture
def chain(kafka: KafkaAddress, run_name: Callable[[], str], tmp_path: Path) -> Chain:
    """Lay out the topics of a fresh run."""
    chain = Chain(kafka, Topics(run_name()), tmp_path)
    chain.make_topics()
    return chain


def said(chain: Chain, event: str) -> int:
    """Count a line in the logs of all workers of all lives."""
    return sum(path.read_text(encoding="utf-8").count(event) for path in chain.folder.glob("*.log"))


def spilled(chain: Chain) -> int:
    """Return how many values stood in files when partitions were closed, of all workers of all lives."""
    lines = [line for path in chain.folder.glob("*.log") for line in path.read_text(encoding="utf-8").splitlines()]
    told = [json.loads(line) for line in lines if '"worker.partition_closed"' in line]
    return sum(each["spilled"] for each in told)


def test_chain_is_exact_under_kill_and_freeze(chain: Chain) -> None:
    """Both are killed by kill -9 and frozen past the session, with hardly room for a state: all equals the replay."""
    chain.memory = 4_000
    try:
        for stage in STAGES:
            chain.start(stage, f"{stage}-0")
        chain.start("release", "release-1")
        with Feed(chain.address, chain.topics, per_second=30).running() as feed:
            torment(chain, kills=3, freezes=2, joins=0, seconds=45)
        chain.settle(40)
    finally:
        chain.stop()

    proof = prove(chain.address, chain.topics)

    assert proof.faults == []
    assert proof.duplicates == 0
    assert proof.raw_records == feed.sent
    assert proof.alerts > 0
    assert min(chain.kills[stage] for stage in STAGES) >= 3
    assert chain.freezes == 2
    assert spilled(chain) > 0
    assert list((chain.folder / "states").iterdir()) == []


def test_records_lost_inside_faust_are_noticed_and_read_again(chain: Chain) -> None:
    """Every 40th record vanishes between Faust and the gate, the last ones too: nothing is missing in the end."""
    chain.skip = 40
    try:
        for stage in STAGES:
            chain.start(stage, f"{stage}-0")
        with Feed(chain.address, chain.topics, per_second=30).running():
            chain.rest(4.0)
        chain.settle(60)
    finally:
        chain.stop()

    proof = prove(chain.address, chain.topics)

    assert proof.faults == []
    assert proof.duplicates == 0
    assert said(chain, "worker.hole_found") + said(chain, "worker.silence_found") > 0
    assert not chain.exits


def test_a_frozen_worker_that_wakes_within_a_transaction_is_fenced(chain: Chain) -> None:
    """Taken over while its transaction was open: what it left is aborted, what it adds is refused."""
    chain.linger = 0.5
    try:
        chain.start("release", "release-0")
        with Feed(chain.address, chain.topics, per_second=30).running():
            assert wait_for(lambda: said(chain, "worker.partition_opened") == chain.topics.partitions, 60)
            chain.rest(2.0)
            frozen = chain.members["release-0"]
            chain.freeze(frozen, SESSION + 3.0)
            chain.start("release", "release-1")
            chain.rest(SESSION + 6.0)
        chain.linger = 0.0
        chain.start("supervise", "supervise-0")
        chain.settle(60)
    finally:
        chain.stop()

    proof = prove(chain.address, chain.topics)

    assert chain.exits[Exit.FENCED] >= 1
    assert proof.faults == []
    assert proof.duplicates == 0


def listening(pid: int) -> set[str]:
    """Return the local addresses (hex, as the kernel writes them) that a process listens on."""
    mine = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        target = str(entry.readlink())
        if target.startswith("socket:["):
            mine.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in mine:
                found.add(fields[1])
    return found


def test_a_worker_listens_on_no_port_and_its_log_holds_no_value(chain: Chain) -> None:
    """With every library talking at debug level, keys and values of records stay out of the log; no port is open."""
    chain.debug = True
    try:
        chain.start("release", "release-0")
        with Feed(chain.address, chain.topics, key=b"canary-Zhang-San").running():
            assert wait_for(lambda: said(chain, "worker.partition_opened") == chain.topics.partitions, 60)
            chain.rest(2.0)
        ports = listening(chain.members["release-0"].process.pid)
    finally:
        chain.stop()

    log = "".join(path.read_text(encoding="utf-8") for path in chain.folder.glob("*.log"))

    assert ports == set()
    assert "worker.partition_opened" in log
    assert '"level": "debug"' in log
    assert "Zhang" not in log
