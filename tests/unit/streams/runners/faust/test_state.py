"""A partition's state with little room: the same map as with all the room there is, and its memory has a bound."""

from __future__ import annotations

import gc
import sqlite3
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runners.faust.failstop import Exit, failed
from streams.runners.faust.room import Room, SpillFailedError, SpillFile
from streams.runners.faust.state import ENTRY_BYTES, PartitionState, packed

KEYS = [b"k%d" % n for n in range(6)] + [b"e", b"\xff\xff"]
keys = st.sampled_from(KEYS)
values = st.binary(max_size=40)
step = st.one_of(
    st.tuples(st.just("put"), keys, st.one_of(st.none(), values)),
    st.tuples(st.just("pack"), keys, values),
    st.tuples(st.just("get"), keys, st.none()),
    st.tuples(st.just("expect"), st.lists(keys), st.none()),
    st.tuples(st.just("clear"), st.sampled_from([b"k", b"e", b"", b"\xff"]), st.none()),
    st.tuples(st.just("drain"), st.none(), st.none()),
    st.tuples(st.just("load"), st.lists(st.tuples(keys, st.one_of(st.none(), values))), st.none()),
    st.tuples(st.just("restore"), st.none(), st.none()),
)


@dataclass(frozen=True)
class Wrapped:
    """A value that packs itself."""

    value: bytes

    @property
    def weight(self) -> int:
        """Its bytes."""
        return len(self.value)

    def pack(self) -> bytes:
        """Give the bytes."""
        return self.value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have one place for all files."""
    return tmp_path_factory.mktemp("states")


def plain(state: PartitionState) -> dict[bytes, bytes | None]:
    """Return what stands in a state."""
    return {key: packed(value) for key, value in state.items()}


@given(st.lists(step, max_size=40), st.integers(0, 5))
def test_with_little_room_it_is_the_same_map(folder: Path, steps: list[tuple[str, object, object]], room: int) -> None:
    """Whatever is put, removed, fetched, drained, restored: it answers as a dict, and holds no more than its share."""
    share = room * (ENTRY_BYTES + 20)
    state, expected, changed = PartitionState(room=Room(share, folder)), dict[bytes, bytes](), dict[bytes, object]()
    durable: dict[bytes, bytes] = {}
    for act, key, value in steps:
        if act in {"put", "pack"}:
            state.put(key, Wrapped(value) if act == "pack" else value)  # type: ignore[arg-type]
            changed[key] = value  # type: ignore[index]
            apply(expected, [(key, value)])
        elif act == "get":
            assert packed(state.get(key)) == expected.get(key)  # type: ignore[arg-type, call-overload]
        elif act == "expect":
            state.expect(key)  # type: ignore[arg-type]
        elif act == "clear":
            changed.update(dict.fromkeys(each for each in expected if each.startswith(key)))  # type: ignore[arg-type]
            expected = {each: kept for each, kept in expected.items() if not each.startswith(key)}  # type: ignore[arg-type]
            state.clear(key)  # type: ignore[arg-type]
        elif act == "drain":
            found = {each: packed(kept) for each, kept in state.drain().items()}
            assert found == changed
            apply(durable, found.items())
            changed.clear()
            assert state.weight <= share
        elif act == "load" and not changed:
            state.load(key)  # type: ignore[arg-type]
            apply(expected, key)
            apply(durable, key)
            assert state.weight <= share
        elif act == "restore":
            state.close()
            state = PartitionState(durable, Room(share, folder))
            expected, changed = dict(durable), {}
        assert len(state) == len(expected) == state.held + state.spilled
    assert plain(state) == expected
    assert {each: packed(state.get(each)) for each in KEYS} == {each: expected.get(each) for each in KEYS}
    state.close()
    assert list(folder.iterdir()) == []


def apply(target: dict[bytes, bytes], rows: object) -> None:
    """Set and remove as a changelog says."""
    for key, value in rows:  # type: ignore[attr-defined]
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value


def filled(folder: Path, count: int, share: int) -> PartitionState:
    """Put values of 100 bytes and drain now and then."""
    state = PartitionState(room=Room(share, folder))
    for n in range(count):
        state.put(n.to_bytes(16, "big"), n.to_bytes(100, "big"))
        if n % 50 == 0:
            state.drain()
    state.drain()
    return state


def test_what_was_put_longest_ago_goes(folder: Path) -> None:
    """A key that is put again is young again; what stands in memory is not read from the file."""
    state = PartitionState({b"a": b"1", b"b": b"2", b"c": b"3"}, Room(3 * (ENTRY_BYTES + 1), folder))
    state.put(b"a", b"4")
    state.put(b"d", b"5")
    state.drain()

    assert state.spilled > 0
    assert [state.read(key) for key in (b"a", b"d")] == [b"4", b"5"]
    assert state.reads == 0
    assert state.read(b"b") == b"2"
    assert state.reads == 1
    state.close()


def test_a_batch_is_fetched_by_few_queries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 600 keys, half of them unknown, nothing is asked one by one."""
    state = filled(folder, 400, 0)
    asked = list[str]()
    find = SpillFile.find

    def counted(self: SpillFile, query: str, values: object = ()) -> object:
        asked.append(query)
        return find(self, query, values)  # type: ignore[arg-type]

    monkeypatch.setattr(SpillFile, "find", counted)
    wanted = [n.to_bytes(16, "big") for n in range(100, 700)]
    state.expect(wanted)

    assert [state.read(key) is not None for key in wanted] == [n < 400 for n in range(100, 700)]
    assert len(asked) == 3
    state.close()


def test_shares_are_equal_and_become_smaller_as_partitions_come(folder: Path) -> None:
    """What one partition may take, two take together; closed, its share goes back."""
    room = Room(100_000, folder)
    first = PartitionState(room=room)
    for n in range(300):
        first.put(b"%d" % n, b"")
    first.drain()
    alone = first.weight
    second = PartitionState(room=room)
    first.trim()
    half = first.weight
    second.close()

    assert 50_000 < alone <= 100_000
    assert half <= 50_000
    assert room.share == 100_000
    assert len(first) == 300
    first.close()


def test_a_share_is_about_what_memory_it_takes(folder: Path) -> None:
    """Bytes counted are bytes taken, give or take a third, however much goes through."""
    filled(folder, 10, 0).close()
    gc.collect()
    tracemalloc.start()
    try:
        state = filled(folder, 20_000, 1 << 20)
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
        counted = state.weight
    finally:
        tracemalloc.stop()
    assert state.spilled > 10_000
    assert counted <= 1 << 20
    assert 0.6 * counted < taken < 1.4 * counted
    state.close()


def test_its_file_has_no_name_and_is_nobody_else_s(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at any time, nothing of it is left; while it has a name, only its owner may read it."""
    modes = []
    unlink = Path.unlink

    def seen(path: Path, **options: bool) -> None:
        modes.append(path.stat().st_mode & 0o777)
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", seen)
    state = filled(folder, 100, 0)

    assert state.file_bytes > 0
    assert modes == [0o600]
    assert list(folder.iterdir()) == []
    state.close()


@pytest.fixture
def full(folder: Path) -> Iterator[PartitionState]:
    """Give a state whose disk has no more room."""
    state = filled(folder, 100, 0)
    file = state.file()
    assert file is not None
    file._file.execute("PRAGMA max_page_count = 1")
    yield state
    state.close()


def test_a_full_disk_ends_the_worker(full: PartitionState, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told apart from a bug and from Kafka, by its own code; the message holds no value."""
    with pytest.raises(SpillFailedError) as caught:
        full.load((b"secret%d" % n, bytes(400)) for n in range(200))
    told = list[tuple[int, str, object]]()

    def stopped(code: Exit, event: str, error: BaseException | None = None, **fields: object) -> None:
        told.append((code, event, fields.get("reason")))
        raise SystemExit

    monkeypatch.setattr("streams.runners.faust.failstop.fail_stop", stopped)
    with pytest.raises(SystemExit):
        failed(caught.value, Exit.BUG, "worker.step_failed")

    assert told == [(Exit.DISK, "worker.spill_failed", "sqlite_full")]
    assert "secret" not in str(caught.value)


def test_a_broken_file_is_no_value(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the file cannot give is an error, never taken for a key that is not there."""
    state = filled(folder, 100, 0)
    file = state.file()
    assert file is not None

    class Broken:
        def execute(self, *_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        def close(self) -> None:
            """Close nothing."""

    monkeypatch.setattr(file, "_file", Broken())
    with pytest.raises(SpillFailedError):
        state.read(bytes(16))
    state.close()
