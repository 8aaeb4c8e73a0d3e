"""A plain file as facts: the same ids, times and values as through the door, of the wanted types and fields only."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.event import derived_id, sequence_of
from schemas.instants import parse_instant
from services.importer.facts import facts, identifier
from services.importer.mapping import Mapping, load_mapping
from services.importer.opening import open_file
from services.importer.reader import portions
from services.importer.rejection import Rejection
from tests.unit.services.importer.conftest import HEADER, ROW, WriteFile

SEND = "1,A1,Send,2006-12-05T00:00:00+01:00,complete,,,,,"


@given(st.text(max_size=20), st.integers(0, 10**18))
def test_ids_are_the_derived_ids(source: str, number: int) -> None:
    """The fast form of the derivation is the derivation."""
    sequence = sequence_of(number)

    assert identifier(source)(sequence) == derived_id(source, sequence)


def test_facts_are_the_events_of_the_same_rows(mapping: Mapping, write: WriteFile) -> None:
    """What a back-test of the file sees is what the node would have got."""
    path = write(HEADER, ROW, SEND)
    events = [event for portion in portions(mapping, open_file(mapping, path)) for event in portion.events]

    seen = list(facts(mapping, path, mapping.types, {"traffic.fine.created": {"amount_cents", "served_on"}}))

    assert [f.id.hex() for f in seen] == [e["id"].replace("-", "") for e in events]
    assert [f.occurred_at for f in seen] == [parse_instant(e["time"]) for e in events]
    assert [(f.type, f.sequence, f.subject, f.district) for f in seen] == [
        (e["type"], e["sequence"], e["subject"], e["district"]) for e in events
    ]
    assert seen[0].data == {"amount_cents": 3500, "served_on": 13354}


def test_only_wanted_types_are_read(mapping: Mapping, write: WriteFile) -> None:
    """A model sees the types it declared, and the fields it declared."""
    seen = list(facts(mapping, write(HEADER, ROW, SEND), {"traffic.fine.sent"}, {}))

    assert [(f.type, f.data) for f in seen] == [("traffic.fine.sent", {})]


def test_rows_that_cannot_be_read_are_told(mapping: Mapping, write: WriteFile) -> None:
    """A back-test knows how many rows it did not see, and which."""
    told: list[Rejection] = []
    path = write(HEADER, "bad", '1,"open', ROW)

    seen = list(facts(mapping, path, mapping.types, {}, told.append))

    assert len(seen) == 1
    assert sorted((r.place, r.code) for r in told) == [(2, "importer.columns"), (3, "importer.quoting")]


@pytest.mark.realdata
def test_the_real_log_is_read_whole(fines_log: Path) -> None:
    """561,470 events of 150,370 cases, none rejected, none twice."""
    mapping = load_mapping(Path("examples/road-fines/mapping.yaml"))
    told: list[Rejection] = []
    ids, cases = set(), set()

    for fact in facts(mapping, fines_log, mapping.types, {}, told.append):
        ids.add(fact.id)
        cases.add(fact.subject)

    assert (len(ids), len(cases), told) == (561_470, 150_370, [])
