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
from services.gateway.readers import Reader
from services.gateway.receiving import (
    PAGE_BYTES,
    PAGE_VIEWS,
    BeyondEndError,
    ExpiredError,
    HeldError,
    NotYoursError,
    OnKafkaError,
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


def reading(house: House, found: ViewReceiver, **options: Any) -> Receiving:
    """Return what reads it."""
    return Receiving(house.bus, house.log, ManualClock(NOW), lambda: {NAME: found}, lambda: 7, **options)


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


def test_a_topic_with_partitions_is_refused_rather_than_read_in_part(house: House) -> None:
    """On Kafka the gateway would see one partition of several: it says so and gives nothing."""
    with pytest.raises(OnKafkaError):
        reading(house, receiver(house), partitioned=True).read(READER, NAME, -1, 100, "page")


def test_a_notice_has_no_data(house: House) -> None:
    """A record without a value tells by its attributes alone that an event no longer stands."""
    original = uuid.uuid4()
    headers = (("ce_id", str(uuid.uuid4()).encode()), ("ce_supersedes", str(original).encode()))

    for form in ("json", "avro"):
        said = cloudevent(Stored(3, b"k", b"", headers), form, ViewRegistry())
        assert said["supersedes"] == str(original)
        assert not {"data", "data_base64"} & set(said)
