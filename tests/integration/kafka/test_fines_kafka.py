"""A tenth of the road fines log through a node on Kafka and two supervise workers: the back-test's alerts by id."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.bus.kafka_address import KafkaAddress
from streams.supervision.library import load_all
from tests.integration.fines_log import MODELS, final_of, from_file, tenth, write
from tests.integration.kafka.fines_on_kafka import fines_office, imported
from tests.integration.kafka.installation import Installation

pytestmark = [pytest.mark.kafka, pytest.mark.realdata, pytest.mark.slow]

FIRST = MODELS[2:]
"""The models that are active at first: those of the fines themselves."""


@pytest.fixture
def office(kafka: KafkaAddress, tmp_path: Path) -> Iterator[Installation]:
    """The fines site with two of its four models, and its workers."""
    made = fines_office(kafka, tmp_path, FIRST, partitions=2)
    made.start_all()
    yield made
    made.stop()


def test_the_same_alerts_also_of_models_that_come_later(office: Installation, fines_log: Path, tmp_path: Path) -> None:
    """Two models while the log comes in; two more while workers run, who are killed as they fold history anew."""
    header, rows = tenth(fines_log)
    plain = write(tmp_path / "tenth.csv", header, rows)
    expected = from_file(plain)

    told = imported(office, plain)

    assert (told["accepted"], told["rejected"]) == (len(rows), 0)
    first = {model.id for model in load_all(FIRST)}
    ids = {alert: state for name in first for alert, state in expected.models[name].ids.items()}
    assert office.final() == ids

    node = office.node()
    try:
        killer = threading.Thread(target=_kill, args=(office,))
        killer.start()
        node.activate(MODELS, ["first", "second"])
        node.pump()
        killer.join()
    finally:
        node.close()

    assert office.final() == final_of(expected)
    assert len(office.final()) > len(ids) > 9_000
    assert "worker.history_again" in office.said()


def _kill(office: Installation) -> None:
    """Kill release and a supervise worker while they fold anew."""
    time.sleep(2.0)
    office.kill("release-1")
    office.kill("supervise-2")
