"""Where a Kafka is: read from the environment, refused where it cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.bus.kafka_address import KafkaAddress, KafkaAddressError


def test_an_address_survives_the_environment() -> None:
    """What one process names, its child reads."""
    address = KafkaAddress("a:1,b:2", Path("ca.pem"), Path("node.pem"))

    assert KafkaAddress.of_environment(address.environment()) == address
    assert address.servers == ["a:1", "b:2"]


def test_no_variable_means_no_kafka() -> None:
    """Without CASEBUS_KAFKA there is none."""
    assert KafkaAddress.of_environment({}) is None


@pytest.mark.parametrize("bootstrap", ["localhost", "host:", ":9092", "a:1,b"])
def test_a_server_without_host_or_port_is_refused(bootstrap: str) -> None:
    """Each server is host:port."""
    with pytest.raises(KafkaAddressError):
        KafkaAddress(bootstrap)


def test_a_certificate_needs_its_authority(tmp_path: Path) -> None:
    """A certificate alone, and a file that is no certificate, are refused before anything is tried."""
    with pytest.raises(KafkaAddressError):
        KafkaAddress("a:1", certificate=tmp_path / "x.pem")
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")
    with pytest.raises(KafkaAddressError):
        KafkaAddress("a:1", tmp_path / "ca.pem").options()
