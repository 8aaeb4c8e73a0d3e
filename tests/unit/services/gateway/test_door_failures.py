"""The door when something fails, and the marks it keeps."""

from __future__ import annotations

import errno

import pytest

from schemas.clock import DAY, SECOND
from schemas.errors import UnavailableError
from security.audit.errors import AuditPoisonedError
from services.gateway.door import DiskFullError
from services.gateway.outcome import Status
from streams.bus.port import BusFullError
from tests.unit.services.gateway.conftest import FINES, NOW, House, fine

RAW = "casebus.raw.traffic"


FULL = [
    AuditPoisonedError(reason="ENOSPC"),
    AuditPoisonedError(reason="EDQUOT"),
    OSError(errno.ENOSPC, "no space"),
    OSError(errno.EDQUOT, "quota"),
]


@pytest.mark.parametrize("failure", FULL)
def test_a_full_disk_of_the_log_acknowledges_nothing(house: House, failure: Exception) -> None:
    """A coded 503; when there is space again the same request passes, once."""
    house.log.failure = failure
    with pytest.raises(DiskFullError) as caught:
        house.door.accept(FINES, [fine()])
    house.log.failure = None

    assert (caught.value.http_status, caught.value.exit_code) == (503, 5)
    assert house.door.metrics.ended(Status.ACCEPTED) == 0
    assert house.door.accept(FINES, [fine()])[0].status == Status.ACCEPTED
    assert house.bus.end(RAW, 0) == 1


def test_a_full_disk_of_the_bus_acknowledges_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log has an entry too many, which is harmless; the retry is accepted, not taken for a repeat."""

    def full() -> None:
        raise BusFullError(file="bus.db")

    with monkeypatch.context() as patch:
        patch.setattr(house.bus, "transaction", full)
        with pytest.raises(DiskFullError):
            house.door.accept(FINES, [fine()])

    assert house.door.accept(FINES, [fine()])[0].status == Status.ACCEPTED
    assert house.bus.end(RAW, 0) == 1


def test_another_failure_keeps_its_code(house: House) -> None:
    """Not every failure is a full disk."""
    house.log.failure = OSError(errno.EIO, "I/O")

    with pytest.raises(UnavailableError) as caught:
        house.door.accept(FINES, [fine()])

    assert caught.value.code == "casebus.unavailable"


def test_marks_are_capped_and_never_go_back(house: House) -> None:
    """A source can neither close the future nor reopen the past."""
    door = house.door

    told = [
        door.complete_to(FINES, NOW - DAY),
        door.complete_to(FINES, NOW - 2 * DAY),
        door.complete_to(FINES, NOW + DAY),
    ]
    house.clock.now += SECOND
    told.append(door.heartbeat(FINES))

    assert told == [NOW - DAY, NOW - DAY, NOW, NOW + SECOND]
    assert house.again().marks()[FINES.id].complete_to == NOW + SECOND


def test_a_declared_mark_is_on_record_before_it_counts(house: House) -> None:
    """Who declared it, what was declared and what stood before; one that moves nothing leaves nothing."""
    for us in (NOW - DAY, NOW - 2 * DAY, NOW + DAY, NOW + DAY):
        house.door.complete_to(FINES, us)
    house.log.failure = OSError(errno.EIO, "I/O")
    house.clock.now += SECOND
    with pytest.raises(OSError, match="I/O"):
        house.door.complete_to(FINES, NOW + SECOND)

    said = [(e.actor, e.org, e.obj, e.data) for e in house.log.of("mark")]
    who = (FINES.id, FINES.organisation, FINES.id)
    declared = [{"declared": NOW - DAY, "before": 0}, {"declared": NOW + DAY, "before": NOW - DAY}]
    assert said == [(*who, each) for each in declared]
    assert house.door.marks()[FINES.id].complete_to == NOW


def test_a_mark_waits_for_what_was_sent_before_it(house: House) -> None:
    """It names the end of the raw topics when it was declared."""
    house.door.accept(FINES, [fine()])

    house.door.heartbeat(FINES)

    assert house.door.marks()[FINES.id].after == {RAW: 1}
