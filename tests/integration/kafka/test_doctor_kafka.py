"""The doctor on a real Kafka with TLS and access rules: what is missing is named and made, rights are kept apart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import AuthorizationError
from typer.testing import CliRunner

from deploy.kafka.certificates import Authority
from deploy.kafka.cluster import Cluster
from services.cli.app import app
from services.gateway.group_progress import GroupProgress
from streams.bus.kafka import KafkaBus
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaDeniedError, KafkaTopicMissingError, KafkaUnavailableError
from streams.bus.kafka_groups import KafkaGroups
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.kafka_reader import KafkaReader
from streams.bus.port import Record
from tests.house.tree import ROOT
from tests.unit.services.gateway.conftest import FakeLog

pytestmark = pytest.mark.kafka
SITE = str(ROOT / "deploy/site/demo.yaml")
NAME = "casebus.clues"
SETTLE_SECONDS = 20.0
RECORD = [Record(b"k", b"v")]
RIGHTS = {
    "node": "casebus.changelog.gateway.demo",
    "release": "casebus.raw.police",
    "subscription.court-990103-execution": "casebus.view.court-990103-execution",
}
"""Process → a topic that it has a right to, of those that the tests need."""


@pytest.fixture(scope="module")
def mended(tls_kafka: Cluster) -> Cluster:
    """The broker with all topics and rules of the demonstration's site."""
    code, _ = doctor(tls_kafka.address(), "--site", SITE, "--mend")
    assert code == 0
    for process, topic in RIGHTS.items():
        shown(tls_kafka.address(process), topic)
    return tls_kafka


def shown(address: KafkaAddress, topic: str) -> None:
    """Wait until a certificate is shown a topic: a rule that is made takes a moment to hold."""
    deadline = time.monotonic() + SETTLE_SECONDS
    reader = KafkaReader(address)
    try:
        while topic not in reader.topics(topic):
            assert time.monotonic() < deadline, topic
            time.sleep(0.2)
    finally:
        reader.close()


def doctor(address: KafkaAddress, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Run `casebus doctor` on a Kafka; return its exit code and the checks of Kafka that did not pass."""
    given = ["--kafka", address.bootstrap]
    given += ["--kafka-ca", str(address.authority)] if address.authority else []
    given += ["--kafka-certificate", str(address.certificate)] if address.certificate else []
    # Nobody knows what else runs on this machine: of its checks only those of Kafka are judged here.
    done = CliRunner().invoke(app, ["doctor", "--json", "--data", "none", *given, *options])
    checks: Sequence[dict[str, Any]] = json.loads(done.stdout)["checks"]
    return done.exit_code, [each for each in checks if each["state"] == "fail" and each["check"] != "port"]


def settled(address: KafkaAddress, number: int, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Run the doctor until it finds `number` faults: a change takes a moment to reach what a broker answers."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        code, found = doctor(address, *options)
        if len(found) == number or time.monotonic() > deadline:
            return code, found
        time.sleep(0.2)


def test_a_missing_topic_is_named_and_made(mended: Cluster) -> None:
    """A topic that is gone is named with the way to make it; --mend makes it; afterwards nothing is wrong."""
    admin = KafkaAdminClient(**mended.address().options())
    admin.delete_topics(["casebus.raw.prison"])
    admin.close()

    code, (found,) = settled(mended.address(), 1, "--site", SITE)

    assert (code, found["check"], found["fields"]["topic"]) == (1, "topic_missing", "casebus.raw.prison")
    assert "--mend" in found["mend"]
    doctor(mended.address(), "--site", SITE, "--mend")
    assert settled(mended.address(), 0, "--site", SITE) == (0, [])


def test_wrong_settings_are_named_and_set(mended: Cluster) -> None:
    """A topic that would forget after a week is found, and set right."""
    admin = KafkaAdminClient(**mended.address().options())
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "casebus.alerts", {"retention.ms": "604800000"})])
    admin.close()

    code, (found,) = settled(mended.address(), 1)
    doctor(mended.address(), "--mend")

    assert (code, found["check"], found["fields"]["setting"]) == (1, "topic_setting", "retention.ms")
    assert settled(mended.address(), 0)[1] == []


def test_a_wrong_partition_count_is_named_and_never_changed(mended: Cluster) -> None:
    """Too many partitions stay, mending or not: the key of a record decides where its state lives."""
    admin = KafkaAdminClient(**mended.address().options())
    admin.create_partitions({NAME: 2})
    try:
        _, (found,) = settled(mended.address(), 1)
        _, (again,) = doctor(mended.address(), "--mend")
        assert (found["check"], found["fields"]["topic"], found["fields"]["found"]) == ("topic_partitions", NAME, "2")
        assert again["fields"] == found["fields"]
    finally:
        admin.delete_topics([NAME])
        admin.close()
        settled(mended.address(), 1)
        settled(mended.address(), 0, "--mend")


def test_a_certificate_of_another_authority_is_told(mended: Cluster, tmp_path: Path) -> None:
    """The message says that the address, the network or the certificate is at fault; nothing hangs."""
    other = Authority(tmp_path)
    other.make()

    code, (found,) = doctor(KafkaAddress(mended.bootstrap, mended.authority.root, other.certificate("admin")))

    assert (code, found["check"]) == (1, "kafka")
    assert "certificate" in found["mend"]


def test_each_process_may_do_its_own_work_only(mended: Cluster) -> None:
    """The node writes raw; release reads it, and may not write it; a subscription reads its own view alone."""
    node, release = KafkaAppender(mended.address("node")), KafkaAppender(mended.address("release"))
    node.append("casebus.raw.police", 0, RECORD)
    release.append("casebus.view.court-990103-execution", 0, RECORD)
    with pytest.raises(KafkaDeniedError):
        release.append("casebus.raw.police", 0, RECORD)
    node.close()
    release.close()

    reader = KafkaReader(mended.address("release"))
    assert len(reader.read("casebus.raw.police", 0, 0, 10)) == 1
    reader.close()
    subscriber = KafkaReader(mended.address("subscription.court-990103-execution"))
    assert len(subscriber.read("casebus.view.court-990103-execution", 0, 0, 10)) == 1
    assert subscriber.topics("casebus.") == ["casebus.view.court-990103-execution"]
    subscriber.close()


def test_a_worker_s_name_belongs_to_its_certificate(mended: Cluster) -> None:
    """The node takes its gateway's name; release, which has no right to it, is refused."""
    with KafkaBus(mended.address("node"), "gateway.demo") as bus, bus.transaction() as change:
        change.put("s", b"k", b"v")
        change.append("casebus.raw.police", 1, RECORD)

    with pytest.raises(KafkaTopicMissingError):
        # What a certificate has no right to does not even show.
        KafkaBus(mended.address("release"), "gateway.demo")


def patiently(call: Callable[[], Any]) -> Any:
    """Call until it is allowed and can be had: a rule takes a moment to reach a broker, as the first group does."""
    deadline = time.monotonic() + 3 * SETTLE_SECONDS
    while True:
        try:
            return call()
        except (KafkaDeniedError, KafkaUnavailableError, AuthorizationError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_how_far_a_receiver_has_committed_is_asked_by_the_node(mended: Cluster) -> None:
    """The node sees the group of a subscription, and writes each step down once."""
    name, log = "court-990103-execution", FakeLog()
    topic, group = f"casebus.view.{name}", f"casebus.subscription.{name}"
    writer = KafkaAppender(mended.address())
    for _ in range(3):
        writer.append(topic, 2, RECORD)
    writer.close()
    receiver = SimpleNamespace(
        topic=topic, principal=SimpleNamespace(id=name, organisation="court-990103", purpose="sentence-execution")
    )
    groups = KafkaGroups(mended.address("node"))
    progress = GroupProgress(log, groups, lambda: {name: cast("Any", receiver)}, lambda: 7)
    try:
        assert patiently(progress.look) == 0
        consumer = KafkaConsumer(
            group_id=group, enable_auto_commit=False, **mended.address(f"subscription.{name}").options()
        )
        place = TopicPartition(topic, 2)
        consumer.assign([place])
        for offset in (1, 1, 3):
            patiently(partial(consumer.commit, {place: OffsetAndMetadata(offset, "", -1)}))
            progress.look()
        consumer.close()
    finally:
        groups.close()

    assert [(e.act, e.obj, e.topic, e.part, e.off, e.data) for e in log.entries] == [
        ("ack", name, topic, 2, through, {"way": "group"}) for through in (0, 2)
    ]
