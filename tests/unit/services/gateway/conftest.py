"""A door over a real bus and real contracts, with an audit log in memory."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from schemas.catalogue import Contracts
from schemas.clock import ManualClock
from schemas.event import derived_id, sequence_of
from schemas.instants import parse_instant
from security.audit.record import Entry, refusal
from security.keys.memory import MemoryKeystore
from security.sealing import Sealer
from services.gateway.door import Door
from services.gateway.source import RegisteredSource, SourceTable
from streams.bus.embedded import EmbeddedBus

NOW = parse_instant("2026-03-01T00:00:00Z")

FINES = RegisteredSource(
    id="roadpolice-IT/fines",
    organisation="roadpolice-IT",
    agency="traffic",
    types=frozenset({"traffic.fine.created", "traffic.fine.sent"}),
    districts=("9901",),
)
PRISON = RegisteredSource(
    id="prison-990100/custody",
    organisation="prison-990100",
    agency="prison",
    types=frozenset({"prison.admitted"}),
    districts=("990100",),
)
LOW = RegisteredSource("low-990100/fines", "low-990100", "traffic", FINES.types, ("9901",), ceiling=2)


class FakeAppended(NamedTuple):
    """What the fake log answers."""

    first: int


@dataclass
class FakeLog:
    """An audit log in memory that checks entries as the real one does; `failure` makes it fail."""

    entries: list[Entry] = field(default_factory=list)
    failure: Exception | None = None

    def append(self, entries: Sequence[Entry]) -> FakeAppended:
        """Keep entries."""
        if self.failure:
            raise self.failure
        faults = [fault for fault in map(refusal, entries) if fault]
        assert not faults
        first = len(self.entries)
        self.entries.extend(entries)
        return FakeAppended(first)

    def of(self, act: str) -> list[Entry]:
        """Return the entries of an act."""
        return [entry for entry in self.entries if entry.act == act]


@dataclass
class House:
    """A door with everything behind it."""

    door: Door
    bus: EmbeddedBus
    log: FakeLog
    sealer: Sealer
    clock: ManualClock
    keystore: MemoryKeystore
    contracts: Contracts

    def again(self) -> Door:
        """Open the door anew, as after a restart."""
        return make_door(self)


def make_door(house: House) -> Door:
    """Open a door over a house's parts."""
    return Door(
        house.contracts,
        house.bus,
        house.log,
        house.sealer,
        house.clock,
        SourceTable([FINES, PRISON, LOW]),
        signer=house.keystore.signer("receipts"),
        node="n1",
    )


@pytest.fixture(scope="session")
def contracts() -> Contracts:
    """The bundled contracts."""
    return Contracts.load()


@pytest.fixture
def house(tmp_path: Path, contracts: Contracts) -> Iterator[House]:
    """A house with its door open."""
    keystore = MemoryKeystore()
    keystore.provision_signer("receipts")
    clock = ManualClock(NOW)
    sealer = Sealer(keystore, clock, provisions=True)
    bus = EmbeddedBus(tmp_path / "bus.db")
    made = House(None, bus, FakeLog(), sealer, clock, keystore, contracts)  # type: ignore[arg-type]
    made.door = make_door(made)
    yield made
    bus.close()


Say = Callable[..., dict[str, Any]]


def fine(number: int = 1, source: str = FINES.id, **changes: Any) -> dict[str, Any]:
    """Return a `traffic.fine.created` event; `changes` replace attributes, and fields of data by `data__name`."""
    said: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(uuid.UUID(bytes=derived_id(source, sequence_of(number)))),
        "type": "traffic.fine.created",
        "source": source,
        "subject": f"A{number}",
        "time": "2026-02-28T23:00:00Z",
        "district": "990100",
        "sequence": sequence_of(number),
        "data": {"case_id": f"A{number}", "amount_cents": 3500, "officer": "561"},
    }
    for name, value in changes.items():
        if name.startswith("data__"):
            said["data"][name.removeprefix("data__")] = value
        else:
            said[name] = value
    return said
