"""A node and workers on Kafka with TLS and access rules: what is wrong is said, what is away is waited for."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploy.kafka.certificates import Authority
from deploy.kafka.cluster import Cluster
from deploy.kafka.ports import LOOPBACK, free_ports
from schemas.clock import SECOND, ManualClock
from schemas.errors import UnavailableError
from security.audit.reading import read as read_log
from security.audit.record import Entry
from security.audit.verify import verify
from security.control import ControlSignatureError
from security.keys.file import FileKeystore
from services.gateway.outcome import Outcome
from services.node.carrier import OtherBusError
from services.node.ground import CONTROL_KEY
from services.node.layout import DataDirectory, NodeName
from services.node.node import READ_MODEL, Node, open_node
from services.node.site import Audit, Site
from services.simulator.city import City, simulate
from services.worker.assembly import NoControlError, assemble
from streams import panorama
from streams.audit_replica import BusReplica, compare
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaTopicMissingError
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.kafka_reader import KafkaReader
from tests.house.tree import ROOT
from tests.integration.delivery_proof import VAULTED
from tests.integration.kafka.beginnings import (
    begin_without_kafka,
    beginning_wrong,
    hurried,
    topics_that_do_not_fit,
    works_by_itself,
)
from tests.integration.kafka.beside import MOVING, at_the_annex, bound, moved
from tests.integration.kafka.chain_proof import read
from tests.integration.kafka.gateway_faults import ANNEX
from tests.integration.kafka.installation import Installation, wait_for
from tests.integration.kafka.interfaces import walk
from tests.integration.kafka.pages import look
from tests.integration.report_event import POLICE, id_of, report
from tests.integration.test_witness_server import Process as Witness

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    # The client library leaves the sockets of refused connections to the collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

OUTAGE_SECONDS = 4.0
PATIENCE_SECONDS = 200.0
WORKERS = {"release": ("release-1",), "supervise": ("supervise-1",)}


@pytest.fixture(autouse=True)
def refused_connections() -> Iterator[None]:
    """Collect what a test left of refused connections before the next one begins, in silence."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def site() -> Site:
    """The demonstration's site."""
    return Site.load(ROOT / "deploy/site/demo.yaml")


@pytest.fixture(scope="module")
def city() -> City:
    """A few cases."""
    return simulate(1, 6)


@pytest.fixture
def office(tls_kafka: Cluster, site: Site, tmp_path: Path) -> Iterator[Installation]:
    """The site on a Kafka that asks for certificates."""
    made = Installation(tls_kafka.address(), tmp_path / "data", bound(site, ANNEX), partitions=2)
    made.addresses = {name: tls_kafka.address(name) for name in ("node", "release", "supervise", "gateway")}
    made.make_topics()
    yield made
    made.stop()


def publish(node: Node, city: City, turn: int) -> set[bytes]:
    """Publish every second event, each until it is answered; return the ids acknowledged that the panorama shows."""
    accepted = set()
    here = [each for each in city.deliveries if each.source != MOVING]
    told = [(each.source, each.event) for each in here if each.event is not None]
    for source, event in told[turn::2]:
        outcome = answered(node, source, event)
        if outcome.ok and event["type"] not in VAULTED:
            accepted.add(bytes.fromhex(outcome.id.replace("-", "")))
    return accepted


def answered(node: Node, source: str, event: Mapping[str, Any]) -> Outcome:
    """Ask until there is an answer, as publishers do: where the outage is long, the door gives up before it is over."""
    while True:
        with suppress(UnavailableError):
            return node.door.accept(source, [event])[0]
        time.sleep(0.1)


def shown(office: Installation) -> set[bytes]:
    """Return the events that release delivered to the panorama."""
    partitions = read(office.address, panorama.TOPIC, office.partitions)
    return {panorama.decode(item.value).event_id for items in partitions for item in items}


@pytest.mark.browser
@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_a_site_keeps_its_promises(
    tls_kafka: Cluster, office: Installation, city: City, tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By certificates and access rules: an outage, every interface and page, old logs, lost witnesses, a back-test.

    One story on one broker, for the topics of a site have fixed names and one node; its read model is a PostgreSQL.
    """
    monkeypatch.setenv(READ_MODEL, url)
    clock = ManualClock(city.end_us)
    through_an_outage(tls_kafka, office, city, clock, tmp_path)
    from_a_backup(tls_kafka, office, clock, tmp_path / "backup")
    under_a_witness(office, clock, tmp_path)
    # A process of its own opens the node by the machine's clock: marks of this story's clock come before.
    in_the_past(tls_kafka, office)
    assert all(verify(log, 3).ok for log in (office.data / "audit", office.data / "workers/release-1/audit"))


def settle(node: Node, clock: ManualClock) -> None:
    """Let everything take effect; marks of a clock that stands still could be older ones."""
    clock.advance_to(clock.now_us() + SECOND)
    node.pump()


def through_an_outage(tls_kafka: Cluster, office: Installation, city: City, clock: ManualClock, folder: Path) -> None:
    """Rights suffice for the whole way; a broker that is gone for a while loses nothing, and all go on.

    Workers begin by wrong certificates and on wrong topics first, and others while the broker is gone.
    """
    annex = hurried(office)
    node = office.node(clock)
    try:
        topics_that_do_not_fit(tls_kafka, office, annex)
        with beginning_wrong(tls_kafka, office, annex, folder):
            accepted = publish(node, city, 0)
        settle(node, clock)
        assert shown(office) == accepted
        caller, body, receipt = at_the_annex(office, node, annex, city, clock)
        accepted.add(uuid.UUID(receipt.statement.id).bytes)

        tls_kafka.kill(1)
        waiting = threading.Thread(target=lambda: accepted.update(publish(node, city, 1)))
        waiting.start()
        begin_without_kafka(office, annex)
        time.sleep(OUTAGE_SECONDS)
        assert waiting.is_alive()
        tls_kafka.start(1, tied=True)
        waiting.join()

        with office.kept_running():
            settle(node, clock)
            assert shown(office) == accepted
            assert len(accepted) > 10
            works_by_itself(office, annex)
            walk(node, office.data.parent)
            look(node, clock)
            node.close()
            moved(office, caller, body, receipt, city, clock)
    finally:
        annex.end()
        office.stop()
        node.close()


def in_the_past(tls_kafka: Cluster, office: Installation) -> None:
    """A back-test reads the node's history by the node's own certificate; another one sees no topic of it."""
    code, said = backtest(office.data, office.addresses["node"])
    assert (code, said["events"] > 5) == (0, True)
    assert backtest(office.data, tls_kafka.address("supervise"))[0] == 3


def backtest(data: Path, address: KafkaAddress) -> tuple[int, dict[str, Any]]:
    """Back-test one model by a certificate; return the exit code and what was said."""
    command = [sys.executable, "-m", "services.cli.app", "model", "backtest", "M01"]
    done = subprocess.run(
        [*command, "--events", str(data), "--json"],
        cwd=ROOT,
        env={**os.environ, **address.environment()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def replica_of(cluster: Cluster, name: str) -> BusReplica:
    """Return the replica of a log, to look at."""
    return BusReplica(KafkaReader(cluster.address()), KafkaAppender(cluster.address()), name)


def caught_up(log: Path) -> list[Entry]:
    """Return what a log says of taking up records from its replica."""
    records = [each.record for each in read_log(log)]
    return [each for each in records if each.act == "recover" and each.data["kind"] == "caught_up"]


def from_a_backup(tls_kafka: Cluster, office: Installation, clock: ManualClock, backup: Path) -> None:
    """The logs of node and release worker are put back as they were: both take up the rest, and go on."""
    logs = ("audit", "audit-signer", "audit-checker", "workers")
    for name in logs:
        shutil.copytree(office.data / name, backup / name)
    for again in (False, True):
        if again:
            for name in logs:
                shutil.rmtree(office.data / name)
                shutil.copytree(backup / name, office.data / name)
        node = office.node(clock)
        try:
            office.start_all(WORKERS)
            (outcome,) = node.door.accept(POLICE, [report(920_001 + again, case=88)])
            assert outcome.ok, outcome.as_dict()
            settle(node, clock)
        finally:
            office.stop()
            node.close()

    for name, log in (("demo", office.data / "audit"), ("release-1", office.data / "workers/release-1/audit")):
        (found,) = caught_up(log)
        assert found.data["records"] > 1
        assert compare(log, replica_of(tls_kafka, name)) == sum(1 for _ in read_log(log))
        assert verify(log, 3).ok


def witnessed_site(office: Installation, folder: Path) -> tuple[Site, Witness]:
    """Return the site under a witness of both logs, and the witness; both have been opened once, for their keys."""
    keys = [
        (office.data / log / "log.vkey").read_text(encoding="utf-8") for log in ("audit", "workers/release-1/audit")
    ]
    logs = folder / "logs"
    logs.write_text("".join(f"log {key}" for key in keys) + "quorum none\n", encoding="utf-8")
    witness = Witness(folder / "witness", "witness.test/court", logs)
    policy = folder / "policy"
    policy.write_text(f"witness court {witness.key} http://127.0.0.1:{witness.port}\nquorum court\n")
    return dataclasses.replace(office.site, audit=Audit(witnesses=policy, max_unwitnessed=2 * SECOND)), witness


def under_a_witness(office: Installation, clock: ManualClock, tmp_path: Path) -> None:
    """Without its witness the worker holds before the next record and says why; with it, it goes on by itself."""
    office.site, witness = witnessed_site(office, tmp_path)
    witness.stop()
    node = office.node(clock)
    try:
        office.start_all(WORKERS)
        assert wait_for(lambda: "trust.unwitnessed" in office.said(), PATIENCE_SECONDS)
        (outcome,) = node.door.accept(POLICE, [report(930_001, case=99)])
        assert outcome.ok, outcome.as_dict()
        late = id_of(930_001).bytes
        assert late not in shown(office)
        assert office.running["release-1"][1].poll() is None

        witness.start()
        assert wait_for(lambda: "worker.goes_on" in office.said(), PATIENCE_SECONDS)
        with office.kept_running():
            settle(node, clock)
    finally:
        office.stop()
        node.close()
        if witness.process.poll() is None:
            witness.stop()
    assert late in shown(office)
    head = (office.data / "workers/release-1/audit/cosigned").read_text(encoding="utf-8")
    assert "\u2014 witness.test/court " in head


def test_a_topic_that_is_missing_is_told_when_the_node_opens(tls_kafka: Cluster, site: Site, tmp_path: Path) -> None:
    """The topics of another node's name were never made: the message names one, the exit code says not found."""
    stranger = dataclasses.replace(site, node="stranger")

    with pytest.raises(KafkaTopicMissingError) as caught:
        open_node(tmp_path / "data", stranger, kafka=tls_kafka.address())

    assert caught.value.exit_code == 3
    assert "stranger" in str(caught.value.fields["topic"])


def started(data: Path, address: KafkaAddress) -> tuple[int, str]:
    """Start a node process that waits for Kafka three seconds instead of twenty; return its exit code and message."""
    code = (
        "from streams.bus import kafka_reader; kafka_reader.BOOTSTRAP_MS = 3000; import services.node.__main__ as m; "
    )
    options = ("--port", "0", "--site", str(ROOT / "deploy/site/demo.yaml"), "--kafka", address.bootstrap)
    done = subprocess.run(
        [sys.executable, "-c", code + "raise SystemExit(m.main())", "--data", str(data), *options],
        cwd=ROOT,
        env={**os.environ, **address.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_certificate_of_another_authority_is_told(tls_kafka: Cluster, tmp_path: Path) -> None:
    """Nobody answers such a client: unavailable, with what to do, and an exit code that says so."""
    other = Authority(tmp_path / "other")
    other.make()
    address = KafkaAddress(tls_kafka.bootstrap, tls_kafka.authority.root, other.certificate("node"))

    code, said = started(tmp_path / "data", address)

    assert code == 5
    assert "kafka.unavailable" in said
    assert "casebus doctor --kafka" in said


def test_a_kafka_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The node says that Kafka cannot be used, and can be started again."""
    nowhere = KafkaAddress(f"{LOOPBACK}:{free_ports(1)[0]}")

    for _ in range(2):
        code, said = started(tmp_path / "data", nowhere)
        assert code == 5
        assert "kafka.unavailable" in said


def test_a_worker_without_its_node_s_control_does_not_start(office: Installation, tmp_path: Path) -> None:
    """With no control records, or another node's, there is nothing it may work by."""
    empty = DataDirectory(tmp_path / "early")
    empty.make(NodeName("early", "casebus.example/early"), on_kafka=True)
    FileKeystore(empty.keys / "keystore.json").provision_signer(CONTROL_KEY)

    with pytest.raises((NoControlError, ControlSignatureError)):
        assemble(empty, office.addresses["release"], "release-1")


def test_a_node_of_the_embedded_bus_does_not_open_on_kafka(site: Site, tmp_path: Path) -> None:
    """Its history would be left behind: refused, and the node still opens as it is."""
    open_node(tmp_path / "embedded", site).close()

    with pytest.raises(OtherBusError):
        open_node(tmp_path / "embedded", kafka=KafkaAddress("127.0.0.1:1"))

    open_node(tmp_path / "embedded").close()
