"""Release: repeats go nowhere, conflicts are kept apart, each receiver takes its own part."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import msgspec

from schemas.catalogue import Contracts
from schemas.codes import code_list
from schemas.event import Event
from schemas.examples import example_value
from security.batch import OpenedBatch, Prepared, pack, unpack
from security.policy.compile import compile_table
from security.subjects import Principal
from security.views import ViewMismatchError
from streams.corrections import Told
from streams.receivers import EngineReceiver, PanoramaReceiver
from streams.release import manifest_data, release
from streams.released import OpenedClasses, Place, Released, Taken, manifest_id
from tests.unit.security.sealed import NOON, sealer

CONTRACTS = Contracts.load()
SEALER = sealer()
PLACE = Place("casebus.raw.police", 0, 7)
UNIT = "990103010000"


def extended(number: int, **changes: Any) -> Event:
    """A plain event of the police; `changes` replace attributes."""
    event = Event(
        id=uuid.UUID(int=number).bytes,
        type="police.review.extended",
        source="police-990103/cases",
        sequence=f"{number:020d}",
        subject="J990103010000202500000001",
        occurred_at=NOON + number,
        recorded_at=NOON + 1_000 + number,
        district="990103",
        data={
            "jjdbh": "J990103010000202500000001",
            "unit": UNIT,
            "limit_days": 30,
            "approver_level": "county",
            "approved_at": NOON,
        },
    )
    return dataclasses.replace(event, **changes)


def batch_of(*events: Event) -> OpenedBatch:
    """Pack and open events as the gateway and the release worker do."""
    prepared = [
        Prepared(e, contract, contract.codec.encode_classes(e.data))
        for e, contract in ((e, CONTRACTS.by_type(e.type)) for e in events)
    ]
    return unpack(pack(prepared, SEALER, "police", "gateway"), SEALER)


class Everything:
    """A receiver that takes every event whole."""

    subscription = "everything"
    policy = "00"

    def take(self, event: OpenedClasses) -> Taken | None:
        """Take the id."""
        return Taken(event.header.id, ("unit",))

    def tell(self, told: Told, event: OpenedClasses) -> bytes:
        """Take the original's id."""
        del event
        return told.original


class Nothing(Everything):
    """A receiver that may not know of any event."""

    subscription = "nothing"

    def take(self, event: OpenedClasses) -> Taken | None:
        """Refuse."""
        return None


def released(batch: OpenedBatch, *receivers: Any, seen: dict[bytes, bytes] | None = None) -> Released:
    """Release a batch to receivers, with what was seen before."""
    return release(batch, PLACE, receivers, CONTRACTS, SEALER.keyed_digest, (seen or {}).get)


def engine(types: dict[str, frozenset[str]], district: str = "9901") -> EngineReceiver:
    """The supervision engine's receiver for these fields."""
    principal = Principal(
        id="supervision",
        kind="engine",
        purpose="legal-supervision",
        clearance=3,
        bound_clearance=3,
        event_types=frozenset(types),
        fields=types,
        districts=(district,),
    )
    return EngineReceiver(compile_table(principal, CONTRACTS.all()), SEALER)


def test_a_repeat_goes_nowhere() -> None:
    """The same id with the same content is taken once, within a batch and across batches."""
    first = released(batch_of(extended(1), extended(1)), Everything())
    again = released(batch_of(extended(1)), Everything(), seen=first.seen)

    assert (first.fresh, first.repeats, again.fresh, again.repeats) == (1, 1, 0, 1)
    assert len(first.shares[0].items) == 1
    assert again.shares[0].items == []


def test_a_repeat_may_be_recorded_later_and_sealed_anew() -> None:
    """Time of recording and nonces are no part of what an event says."""
    first = released(batch_of(extended(1)), Everything())

    again = released(batch_of(extended(1, recorded_at=NOON + 999_999)), Everything(), seen=first.seen)

    assert (again.repeats, again.aside) == (1, [])


def test_the_same_id_with_another_content_is_a_conflict() -> None:
    """Neither the first nor the second is silently dropped: the second is named for quarantine."""
    first = released(batch_of(extended(1)), Everything())
    other = extended(1, data={**extended(1).data, "limit_days": 7})

    again = released(batch_of(other), Everything(), seen=first.seen)

    assert [(c.event_id, c.index, c.code) for c in again.aside] == [(other.id, 0, "release.conflict")]
    assert again.shares[0].items == []


def test_two_sources_may_use_the_same_id() -> None:
    """Ids are unique per source only."""
    batch = batch_of(extended(1), extended(1, source="police-990104/cases", district="990104"))

    assert released(batch, Everything()).fresh == 2


def test_each_receiver_takes_its_own_part() -> None:
    """What one receiver may not see is counted for it and given to the other."""
    outcome = released(batch_of(extended(1), extended(2)), Everything(), Nothing())

    given, denied = outcome.shares
    assert (len(given.items), given.denied) == (2, 0)
    assert (len(denied.items), denied.denied) == (0, 2)
    assert manifest_data(given) == {
        "by": [0, 0],
        "denied": 0,
        "events": [extended(1).id.hex(), extended(2).id.hex()],
        "masks": [["police.review.extended", ["unit"]]],
        "withheld": 0,
    }


def test_a_manifest_is_known_by_place_subscription_and_epoch() -> None:
    """A takeover that writes it again writes the same id."""
    share = released(batch_of(extended(1)), Everything()).shares[0]

    assert manifest_id(share, 4) == "casebus.raw.police/0/7/everything/4"


def test_the_engine_gets_only_the_fields_its_models_ask_for() -> None:
    """The fact has the asked fields and nothing else."""
    receiver = engine({"police.review.extended": frozenset({"limit_days", "unit"})})

    (share,) = released(batch_of(extended(1)), receiver).shares

    (_, fact), *_ = share.items
    assert fact.data == {"limit_days": 30, "unit": UNIT}
    assert (fact.subject, fact.district) == ("J990103010000202500000001", "990103")


def test_the_engine_gets_no_type_that_no_model_asks_for() -> None:
    """An event outside the union of the models' inputs stays outside."""
    receiver = engine({"police.case.filed": frozenset({"unit"})})

    assert released(batch_of(extended(1)), receiver).shares[0].items == []


def test_an_event_outside_the_districts_is_denied() -> None:
    """Scope is part of the decision."""
    receiver = engine({"police.review.extended": frozenset({"unit"})}, district="9902")

    outcome = released(batch_of(extended(1)), receiver)

    assert (outcome.shares[0].items, outcome.shares[0].denied) == ([], 1)


def test_a_row_of_the_panorama_names_the_unit_and_seals_the_rest() -> None:
    """Level 1 and 2 routing stands in columns; no field value stands in the clear bytes."""
    types = {"police.review.extended"}
    principal = Principal("panorama", "engine", clearance=4, event_types=frozenset(types), districts=("9901",))
    receiver = PanoramaReceiver(compile_table(principal, CONTRACTS.all()), SEALER)

    (share,) = released(batch_of(extended(1)), receiver).shares

    (_, row), *_ = share.items
    assert UNIT.encode() in row
    assert b"county" not in row


def test_an_event_that_cannot_be_read_hurts_no_neighbour() -> None:
    """An unknown contract sets one event aside under its code; the other goes on."""
    batch = batch_of(extended(1), extended(2))
    known = batch.events[0].header
    batch.events[0].header = msgspec.structs.replace(known, schema_id=2**29)

    outcome = released(batch, Everything())

    assert [(a.index, a.code) for a in outcome.aside] == [(0, "contract.unknown_id")]
    assert len(outcome.shares[0].items) == 1


class Broken(Everything):
    """A receiver whose view does not fit."""

    subscription = "broken"

    def take(self, event: OpenedClasses) -> Taken | None:
        """Fail as a view builder does."""
        raise ViewMismatchError(type=event.header.type)


def test_a_receiver_that_fails_leaves_a_trace_and_the_others_alone() -> None:
    """What one subscription cannot build is set aside for it; the others get theirs."""
    outcome = released(batch_of(extended(1)), Broken(), Everything())

    broken, fine = outcome.shares
    assert (broken.items, broken.denied, len(fine.items)) == ([], 1, 1)
    assert [a.code for a in outcome.aside] == ["sealing.view_mismatch"]


def test_a_correction_of_another_type_is_set_aside() -> None:
    """A source corrects an event by one of the same type; the other is quarantined under its code."""
    first = released(batch_of(extended(1)), Everything())
    data = {
        "jjdbh": "J990103010000202500000001",
        "unit": UNIT,
        "reason_code": next(iter(code_list("decline_reason"))),
    }
    other = extended(2, type="police.case.filing_declined", supersedes=extended(1).id)
    contract = CONTRACTS.by_type(other.type)
    needed = {f.name: example_value(contract, f) for f in contract.fields} | data
    other = dataclasses.replace(other, data=needed)

    again = released(batch_of(other), Everything(), seen=first.seen)

    assert [(c.event_id, c.code) for c in again.aside] == [(other.id, "release.corrects_other_type")]


def test_who_is_no_receiver_any_more_is_named_as_unreachable() -> None:
    """The subscription ended: nothing can be told, and the outcome says to whom."""
    first = released(batch_of(extended(1)), Everything())
    correction = extended(2, supersedes=extended(1).id)

    later = dataclasses.replace(PLACE, offset=8)
    again = release(batch_of(correction), later, (Nothing(),), CONTRACTS, SEALER.keyed_digest, first.seen.get)

    ((subscription, told),) = again.gone
    assert (subscription, told.original, told.because) == ("everything", extended(1).id, correction.id)
