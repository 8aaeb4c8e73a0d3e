"""How far receivers' groups are on Kafka: each step once, of the subscription's own topic and group only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from schemas.errors import CasebusError
from services.gateway.group_progress import GroupProgress
from tests.unit.services.gateway.conftest import FakeLog, House
from tests.unit.services.gateway.test_receiving import NAME, receiver

TOPIC = f"casebus.view.{NAME}"
GROUP = f"casebus.subscription.{NAME}"


class Groups:
    """Groups that have committed what the test says."""

    def __init__(self) -> None:
        self.offsets: dict[tuple[str, int], int] = {}
        self.asked: list[str] = []

    def committed(self, groups: Sequence[str]) -> Mapping[str, Mapping[tuple[str, int], int]]:
        """Return what was committed."""
        self.asked = list(groups)
        return {GROUP: dict(self.offsets)}

    def close(self) -> None:
        """Close nothing."""


@pytest.fixture
def groups() -> Groups:
    """Nobody has committed anything."""
    return Groups()


def followed(house: House, groups: Groups) -> GroupProgress:
    """Follow the one subscription."""
    found = receiver(house)
    return GroupProgress(house.log, groups, lambda: {NAME: found}, lambda: 7)


def said(log: FakeLog) -> list[tuple[int | None, int | None]]:
    """Return (partition, through) of the acknowledgements on record."""
    return [(entry.part, entry.off) for entry in log.of("ack")]


def test_each_step_forward_is_on_record_once(house: House, groups: Groups) -> None:
    """By partition; a group set back, another topic, nothing committed: nothing is said."""
    progress = followed(house, groups)
    progress.look()
    for offsets in ({(TOPIC, 0): 5, (TOPIC, 3): 1}, {(TOPIC, 0): 5, (TOPIC, 3): 2}, {(TOPIC, 0): 2}, {("other", 0): 9}):
        groups.offsets = offsets
        progress.look()

    assert groups.asked == [GROUP]
    assert said(house.log) == [(0, 4), (3, 0), (3, 1)]
    assert {(e.actor, e.obj, e.topic, e.data["way"]) for e in house.log.entries} == {(NAME, NAME, TOPIC, "group")}


def test_what_the_log_did_not_take_is_said_again(house: House, groups: Groups) -> None:
    """Nothing is remembered that is not durable."""
    progress = followed(house, groups)
    groups.offsets = {(TOPIC, 1): 8}
    house.log.failure = CasebusError()
    with pytest.raises(CasebusError):
        progress.look()
    house.log.failure = None

    assert (progress.look(), said(house.log)) == (1, [(1, 7)])
