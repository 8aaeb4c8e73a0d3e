"""Key states of a partition: clear while they are worked with, sealed in the changelog, due again after a restore."""

from __future__ import annotations

from schemas.clock import ManualClock
from security.keys.memory import MemoryKeystore
from security.sealing import Sealer
from streams.runners.faust.key_states import PartitionKeyStates
from streams.runners.faust.state import PartitionState, packed


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
