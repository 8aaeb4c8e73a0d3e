"""Waiting at the start of a worker: for what comes by itself, told once, ended by a stop; anything else is raised."""

from __future__ import annotations

import pytest

from schemas.errors import UnavailableError
from services.worker import patience as module
from services.worker.assembly import NoControlError
from services.worker.patience import Patience
from streams.bus.kafka_errors import KafkaFencedError, KafkaTopicMissingError, KafkaUnavailableError


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not rest between the tries."""
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.0)


class Opening:
    """Fails by the errors it is given, one after the other, and then opens."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    def __call__(self) -> str:
        """Open."""
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "open"


def test_each_reason_is_told_once_and_then_it_opens() -> None:
    """Kafka is away twice, then the node was never started: two messages, and work begins."""
    away, told = KafkaUnavailableError(reason="x"), list[UnavailableError]()
    opening = Opening(away, KafkaUnavailableError(reason="x"), NoControlError())

    assert Patience(told.append).until_open(opening) == "open"
    assert ([error.code for error in told], opening.tries) == (["kafka.unavailable", "worker.no_control"], 4)


@pytest.mark.parametrize("error", [KafkaTopicMissingError(topic="casebus.work"), KafkaFencedError(reason="x")])
def test_what_waiting_does_not_mend_is_raised(error: Exception) -> None:
    """A topic that nobody made, a name that another process took."""
    with pytest.raises(type(error)):
        Patience(lambda _: None).until_open(Opening(error))


def test_a_stop_ends_the_waiting() -> None:
    """Told to stop while it waits, it opens nothing."""
    opening = Opening(*[KafkaUnavailableError(reason="x")] * 9)

    assert Patience(lambda _: None, lambda: opening.tries == 3).until_open(opening) is None
    assert opening.tries == 3
