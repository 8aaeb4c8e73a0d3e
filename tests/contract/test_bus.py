"""The contract every bus adapter keeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.bus import checkpoints
from streams.bus.embedded import EmbeddedBus
from streams.bus.port import Bus, BusFullError, BusUnavailableError, Record


@pytest.fixture(params=["embedded"])
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bus]:
    """Open each adapter on empty ground."""
    assert request.param == "embedded"
    adapter = EmbeddedBus(tmp_path / "bus.db")
    yield adapter
    adapter.close()


@pytest.fixture
def unsynced(tmp_path: Path) -> Iterator[Bus]:
    """The embedded bus without syncs, for laws over many transactions."""
    adapter = EmbeddedBus(tmp_path / "bus.db")
    adapter._writer.execute("PRAGMA synchronous=OFF")
    yield adapter
    adapter.close()


def record(number: int) -> Record:
    """Make a record that can be told apart."""
    return Record(b"k%d" % number, b"v%d" % number, (("n", b"%d" % number),))


def test_offsets_rise_per_partition(bus: Bus) -> None:
    """Each partition has its own rising offsets, and its end is one past the last record."""
    first = bus.append("t", 0, [record(0), record(1)])
    bus.append("t", 1, [record(9)])
    second = bus.append("t", 0, [record(2)])

    stored = bus.read("t", 0, 0, 10)
    assert [s.value for s in stored] == [b"v0", b"v1", b"v2"]
    assert [s.offset for s in stored] == [first - 1, first, second]
    assert bus.end("t", 0) == second + 1
    assert bus.end("t", 7) == 0


def test_a_record_is_read_back_whole(bus: Bus) -> None:
    """Key, value and headers come back as they went in."""
    bus.append("t", 0, [record(5)])

    (stored,) = bus.read("t", 0, 0, 10)

    assert (stored.key, stored.value, stored.headers) == (b"k5", b"v5", (("n", b"5"),))


def test_reading_starts_at_the_offset_and_stops_at_the_limit(bus: Bus) -> None:
    """A page of a partition is what was asked for, and nothing stands at its end."""
    last = bus.append("t", 0, [record(n) for n in range(10)])

    assert [s.offset for s in bus.read("t", 0, last - 5, 3)] == [last - 5, last - 4, last - 3]
    assert bus.read("t", 0, bus.end("t", 0), 3) == []


def test_pages_that_go_on_past_the_last_offset_cover_a_partition(bus: Bus) -> None:
    """A reader that goes on one past what it was given gets each record once and then stands at the end."""
    for number in range(5):
        bus.append("t", 0, [record(number)])

    position, seen = 0, []
    while stored := bus.read("t", 0, position, 2):
        position = stored[-1].offset + 1
        seen += [s.value for s in stored]

    assert seen == [b"v%d" % n for n in range(5)]
    assert position == bus.end("t", 0)


def test_a_transaction_is_all_or_nothing(bus: Bus) -> None:
    """Outputs, state and position change together, or none does."""

    def interrupted() -> None:
        with bus.transaction() as change:
            change.append("out", 0, [record(1)])
            change.put("state", b"a", b"1")
            change.advance("g", "in", 0, 5)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        interrupted()

    assert bus.end("out", 0) == 0
    assert bus.get("state", b"a") is None
    assert bus.position("g", "in", 0) == 0

    with bus.transaction() as change:
        change.append("out", 0, [record(1)])
        change.put("state", b"a", b"1")
        change.advance("g", "in", 0, 5)

    assert [s.value for s in bus.read("out", 0, 0, 10)] == [b"v1"]
    assert bus.read("out", 0, bus.end("out", 0), 10) == []
    assert bus.get("state", b"a") == b"1"
    assert bus.position("g", "in", 0) == 5


def test_a_transaction_sees_its_own_changes(bus: Bus) -> None:
    """A get and a scan inside a transaction see what it has put."""
    with bus.transaction() as change:
        change.put("s", b"b", b"2")
        change.put("s", b"a", b"1")
        assert change.get("s", b"a") == b"1"
        assert change.scan("s", b"a", b"c", 10) == [(b"a", b"1"), (b"b", b"2")]
        change.put("s", b"a", None)
        assert change.get("s", b"a") is None
        assert change.scan("s", b"a", b"c", 10) == [(b"b", b"2")]

    assert list(bus.entries("s")) == [(b"b", b"2")]


def test_a_store_can_be_cleared(bus: Bus) -> None:
    """Clearing forgets what was durable and what this transaction put, of this store only."""
    with bus.transaction() as change:
        change.put("s", b"a", b"1")
        change.put("other", b"a", b"1")

    with bus.transaction() as change:
        change.put("s", b"b", b"2")
        change.clear("s")
        change.put("s", b"c", b"3")

    assert list(bus.entries("s")) == [(b"c", b"3")]
    assert list(bus.entries("other")) == [(b"a", b"1")]


def test_two_appends_in_one_transaction_follow_each_other(bus: Bus) -> None:
    """A second append to a partition continues the first."""
    with bus.transaction() as change:
        assert change.append("t", 0, [record(0)]) == 0
        assert change.append("t", 0, [record(1)]) == 1

    assert [s.value for s in bus.read("t", 0, 0, 10)] == [b"v0", b"v1"]


def test_records_that_are_sent_stand_when_the_transaction_ends(bus: Bus) -> None:
    """They follow what was appended before and come before what is appended after, in their own order."""
    with bus.transaction() as change:
        change.append("t", 0, [record(0)])
        change.send("t", 0, [record(1), record(2)])
        change.send("t", 1, [record(9)])
        change.append("t", 0, [record(3)])
        change.put("s", b"a", b"1")

    assert [s.value for s in bus.read("t", 0, 0, 10)] == [b"v0", b"v1", b"v2", b"v3"]
    assert [s.value for s in bus.read("t", 1, 0, 10)] == [b"v9"]


def test_topics_are_found_by_prefix(bus: Bus) -> None:
    """The raw topics of all agencies can be listed."""
    bus.append("casebus.raw.police", 0, [record(0)])
    bus.append("casebus.raw.court", 0, [record(0)])
    bus.append("casebus.work", 0, [record(0)])

    assert bus.topics("casebus.raw.") == ["casebus.raw.court", "casebus.raw.police"]


def test_the_embedded_bus_counts_without_holes(tmp_path: Path) -> None:
    """The embedded bus uses up no offset of its own: each partition counts from zero."""
    bus = EmbeddedBus(tmp_path / "bus.db")

    assert [bus.append("t", 0, [record(0), record(1)]), bus.append("t", 1, [record(9)])] == [1, 0]
    assert bus.append("t", 0, [record(2)]) == 2
    bus.close()


def test_the_embedded_bus_keeps_everything_over_a_restart(tmp_path: Path) -> None:
    """What was acknowledged is there when the file is opened again, and offsets go on."""
    first = EmbeddedBus(tmp_path / "bus.db")
    first.append("t", 0, [record(0), record(1)])
    first.close()

    again = EmbeddedBus(tmp_path / "bus.db")

    assert again.append("t", 0, [record(2)]) == 2
    assert [s.value for s in again.read("t", 0, 0, 10)] == [b"v0", b"v1", b"v2"]
    again.close()


def test_a_full_disk_is_a_coded_error_that_leaves_nothing_behind(tmp_path: Path) -> None:
    """SQLite's own page limit stands in for the disk: the refused transaction leaves no trace, the next one works."""
    bus = EmbeddedBus(tmp_path / "bus.db")
    bus._writer.execute("PRAGMA max_page_count=40")

    with pytest.raises(BusFullError) as caught:
        bus.append("t", 0, [Record(b"k", b"x" * 400_000)])

    assert caught.value.exit_code == 5
    assert bus.end("t", 0) == 0
    bus._writer.execute("PRAGMA max_page_count=100000")
    assert bus.append("t", 0, [record(0)]) == 0
    bus.close()


def test_many_values_are_read_at_once(bus: Bus) -> None:
    """Those keys of a store that have a value, also more than one query takes; no key of another store."""
    keys = [b"%d" % number for number in range(600)]
    with bus.transaction() as change:
        for key in keys[::2]:
            change.put("s", key, b"v" + key)
        change.put("other", keys[1], b"w")

    assert bus.get_many("s", keys) == {key: b"v" + key for key in keys[::2]}
    assert bus.get_many("s", []) == {}


def test_a_transaction_sees_its_own_changes_among_many(bus: Bus) -> None:
    """Values asked for together inside a transaction are those it has set, and the stored ones of the rest."""
    keys = [b"%03d" % number for number in range(400)]
    with bus.transaction() as change:
        for key in keys:
            change.put("s", key, b"old")

    with bus.transaction() as change:
        change.put("s", keys[1], b"new")
        change.put("s", keys[2], None)

        expected = {**dict.fromkeys(keys, b"old"), keys[1]: b"new"}
        del expected[keys[2]]
        assert change.get_many("s", [*keys, b"none"]) == expected


@pytest.mark.parametrize("owned", [False, True])
def test_an_owned_transaction_is_all_or_nothing_too(bus: Bus, *, owned: bool) -> None:
    """Outputs on topics old and new, state and position change together, or none does."""
    bus.append("old", 0, [record(0)])

    def interrupted() -> None:
        with bus.transaction(owned=owned) as change:
            change.append("old", 0, [record(1)])
            change.append("new", 0, [record(1)])
            change.put("state", b"a", b"1")
            change.advance("g", "in", 0, 5)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        interrupted()

    assert (len(bus.read("old", 0, 0, 9)), bus.read("new", 0, 0, 9), bus.get("state", b"a")) == (1, [], None)
    with bus.transaction(owned=owned) as change:
        change.append("old", 0, [record(1)])
        change.append("new", 0, [record(2)])
        change.put("state", b"a", b"1")
        change.advance("g", "in", 0, 5)
    assert [s.value for topic in ("old", "new") for s in bus.read(topic, 0, 0, 9)] == [b"v0", b"v1", b"v2"]
    assert (bus.get("state", b"a"), bus.position("g", "in", 0)) == (b"1", 5)


def test_others_write_while_an_owned_transaction_is_gathered(tmp_path: Path) -> None:
    """The embedded bus has one writer, and a long step of supervision does not keep the door from it."""
    bus = EmbeddedBus(tmp_path / "bus.db")
    with bus.transaction(owned=True) as change:
        change.put("state", b"a", b"1")
        change.append("out", 0, [record(1)])
        door = threading.Thread(target=bus.append, args=("raw", 0, [record(0)]), daemon=True)
        door.start()
        door.join(10)
        assert not door.is_alive()
        assert (bus.end("raw", 0), bus.end("out", 0)) == (1, 0)

    assert (bus.end("out", 0), bus.get("state", b"a")) == (1, b"1")
    bus.close()


def test_an_owned_transaction_that_was_overtaken_leaves_nothing_behind(tmp_path: Path) -> None:
    """Where a topic was not its own after all, the step is refused and can be done again: no offset is told twice."""
    bus = EmbeddedBus(tmp_path / "bus.db")

    def overtaken() -> None:
        with bus.transaction(owned=True) as change:
            change.put("state", b"a", b"1")
            change.append("out", 0, [record(1)])
            bus.append("out", 0, [record(2)])

    with pytest.raises(BusUnavailableError):
        overtaken()

    assert [s.value for s in bus.read("out", 0, 0, 9)] == [b"v2"]
    assert bus.get("state", b"a") is None
    bus.close()


KEYS = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.one_of(st.none(), st.binary(max_size=2))),
        st.tuples(st.just("clear")),
        st.tuples(st.just("scan"), KEYS, KEYS, st.integers(1, 4)),
        st.tuples(st.just("end")),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, owned=st.booleans())
def test_a_store_is_a_sorted_map(unsynced: Bus, changes: list[tuple[Any, ...]], *, owned: bool) -> None:
    """Whatever was put, removed and cleared, in this transaction or before: reads are those of a plain sorted map."""
    bus = unsynced
    truth: dict[bytes, bytes] = {}
    with bus.transaction() as change:
        change.clear("s")
    left = list(changes)
    while left:
        with bus.transaction(owned=owned) as change:
            while left and (step := left.pop(0))[0] != "end":
                if step[0] == "clear":
                    change.clear("s")
                    truth.clear()
                elif step[0] == "put":
                    change.put("s", step[1], step[2])
                    truth.pop(step[1], None)
                    truth.update({step[1]: step[2]} if step[2] is not None else {})
                else:
                    rows = [(k, v) for k, v in sorted(truth.items()) if step[1] <= k < step[2]]
                    assert change.scan("s", step[1], step[2], step[3]) == rows[: step[3]]
                assert change.get_many("s", [b"a", b"c"]) == {k: truth[k] for k in (b"a", b"c") if k in truth}
                assert change.get("s", b"b") == truth.get(b"b")
        assert dict(bus.entries("s")) == truth


def test_a_long_log_is_carried_back_beside_the_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread does it, before SQLite's own limit is near; everything is there afterwards, and closing ends it."""
    monkeypatch.setattr(checkpoints, "LARGE", 64 << 10)
    monkeypatch.setattr(checkpoints, "PAUSE_SECONDS", 0.01)
    bus = EmbeddedBus(tmp_path / "bus.db")
    for number in range(40):
        bus.append("t", 0, [Record(b"%d" % number, b"x" * 8_000)])
    until = time.monotonic() + 20
    while (tmp_path / "bus.db").stat().st_size < 200_000 and time.monotonic() < until:
        time.sleep(0.01)
        bus.append("t", 0, [record(0)])

    assert (tmp_path / "bus.db").stat().st_size >= 200_000
    assert [s.key for s in bus.read("t", 0, 0, 40)] == [b"%d" % number for number in range(40)]
    bus.close()
    assert "checkpoints" not in {thread.name for thread in threading.enumerate()}
