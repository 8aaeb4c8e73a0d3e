"""How processes begin on a Kafka that is not as it should be: each says what is wrong, and waits where that mends it.

Which test has the real process on a real Kafka, for each of the seven things that can be wrong. Tests without a file
are of `test_node_kafka.py`; "story" is its `test_a_site_keeps_its_promises`, with the step that is named; "faults" is
`test_whole_chain_faults.py::test_the_whole_chain_under_faults`, likewise.

    absent at start         node: test_a_kafka_that_is_not_there_is_told, exit 5
                            release, supervise, gateway: story, begin_without_kafka: each says so, waits, works
    gone for a while        node, live workers: story, through_an_outage; all four: faults, no_network
    slow, narrow, broken    all four: faults, network
    wrong certificate       node: test_a_certificate_of_another_authority_is_told, exit 5
                            release, supervise, gateway: story, beginning_wrong: each waits, works once it is put right
    missing topic           node: test_a_topic_that_is_missing_is_told_when_the_node_opens, exit 3
                            release, supervise, gateway: story, topics_that_do_not_fit: exit 3, by access rules 4
    wrong partition count   release, supervise: story, topics_that_do_not_fit: exit 6
                            node, gateway: they keep no state by partition; the doctor names it (test_doctor_kafka.py)
    older message format    all four: test_old_broker.py, exit 5, before a server that speaks it, for Kafka 4 keeps
                            none any more; topics in an older one: the doctor (test_kafka_topics.py of the unit tests)

All brokers gone for a whole minute: `./run bench kafka-chaos`.
"""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kafka.admin import KafkaAdminClient

from deploy.kafka.certificates import Authority
from deploy.kafka.cluster import Cluster
from streams.bus.kafka_address import KafkaAddress
from tests.integration.kafka.gateway_faults import ANNEX, GatewayProcess
from tests.integration.kafka.installation import Installation, wait_for

HURRIED = "from streams.bus import kafka_reader; kafka_reader.BOOTSTRAP_MS = 2000; "
"""A process that says after two seconds instead of twenty that no broker answers; nothing else of it differs."""
WORKER = f"{HURRIED}from services.worker import patience; patience.AGAIN_SECONDS = 0.5; "
HURRIED_CLI: Sequence[str] = (sys.executable, "-c", WORKER + "from services.cli.app import main; main()")
KINDS = {"release-1": "release", "supervise-1": "supervise", ANNEX: "gateway"}
PATIENCE_SECONDS = 60.0
UNAVAILABLE, WAITING, FOUND = "[kafka.unavailable]", "worker.waiting", "worker.found"


def hurried(office: Installation) -> GatewayProcess:
    """Let the workers of an installation hurry; return its gateway beside the node, which does too. Nothing runs."""
    office.cli = HURRIED_CLI
    annex = GatewayProcess.on_a_free_port(office.data)
    annex.cli, annex.log = HURRIED_CLI, office.data.parent / f"{ANNEX}.log"
    annex.environment = office.addresses["gateway"].environment()
    return annex


def start(office: Installation, annex: GatewayProcess) -> None:
    """Start a worker of each kind."""
    for instance, kind in KINDS.items():
        if kind == "gateway":
            annex.start()
        else:
            office.start(kind, instance)


def waits(office: Installation, times: Mapping[str, int]) -> bool:
    """Tell whether each instance has come to say so often, once a life, that it waits for Kafka."""
    return wait_for(lambda: {each: office.said(each).count(UNAVAILABLE) for each in times} == times, PATIENCE_SECONDS)


@dataclass
class Mistake:
    """Certificates of another authority in the place of the right ones, until they are put right."""

    right: dict[str, KafkaAddress]
    used: dict[str, KafkaAddress]

    def put_right(self) -> None:
        """Put the right files in their place; nobody is restarted."""
        for kind, address in self.used.items():
            given, wanted = address.certificate, self.right[kind].certificate
            assert given
            assert wanted
            shutil.copyfile(wanted, given)


def mistaken(cluster: Cluster, kinds: Sequence[str], folder: Path) -> Mistake:
    """Make certificates of another authority."""
    other = Authority(folder / "other")
    other.make()
    right = {kind: cluster.address(kind) for kind in kinds}
    return Mistake(right, {kind: replace(right[kind], certificate=other.certificate(kind)) for kind in kinds})


@contextmanager
def beginning_wrong(cluster: Cluster, office: Installation, annex: GatewayProcess, folder: Path) -> Iterator[None]:
    """Start every worker by a wrong certificate: each says so and waits; put right, each works without a restart."""
    mistake = mistaken(cluster, tuple(KINDS.values()), folder)
    office.addresses |= mistake.used
    annex.environment = mistake.used["gateway"].environment()
    start(office, annex)
    assert waits(office, dict.fromkeys(KINDS, 1)), office.said()
    assert "casebus doctor --kafka" in office.said(ANNEX)
    assert all(process.poll() is None for _, process in office.running.values())
    mistake.put_right()
    yield
    annex.await_health()
    assert wait_for(lambda: all(FOUND in office.said(each) for each in KINDS), PATIENCE_SECONDS)


ABSENT = {"release-1": 2, "supervise-2": 1, ANNEX: 2}
"""Which say that they wait for a Kafka that is away when they start, and how often by then."""


def begin_without_kafka(office: Installation, annex: GatewayProcess) -> None:
    """Start workers and the gateway while no broker runs: each says so and waits; one is stopped while it does.

    The one that is stopped never joined its group, which so has nobody to wait for.
    """
    annex.kill()
    annex.start()
    office.kill("release-1")
    office.start("supervise", "supervise-2")
    assert waits(office, ABSENT), office.said()
    (_, stopped), (_, waiting) = office.running.pop("supervise-2"), office.running["release-1"]
    assert waiting.poll() is None
    stopped.terminate()
    assert stopped.wait(PATIENCE_SECONDS) == -signal.SIGTERM


def works_by_itself(office: Installation, annex: GatewayProcess) -> None:
    """What began without Kafka has come to work, without a restart."""
    annex.await_health()
    found = {instance: office.said(instance).count(FOUND) for instance in ABSENT}
    assert found == {"release-1": 2, "supervise-2": 0, ANNEX: 2}, office.said()


SUPERVISE_LOG, ANNEX_LOG = "casebus.changelog.supervise.work", f"casebus.changelog.gateway.{ANNEX}"
RELEASE_LOG = "casebus.changelog.release.raw.police"
MISSING, DENIED, MISFIT = 3, 4, 6


def ended(office: Installation, annex: GatewayProcess, *instances: str) -> dict[str, int]:
    """Start workers that cannot begin; return how each ended."""
    for instance in instances:
        if instance == ANNEX:
            annex.start()
        else:
            office.start(instance.partition("-")[0], instance)
    processes = {name: annex.process if name == ANNEX else office.running.pop(name)[1] for name in instances}
    return {name: process.wait(PATIENCE_SECONDS) for name, process in processes.items() if process}


def topics_that_do_not_fit(cluster: Cluster, office: Installation, annex: GatewayProcess) -> None:
    """Topics are missing, then of another number of partitions: each worker names one and ends; nothing is made up."""
    with closing(KafkaAdminClient(**cluster.address().options())) as admin:
        admin.delete_topics([SUPERVISE_LOG, ANNEX_LOG])
        assert wait_for(lambda: not {SUPERVISE_LOG, ANNEX_LOG} & set(admin.list_topics()), PATIENCE_SECONDS)
        # The site names no release-9: there is no topic for its log, and no rule that would let it see one.
        codes = ended(office, annex, "release-9", "supervise-1", ANNEX)
        assert codes == {"release-9": DENIED, "supervise-1": MISSING, ANNEX: MISSING}, office.said()
        assert "casebus.audit.release-9  [kafka.denied]" in office.said("release-9")
        for instance, topic in {"supervise-1": SUPERVISE_LOG, ANNEX: ANNEX_LOG}.items():
            assert f"{topic}, or not the partition that is needed  [kafka.topic_missing]" in office.said(instance)

        admin.delete_topics([RELEASE_LOG])
        assert wait_for(lambda: RELEASE_LOG not in admin.list_topics(), PATIENCE_SECONDS)
        other = {"num_partitions": office.partitions + 1, "replication_factor": 1}
        admin.create_topics({SUPERVISE_LOG: other, RELEASE_LOG: other}, wait_for_metadata=True)
        codes = ended(office, annex, "release-1", "supervise-1")
        assert set(codes.values()) == {MISFIT}, (codes, office.said())
        for instance in codes:
            assert "[worker.partition_count]" in office.said(instance)

        admin.delete_topics([SUPERVISE_LOG, RELEASE_LOG])
        assert wait_for(lambda: not {SUPERVISE_LOG, RELEASE_LOG} & set(admin.list_topics()), PATIENCE_SECONDS)
    office.make_topics()
