"""Reading a subscription's views: what is asked anew each time, what is on record, how a page is bounded."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest

from schemas.clock import ManualClock
from schemas.errors import CasebusError
from security.policy.compile import compile_table
from security.subjects import Principal
from security.view_schema import ViewRegistry
from services.gateway.cursor import CursorError, SignedCursors
from services.gateway.readers import Reader
from services.gateway.receiving import (
    PAGE_BYTES,
    PAGE_VIEWS,
    BeyondEndError,
    ExpiredError,
    HeldError,
    NotYoursError,
    Receiving,
)
from services.gateway.view_rendering import cloudevent
from streams.bus.port import Record, Stored
from streams.view_topic import ViewReceiver
from tests.unit.services.gateway.conftest import NOW, House

NAME = "court-990103-execution"
READER = Reader(NAME, "court-990103", NAME)
PRINCIPAL = Principal(
    id=NAME,
    kind="subscription",
    organisation="court-990103",
    purpose="sentence-execution",
    clearance=2,
    event_types=frozenset({"prison.admitted"}),
    districts=("990103",),
    expires_at=NOW + 1,
)


def receiver(house: House, **changes: Any) -> ViewReceiver:
    """Return the subscription, changed."""
    table = compile_table(dataclasses.replace(PRINCIPAL, **changes), [house.contracts.by_type("prison.admitted")])
    return ViewReceiver(table, house.sealer)


def reading(house: House, found: ViewReceiver) -> Receiving:
    """Return what reads it."""
    return Receiving(house.bus, house.log, ManualClock(NOW), lambda: {NAME: found}, lambda: 7)


def test_a_page_is_bounded_by_bytes_and_gives_one_view_at_least(house: House) -> None:
    """Large views come one by one; nothing is skipped."""
    found = receiver(house)
    big = Record(b"k", bytes(PAGE_BYTES // 2 + 1))
    house.bus.append(found.topic, 0, [big, big, big])
    receiving = reading(house, found)

    pages = [receiving.read(READER, NAME, after, 100, "page") for after in (-1, 0, 1, 2)]

    assert [[view.offset for view in page.views] for page in pages] == [[0], [1], [2], []]
    assert [page.next for page in pages] == [0, 1, 2, 2]
    assert [entry.off for entry in house.log.of("pull")] == [0, 1, 2]


def test_nothing_is_read_where_the_log_cannot_be_written(house: House) -> None:
    """The record first: where it fails no view leaves."""
    found = receiver(house)
    house.bus.append(found.topic, 0, [Record(b"k", b"v")])
    house.log.failure = CasebusError()

    with pytest.raises(CasebusError):
        reading(house, found).read(READER, NAME, -1, 100, "page")


@pytest.mark.parametrize(
    ("changes", "held", "reader", "error"),
    [
        ({}, True, READER, HeldError),
        ({"expires_at": NOW}, False, READER, ExpiredError),
        ({}, False, Reader("court-990103/trial", "court-990103"), NotYoursError),
        ({}, False, Reader("other", "court-990103", "other"), NotYoursError),
    ],
)
def test_each_refusal_is_on_record(
    house: House, *, changes: dict[str, Any], held: bool, reader: Reader, error: type[CasebusError]
) -> None:
    """Held, expired, not one's own: refused with a code of its own, which the log holds."""
    found = receiver(house, **changes)
    found.held = held

    with pytest.raises(error):
        reading(house, found).read(reader, NAME, -1, 100, "page")

    assert [(e.act, e.why, e.actor, e.obj) for e in house.log.entries] == [("refuse", error.code, reader.name, NAME)]


def told(house: House) -> list[tuple[str, int | None, Any]]:
    """Return the acknowledgements on record."""
    return [(entry.obj, entry.off, entry.data["way"]) for entry in house.log.of("ack")]


def test_going_on_from_an_offset_acknowledges_it(house: House) -> None:
    """Once for each step forward, before the next page leaves; an offset that was never released is nothing said."""
    found = receiver(house)
    house.bus.append(found.topic, 0, [Record(b"k", b"v")] * 5)
    receiving = reading(house, found)

    for after in (-1, 1, 1, 0, 4, 4, 900):
        receiving.read(READER, NAME, after, 2, "page")

    assert told(house) == [(NAME, 1, "cursor"), (NAME, 4, "cursor")]
    assert [entry.act for entry in house.log.entries] == ["pull", "ack", "pull", "pull", "pull", "ack"]


def test_a_receiver_says_outright_how_far_it_is(house: House) -> None:
    """On record once; beyond the end it is refused, and so is who may not read."""
    found = receiver(house)
    house.bus.append(found.topic, 0, [Record(b"k", b"v")] * 3)
    receiving = reading(house, found)

    assert [receiving.acknowledge(READER, NAME, through) for through in (1, 1, 0, 2)] == [1, 1, 1, 2]
    with pytest.raises(BeyondEndError):
        receiving.acknowledge(READER, NAME, 3)
    with pytest.raises(NotYoursError):
        receiving.acknowledge(Reader("other", "court-990103", "other"), NAME, 1)

    assert told(house) == [(NAME, 1, "told"), (NAME, 2, "told")]


def test_an_acknowledgement_that_was_not_durable_is_written_again(house: House) -> None:
    """What the log did not take is not remembered."""
    found = receiver(house)
    house.bus.append(found.topic, 0, [Record(b"k", b"v")])
    receiving = reading(house, found)
    house.log.failure = CasebusError()
    with pytest.raises(CasebusError):
        receiving.acknowledge(READER, NAME, 0)
    house.log.failure = None

    receiving.acknowledge(READER, NAME, 0)

    assert told(house) == [(NAME, 0, "told")]


def test_a_reading_names_its_events(house: House) -> None:
    """Whether an event was fetched is asked of the log: each reading names its events, 256 of them too."""
    found = receiver(house)
    ids = [uuid.uuid4() for _ in range(PAGE_VIEWS)]
    house.bus.append(found.topic, 0, [Record(b"k", b"v", (("ce_id", str(each).encode()),)) for each in ids])

    reading(house, found).read(READER, NAME, -1, PAGE_VIEWS, "page")

    (entry,) = house.log.of("pull")
    assert entry.data["events"] == [each.hex for each in ids]


class Partitioned:
    """A bus whose view topic has three partitions, offsets with gaps as transaction markers leave them."""

    def __init__(self, counts: tuple[int, ...]) -> None:
        self._rows = [[Stored(2 * n, b"k", bytes([p, n]), ()) for n in range(c)] for p, c in enumerate(counts)]

    def partitions(self, topic: str) -> int:
        """Count them."""
        del topic
        return len(self._rows)

    def end(self, topic: str, partition: int) -> int:
        """Return one past the last."""
        del topic
        return self._rows[partition][-1].offset + 1 if self._rows[partition] else 0

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Stored]:
        """Read one partition."""
        del topic
        return [row for row in self._rows[partition] if row.offset >= offset][:limit]


def on_partitions(house: House, *counts: int) -> Receiving:
    """Return what reads a topic with partitions of so many views."""
    bus: Any = Partitioned(counts)
    cursors = SignedCursors(house.sealer.keyed_digest)
    found = receiver(house)
    return Receiving(bus, house.log, ManualClock(NOW), lambda: {NAME: found}, lambda: 7, cursors=cursors)


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_every_partition_is_read_to_its_end_from_page_to_page(house: House, limit: int) -> None:
    """One cursor over all partitions: nothing twice, nothing missing, each pull and acknowledgement by partition."""
    receiving, after, views = on_partitions(house, 5, 0, 9), "-1", []
    while (page := receiving.read(READER, NAME, after, limit, "page")).views:
        views += [(view.partition, view.offset) for view in page.views]
        # Going on after any view of the page gives the rest of it.
        inner = receiving.read(READER, NAME, page.views[0].cursor, 1, "page")
        assert len(page.views) == 1 or inner.views
        after = str(page.next)

    assert sorted(views) == [(p, 2 * n) for p, count in ((0, 5), (2, 9)) for n in range(count)]
    assert page.end == page.next
    given = {(e.part, e.off) for e in house.log.of("ack")}
    assert {(0, 8), (2, 16)} <= given
    assert all(entry.part in {0, 2} for entry in house.log.of("pull"))


def test_a_cursor_cannot_be_made_up_or_taken_elsewhere(house: House) -> None:
    """Every changed letter, another topic's, another number of partitions, an offset: refused."""
    receiving = on_partitions(house, 3, 3)
    cursor = str(receiving.read(READER, NAME, "-1", 2, "page").next)
    cursors = SignedCursors(house.sealer.keyed_digest)

    changed = [cursor[:n] + ("A" if cursor[n] != "A" else "B") + cursor[n + 1 :] for n in range(len(cursor) - 1)]
    for wrong in (*changed, "5", "", cursor[:-4], str(cursors.cursor("casebus.view.other", (1, 1)))):
        with pytest.raises(CursorError):
            receiving.read(READER, NAME, wrong, 2, "page")
    with pytest.raises(CursorError):
        on_partitions(house, 3, 3, 3).read(READER, NAME, cursor, 2, "page")
    with pytest.raises(CursorError):
        reading(house, receiver(house)).read(READER, NAME, cursor, 2, "page")


def test_a_notice_has_no_data(house: House) -> None:
    """A record without a value tells by its attributes alone that an event no longer stands."""
    original = uuid.uuid4()
    headers = (("ce_id", str(uuid.uuid4()).encode()), ("ce_supersedes", str(original).encode()))

    for form in ("json", "avro"):
        said = cloudevent(Stored(3, b"k", b"", headers), form, ViewRegistry())
        assert said["supersedes"] == str(original)
        assert not {"data", "data_base64"} & set(said)
