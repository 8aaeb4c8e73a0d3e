"""Key states of a partition: clear while they are worked with, sealed in the changelog, due again after a restore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import ManualClock
from security.keys.memory import MemoryKeystore
from security.sealing import Sealer
from streams.runners.faust import due_index
from streams.runners.faust.key_states import PartitionKeyStates
from streams.runners.faust.room import Room, SpillFile
from streams.runners.faust.state import PartitionState, packed
from streams.supervision.keystate import MemoryKeyState


def sealer() -> Sealer:
    """Make a sealer over fresh keys."""
    return Sealer(MemoryKeystore(), ManualClock(), provisions=True)


def written(state: PartitionState) -> dict[bytes, bytes]:
    """Return what a transaction would write."""
    return {key: value for key, each in state.drain().items() if (value := packed(each)) is not None}


def test_what_is_written_is_sealed_and_comes_back() -> None:
    """The changelog holds no clear state; restored, the key and what it waits for are the same."""
    keys, state = sealer(), PartitionState()
    PartitionKeyStates(state, keys).put(b"a" * 16, b"secret of a case", [("", 5), ("court", 9)])
    rows = written(state)

    restored = PartitionKeyStates(PartitionState(dict(rows)), keys)

    assert all(b"secret" not in value for value in rows.values())
    assert restored.get(b"a" * 16) == b"secret of a case"
    assert restored.due("", 5) == [b"a" * 16]
    assert restored.due("court", 8) == []


def test_a_key_that_changes_twice_is_sealed_once() -> None:
    """Only the newest value of a transaction is written, and only the newest wake is due."""
    state = PartitionState()
    store = PartitionKeyStates(state, sealer())
    store.put(b"a", b"one", [("", 3)])
    store.put(b"a", b"two", [("", 8)])

    assert len(written(state)) == 1
    assert store.due("", 7) == []
    assert store.due("", 8) == [b"a"]
    assert store.get(b"a") == b"two"


ADDRESSES = [b"a", b"b", b"c", b"d"]
LINES = ["", "court", "police"]
wakes = st.lists(st.tuples(st.sampled_from(LINES), st.integers(-3, 30)), max_size=3, unique=True)
act = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(ADDRESSES), wakes),
    st.tuples(st.just("due"), st.sampled_from(LINES), st.integers(-3, 40)),
    st.tuples(st.just("restore"), st.just(b""), st.just(0)),
)


@given(st.lists(act, max_size=60), st.integers(0, 3))
def test_it_is_due_what_is_due_in_memory_without_bound(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, Any, Any]], near: int
) -> None:
    """With no room for states and hardly any for the index, every mark finds what the plain port finds."""
    folder = tmp_path_factory.getbasetemp()
    keys, expected = sealer(), MemoryKeyState()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(due_index, "FEWEST", near)
        patch.setattr(due_index, "WAITING", 3)
        state = PartitionState(room=Room(0, folder))
        store, durable = PartitionKeyStates(state, keys), dict[bytes, bytes]()
        for name, first, second in acts:
            if name == "put":
                for port in (expected, store):
                    port.put(first, b"state", second)
            elif name == "due":
                found = list(store.due(first, second))
                assert found == list(expected.due(first, second))
                for address in found:  # as the engine does
                    left = [wake for wake in expected.wakes[address] if wake[1] > second or wake[0] != first]
                    for port in (expected, store):
                        port.put(address, b"later", left)
            else:
                state.close()
                state = PartitionState(durable, Room(0, folder))
                store = PartitionKeyStates(state, keys)
            durable |= written(state)
            assert store._due.near <= max(near, 1) + 3 + len(acts)
        for address in ADDRESSES:
            assert store.get(address) == expected.get(address)
        state.close()


def test_what_is_due_and_waits_on_is_due_again() -> None:
    """Put again with the same time, a key is told at the next mark as well; unchanged, the index does not grow."""
    state = PartitionState()
    store = PartitionKeyStates(state, sealer())
    for _ in range(5):
        store.put(b"a", b"state", [("", 3)])

    assert store._due.near == 1
    assert store.due("", 3) == [b"a"]
    store.put(b"a", b"state", [("", 3)])
    assert store.due("", 3) == [b"a"]
    assert store.due("", 9) == []


def test_the_index_stays_within_its_part_of_the_room(tmp_path: Path) -> None:
    """Of 20,000 keys that wait, few entries stand in memory; all are found, in the order of their times."""
    state = PartitionState(room=Room(1 << 20, tmp_path))
    store = PartitionKeyStates(state, sealer())
    most = 0
    for n in range(20_000):
        store.put(n.to_bytes(4, "big"), b"", [("", n * 7919 % 20_000)])
        most = max(most, store._due.near)
        if n % 100 == 0:
            state.drain()
    state.drain()
    found = [address for until in range(0, 20_100, 100) for address in store.due("", until)]

    assert most <= (1 << 20) // 8 // due_index.ENTRY_BYTES + due_index.WAITING
    assert [int.from_bytes(address) * 7919 % 20_000 for address in found] == list(range(20_000))
    state.close()


def test_nothing_clear_goes_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written there is what the changelog gets: sealed, byte for byte."""
    rows: dict[bytes, bytes] = {}
    change = SpillFile.change

    def kept(self: SpillFile, statement: str, values: Any) -> int:
        values = list(values)
        rows.update(values)
        return change(self, statement, values)

    monkeypatch.setattr(SpillFile, "change", kept)
    state = PartitionState(room=Room(0, tmp_path))
    store = PartitionKeyStates(state, sealer())
    for n in range(20):
        store.put(b"%d" % n, b"secret of a case", ())
    durable = written(state)

    assert rows == durable
    assert all(b"secret" not in value for value in rows.values())
    state.close()
