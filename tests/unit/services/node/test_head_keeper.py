"""The pulse of the audit log: heads, ticks and clock jumps, each when it is due and not otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from schemas.clock import SECOND, ManualClock
from security.audit.errors import AuditPoisonedError
from security.audit.log import AuditLog
from security.audit.reading import read
from security.audit.record import Entry
from services.node.head_keeper import TICK_SECONDS, HeadKeeper
from tests.unit.security.audit.workshop import NOW, open_log


@dataclass
class Pulse:
    """A log with its keeper; the test moves both clocks."""

    folder: Path
    log: AuditLog
    wall: ManualClock = field(default_factory=lambda: ManualClock(NOW))
    steady: float = 0.0

    def __post_init__(self) -> None:
        """Make the keeper."""
        self.keeper = HeadKeeper(self.log, "n1", self.wall, lambda: self.steady)

    def passes(self, seconds: float, wall: float | None = None) -> None:
        """Let time pass on both clocks, then look."""
        self.steady += seconds
        self.wall.now += round((seconds if wall is None else wall) * SECOND)
        self.keeper.look()

    def acts(self) -> list[str]:
        """Return the acts in the log."""
        return [stored.record.act for stored in read(self.folder)]


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[Pulse]:
    """An empty log whose keeper has just begun."""
    log = open_log(tmp_path / "audit")
    yield Pulse(tmp_path / "audit", log)
    log.close()


def test_what_is_new_is_signed_at_the_next_look(pulse: Pulse) -> None:
    """A head over the record; without new records the head stays."""
    pulse.log.append([Entry(act="login")])
    pulse.passes(1)
    assert pulse.log.head.size == 1

    note = (pulse.folder / "checkpoint").read_bytes()
    pulse.passes(1)
    assert (pulse.folder / "checkpoint").read_bytes() == note


def test_silence_is_made_visible(pulse: Pulse) -> None:
    """One tick for each idle minute, signed; none while records come."""
    for _ in range(TICK_SECONDS * 2):
        pulse.passes(1)
    assert pulse.acts() == ["tick", "tick"]
    assert pulse.log.head.size == 2

    for _ in range(TICK_SECONDS + 5):
        pulse.log.append([Entry(act="login")])
        pulse.passes(1)
    assert pulse.acts().count("tick") == 2


@pytest.mark.parametrize(("wall", "by"), [(3_601.0, 3_600 * SECOND), (-59.0, -60 * SECOND)], ids=["forward", "back"])
def test_a_clock_that_jumps_is_written_down(pulse: Pulse, wall: float, by: int) -> None:
    """By how much, and where it stands now; once."""
    pulse.passes(1)
    pulse.passes(1, wall)
    pulse.passes(1)

    (stored,) = read(pulse.folder)
    assert (stored.record.act, stored.record.obj, stored.record.data["by"]) == ("clock", "n1", by)


def test_a_clock_that_drifts_is_none_that_jumps(pulse: Pulse) -> None:
    """Half a second in a second, as a hasty adjustment would be, is no jump; nor is a machine that slept for long."""
    for _ in range(20):
        pulse.passes(1, 1.5)
    pulse.passes(50, 50)

    assert pulse.acts() in ([], ["tick"])


def test_a_replica_that_is_away_costs_one_tick_a_minute(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    """An append that raises although the record stands here is not repeated the next second."""
    append = pulse.log.append

    def kept_here_only(entries: Sequence[Entry]) -> None:
        append(entries)
        raise AuditPoisonedError(reason="replica")

    monkeypatch.setattr(pulse.log, "append", kept_here_only)
    for _ in range(TICK_SECONDS + 30):
        with suppress(AuditPoisonedError):
            pulse.passes(1)

    assert pulse.acts() == ["tick"]


def test_it_runs_by_itself(tmp_path: Path) -> None:
    """The thread signs within seconds and stops when told."""
    log = open_log(tmp_path / "audit")
    keeper = HeadKeeper(log, "n1", ManualClock(NOW))
    keeper.start()
    log.append([Entry(act="login")])
    keeper._thread.join(2.5)
    keeper.stop()

    assert log.head.size >= 1
    log.close()
