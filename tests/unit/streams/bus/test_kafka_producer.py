"""What Kafka's client would wait for without end is given up."""

from __future__ import annotations

import threading

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError, ProducerFencedError

from streams.bus.kafka_producer import within


def test_what_never_ends_is_given_up() -> None:
    """The caller is told that there was no answer; whatever comes later is nobody's."""
    gate = threading.Event()

    with pytest.raises(KafkaTimeoutError):
        within(0.05, gate.wait)

    gate.set()


def test_what_ends_in_time_ends_as_it_does() -> None:
    """Its error is the caller's, and without one nothing is said."""
    done: list[int] = []

    def fenced() -> None:
        raise ProducerFencedError

    within(5, lambda: done.append(1))
    with pytest.raises(ProducerFencedError):
        within(5, fenced)

    assert done == [1]
    assert issubclass(KafkaTimeoutError, KafkaError)
