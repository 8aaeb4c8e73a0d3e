"""The memory of ids: bounded, sealed, and the same after a restart."""

from __future__ import annotations

from services.gateway.memory import STORE, Kept, Memory, Statements
from streams.bus.embedded import EmbeddedBus
from tests.unit.services.gateway.conftest import House


def kept(first: int, count: int, source: str = "s/t") -> Kept:
    """Return a batch of events numbered from `first`."""
    ids = [n.to_bytes(16, "big") for n in range(first, first + count)]
    return Kept(source, "n1", first, 5, b"".join(ids), b"b" * 32 * count, b"".join(i[::-1] for i in ids))


def store(memory: Memory, bus: EmbeddedBus, *batches: Kept) -> None:
    """Write batches durably, then learn them."""
    with bus.transaction() as change:
        memory.put(change, batches)
    memory.learn(batches)


def test_what_was_learnt_is_found_with_its_statement(house: House) -> None:
    """Payload and statement of each event of a batch."""
    memory = Memory(house.bus, house.sealer, "gateway")
    store(memory, house.bus, kept(0, 3), kept(3, 3))

    known = memory.find("s/t", (4).to_bytes(16, "big"))

    assert known is not None
    assert (known.payload, known.statement.seq) == ((4).to_bytes(16, "big")[::-1], 3)
    assert known.statement.id == "00000000-0000-0000-0000-000000000004"
    assert memory.find("other/t", (4).to_bytes(16, "big")) is None


def test_a_restart_forgets_nothing(house: House) -> None:
    """What is durable is read back, and the next batch goes on."""
    memory = Memory(house.bus, house.sealer, "gateway")
    store(memory, house.bus, kept(0, 3))

    anew = Memory(house.bus, house.sealer, "gateway")
    store(anew, house.bus, kept(3, 3))

    third = Memory(house.bus, house.sealer, "gateway")
    assert all(third.find("s/t", n.to_bytes(16, "big")) for n in range(6))


def test_it_keeps_the_last_events_only(house: House) -> None:
    """The oldest batches leave, in memory and on the bus alike."""
    memory = Memory(house.bus, house.sealer, "gateway", keep=6)

    for first in range(0, 12, 3):
        store(memory, house.bus, kept(first, 3))

    anew = Memory(house.bus, house.sealer, "gateway", keep=6)
    for one in (memory, anew):
        assert [bool(one.find("s/t", n.to_bytes(16, "big"))) for n in range(12)] == [False] * 6 + [True] * 6
    assert len(list(house.bus.entries(STORE))) == 2


def test_a_batch_larger_than_the_memory_stays(house: House) -> None:
    """What was just learnt is never forgotten at once."""
    memory = Memory(house.bus, house.sealer, "gateway", keep=2)

    store(memory, house.bus, kept(0, 5))

    assert memory.find("s/t", (0).to_bytes(16, "big"))


def test_entries_are_sealed(house: House) -> None:
    """Digests of bodies would let somebody guess contents: they lie sealed."""
    store(Memory(house.bus, house.sealer, "gateway"), house.bus, kept(0, 3))

    value = next(value for _, value in house.bus.entries(STORE))

    assert b"b" * 32 not in value


def test_statements_of_several_batches_stand_in_a_row() -> None:
    """Index and slice run over the batches."""
    statements = Statements([kept(0, 2), kept(2, 3)])

    assert [s.id[-1] for s in statements] == ["0", "1", "2", "3", "4"]
    assert statements[3] == statements[2:5][1]
    assert len(statements) == 5
