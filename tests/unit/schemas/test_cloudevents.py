"""The envelope: CloudEvents 1.0 structured JSON in, `Event` out, and back."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest

from schemas.catalogue import Contracts
from schemas.cloudevents import parse, read, render
from schemas.contract import Contract
from schemas.correction import withdrawing
from schemas.examples import example
from schemas.faults import MAX_FAULTS, EventRefusedError

CONTRACTS = Contracts.load()
ACCEPTED = CONTRACTS.by_type("police.report.accepted")
V4 = "5b0a9d3e-7c55-4a52-9f3e-2f2f0f0e1c11"


def structured(**changes: Any) -> dict[str, Any]:
    """The example in JSON form with attributes changed; None takes one out."""
    made = {**render(example(ACCEPTED), ACCEPTED), **changes}
    return {key: value for key, value in made.items() if value is not None}


def refused(obj: Any) -> list[tuple[str, str]]:
    """The faults for which an event is refused."""
    with pytest.raises(EventRefusedError) as caught:
        read(obj, CONTRACTS)
    return [(fault.path, fault.code) for fault in caught.value.faults]


@pytest.mark.parametrize("contract", [CONTRACTS.by_type(t) for t in CONTRACTS.types()], ids=lambda c: c.key)
def test_an_event_comes_back_from_its_json(contract: Contract) -> None:
    """Rendered and read again, through real JSON text, an event is the same."""
    event = replace(
        example(contract),
        flags=frozenset({"minor", "sealed"}),
        supersedes=uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057").bytes,
        recorded_at=1_741_000_000_000_001,
    )

    assert read(json.loads(json.dumps(render(event, contract))), CONTRACTS) == event


def test_the_envelope_alone_keeps_the_data_as_it_came() -> None:
    """`parse` reads attributes only: data stays JSON, the type may be unknown here."""
    event = parse(structured(type="police.case.forgotten", data={"x": "y"}))

    assert (event.type, event.data) == ("police.case.forgotten", {"x": "y"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "0.3"),
        ("id", V4),
        ("id", "7"),
        ("id", 7),
        ("type", "Police Case"),
        ("type", "police"),
        ("source", "police-990103"),
        ("source", "a/b/c"),
        ("source", "x" * 70 + "/cases"),
        ("subject", ""),
        ("subject", "x" * 129),
        ("subject", 7),
        ("time", "2025-03-05"),
        ("time", 1_741_000_000),
        ("datacontenttype", "application/avro"),
        ("dataschema", "a b"),
        ("district", "99"),
        ("district", 990103),
        ("sequence", -1),
        ("sequence", True),
        ("sequence", "a b"),
        ("supersedes", V4),
        ("flags", "secret"),
        ("flags", [1]),
        ("flags", 7),
        ("level", 5),
        ("level", True),
        ("recordedat", "now"),
    ],
)
def test_each_wrong_attribute_is_named(name: str, value: Any) -> None:
    """An attribute that cannot stand there is a fault at its path, with a code of its own."""
    assert (f"$.{name}", f"envelope.{name}") in refused(structured(**{name: value}))


@pytest.mark.parametrize("name", ["specversion", "id", "type", "source", "time", "district"])
def test_mandatory_attributes_are_missed(name: str) -> None:
    """Each mandatory attribute that is absent is named."""
    assert refused(structured(**{name: None})) == [(f"$.{name}", "event.missing")]


def test_faults_of_envelope_and_data_come_together() -> None:
    """One answer holds what is wrong with attributes, subject and data."""
    obj = structured(time="never", colour="red", subject="J990103010000202503000009")
    obj["data"]["unit"] = "1"

    assert sorted(refused(obj)) == [
        ("$.colour", "event.unknown_attribute"),
        ("$.data.unit", "identifier.format"),
        ("$.subject", "event.subject"),
        ("$.time", "envelope.time"),
    ]


def test_an_unknown_type_is_named_with_the_rest() -> None:
    """A type without a contract is a fault at `$.type`, beside the others."""
    assert refused(structured(type="police.case.forgotten", district="9")) == [
        ("$.district", "envelope.district"),
        ("$.type", "contract.unknown_type"),
    ]


@pytest.mark.parametrize("obj", [None, [], "x", 7])
def test_other_json_is_no_event(obj: Any) -> None:
    """Anything but an object is one fault at the root."""
    assert refused(obj) == [("$", "event.not_object")]


@pytest.mark.parametrize("data", [[], "text", 7])
def test_data_that_is_no_object_is_one_fault(data: Any) -> None:
    """Data must be an object; it is said once."""
    assert refused(structured(data=data)) == [("$.data", "event.not_object")]


def test_the_subject_is_taken_from_the_data() -> None:
    """Without a subject the contract's subject field is taken; written differently it is the same one."""
    contract = CONTRACTS.by_type("court.execution_notice.sent")
    obj = render(example(contract), contract)
    normal = obj.pop("subject")

    assert read(obj, CONTRACTS).subject == normal
    assert read({**obj, "subject": normal.replace("(", "（").replace(")", "）")}, CONTRACTS).subject == normal


@pytest.mark.parametrize(
    ("given", "kept"),
    [(42, "00000000000000000042"), ("42", "00000000000000000042"), ("2025-03/0007", "2025-03/0007")],
)
def test_sequences_compare_as_text(given: Any, kept: str) -> None:
    """Numbers are padded to 20 digits, other text stays as it is."""
    assert read(structured(sequence=given), CONTRACTS).sequence == kept


def test_without_a_sequence_the_id_orders() -> None:
    """A UUIDv7 is ordered by time: it stands in for a sequence that is not given."""
    event = read(structured(sequence=None), CONTRACTS)

    assert event.sequence == str(uuid.UUID(bytes=event.id))


def test_flags_are_a_set_however_they_are_written() -> None:
    """Comma separated text and a list give the same compartments."""
    assert read(structured(flags="sealed, minor,"), CONTRACTS).flags == {"minor", "sealed"}
    assert read(structured(flags=["minor", "sealed"]), CONTRACTS).flags == {"minor", "sealed"}


def test_a_refusal_is_json_and_bounded() -> None:
    """The error's dict is JSON, holds both languages, and never more than a hundred faults."""
    with pytest.raises(EventRefusedError) as caught:
        read(
            structured(**{f"attribute{letter}{other}": 1 for letter in "abcdefghijk" for other in "abcdefghijk"}),
            CONTRACTS,
        )

    rendered = json.loads(json.dumps(caught.value.as_dict("zh")))
    assert rendered["fields"]["count"] == 121
    assert len(rendered["fields"]["faults"]) == MAX_FAULTS
    fault = caught.value.faults[0]
    assert fault.message("zh") == rendered["fields"]["faults"][0]["zh"] != fault.message("en")
    assert fault.hint("zh") == rendered["fields"]["faults"][0]["hint_zh"] != fault.hint("en")


def test_a_withdrawal_comes_back_from_its_json() -> None:
    """`withdrawn` stands beside `supersedes`; the reference keeps both."""
    original = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057").bytes
    contract = CONTRACTS.by_type("police.case.filed")
    event = replace(example(contract), supersedes=withdrawing(original))

    said = render(event, contract)

    assert (said["supersedes"], said["withdrawn"]) == ("01890a5d-ac96-774b-bcce-b302099a8057", True)
    assert read(said, CONTRACTS) == event


@pytest.mark.parametrize("changes", [{"withdrawn": True}, {"withdrawn": False}, {"withdrawn": "yes"}])
def test_withdrawn_needs_the_event_it_withdraws(changes: dict[str, Any]) -> None:
    """True and nothing else, and only beside `supersedes`."""
    assert refused(structured(**changes)) == [("$.withdrawn", "envelope.withdrawn")]
