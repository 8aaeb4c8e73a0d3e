"""Validation: typed values out of JSON, every fault at once, and no value in any of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalogue import Contracts
from schemas.checks import MAX_ITEMS, Refusal, check_of
from schemas.cloudevents import data_to_json
from schemas.contract import Contract
from schemas.examples import example
from schemas.validation import validate
from tests.unit.schemas.values import records, values

CONTRACTS = Contracts.load()
JUDGMENT = CONTRACTS.by_type("court.judgment.effective")
ACCEPTED = CONTRACTS.by_type("police.report.accepted")
NUMBER = "990101198503070017"


def good(contract: Contract) -> dict[str, Any]:
    """The example's data in JSON form."""
    return data_to_json(contract, example(contract).data)


def codes(contract: Contract, **changes: Any) -> list[tuple[str, str]]:
    """The faults of the example with some fields changed."""
    _, faults = validate(contract, {**good(contract), **changes})
    return [(fault.path, fault.code) for fault in faults]


@pytest.mark.parametrize("contract", CONTRACTS.all(), ids=lambda c: c.key)
def test_json_becomes_typed_values_in_canonical_order(contract: Contract) -> None:
    """The example in JSON form gives the typed example, and typed values pass unchanged."""
    typed = dict(example(contract).data)

    values_, faults = validate(contract, good(contract))

    assert faults == []
    assert values_ == typed
    assert list(values_) == [f.name for f in contract.fields]
    assert validate(contract, typed) == (typed, [])


@given(st.data())
def test_valid_data_is_encodable(draw: st.DataObject) -> None:
    """Whatever validation lets through, the codec encodes."""
    contract = draw.draw(st.sampled_from(CONTRACTS.all()))
    noise = draw.draw(records([(f.name, f.avro_type) for f in contract.fields]))
    kept = {k: v for k, v in noise.items() if draw.draw(st.booleans())}

    checked, faults = validate(contract, {**good(contract), **kept})

    if not faults:
        assert contract.codec.decode(contract.codec.encode(checked)) == checked
    else:
        assert {re.split(r"[.\[]", f.path)[2] for f in faults} <= set(kept)


def test_every_fault_is_named_at_once() -> None:
    """Missing, unknown and wrong fields come in one list, each with its path."""
    data = good(JUDGMENT)
    del data["probation"]

    _, faults = validate(JUDGMENT, {**data, "penalty": "exile", "colour": 1, "effective_date": "2025-02-30"})

    assert sorted((f.path, f.code) for f in faults) == [
        ("$.data.colour", "event.unknown_field"),
        ("$.data.effective_date", "event.day"),
        ("$.data.penalty", "event.symbol"),
        ("$.data.probation", "event.missing"),
    ]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("ah", 5, "event.kind"),
        ("ah", "2025刑初1号", "identifier.format"),
        ("months", True, "event.kind"),
        ("months", 1.0, "event.kind"),
        ("months", "12", "event.kind"),
        ("months", -1, "event.range"),
        ("months", 301, "event.range"),
        ("probation", 1, "event.kind"),
        ("probation", None, "event.missing"),
        ("penalty", ["life"], "event.symbol"),
        ("charge_code", "CL999", "event.code"),
        ("charge_code", None, "event.missing"),
        ("effective_date", "03/03/2025", "event.day"),
        ("effective_date", True, "event.day"),
        ("effective_date", 10**9, "event.day"),
        ("unit", "99010301", "identifier.format"),
        ("person", "zz", "event.kind"),
        ("person", "01" * 32, "event.size"),
        ("person", "02" * 33, "event.person_suite"),
        ("person", 7, "event.kind"),
        ("person", {"name": "x"}, "event.kind"),
        ("person", {"id_number": NUMBER, "name": "x"}, "event.kind"),
        ("person", {"id_number": NUMBER}, "event.no_linkage_key"),
    ],
)
def test_each_wrong_value_has_its_code(field: str, value: Any, code: str) -> None:
    """A wrong type, range, format, code or key is told apart, with the path of the field."""
    assert codes(JUDGMENT, **{field: value}) == [(f"$.data.{field}", code)]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2025-03-03T09:30:00", "event.time"),
        ("yesterday", "event.time"),
        (1.5, "event.time"),
        (10**18, "event.time"),
    ],
)
def test_times_need_a_zone(value: Any, code: str) -> None:
    """A local time, a word, a fraction and a time far outside are refused."""
    assert codes(ACCEPTED, accepted_at=value) == [("$.data.accepted_at", code)]


def test_free_text_may_not_hold_an_identity_number() -> None:
    """Text with a valid identity number inside is refused; digits that are none pass."""
    assert codes(ACCEPTED, summary=f"嫌疑人{NUMBER}已到案") == [("$.data.summary", "event.identity_number")]
    assert codes(ACCEPTED, summary="编号990101198503070018") == []
    assert codes(ACCEPTED, summary="x" * 2001) == [("$.data.summary", "event.too_long")]
    assert codes(ACCEPTED, summary="\ud800") == [("$.data.summary", "event.kind")]


def test_an_identity_number_becomes_a_key() -> None:
    """The hook receives the normalised number and gives the key that is stored."""
    seen: list[str] = []

    def person_key(number: str) -> bytes:
        seen.append(number)
        return b"\x01" * 33

    data = {**good(JUDGMENT), "person": {"id_number": " ９９0101198503070017 "}}
    checked, faults = validate(JUDGMENT, data, person_key=person_key)

    assert (faults, seen, checked["person"]) == ([], [NUMBER], b"\x01" * 33)


def test_a_wrong_identity_number_is_refused_without_showing_it() -> None:
    """The fault names the place below the field; no text of it holds the number."""
    _, faults = validate(JUDGMENT, {**good(JUDGMENT), "person": {"id_number": "990101198503070018"}})

    assert [(f.path, f.code) for f in faults] == [("$.data.person.id_number", "identifier.checksum")]
    assert "9901" not in str(faults[0].as_dict())


@given(values("string"), st.sampled_from(["summary", "receipt_no", "jjdbh", "case_kind", "suspect", "accepted_at"]))
def test_no_fault_holds_the_value(text: str, field: str) -> None:
    """Whatever stands in a field, the faults about it do not repeat it."""
    canary = f"canary-7391-{text}"

    _, faults = validate(ACCEPTED, {**good(ACCEPTED), field: canary})

    assert "canary-7391" not in "".join(str(fault.as_dict()) for fault in faults)


def test_a_made_up_key_is_not_repeated() -> None:
    """An unknown key is shown when it looks like a name, else only as unknown: a key can carry personal data."""
    _, faults = validate(ACCEPTED, {**good(ACCEPTED), "张三": 1, "n990101198503070017": 1, "surname": 1})

    assert [f.path for f in faults] == ["$.data.?", "$.data.?", "$.data.surname"]


@pytest.mark.parametrize("data", [None, [], "x", 7])
def test_data_must_be_an_object(data: Any) -> None:
    """Anything but an object is one fault."""
    assert [f.code for f in validate(ACCEPTED, data)[1]] == ["event.not_object"]


PART = {
    "type": "record",
    "name": "t.P",
    "fields": [{"name": "n", "type": "int"}, {"name": "t", "type": ["null", "string"]}],
}


@pytest.mark.parametrize(
    ("kind", "value", "typed"),
    [
        ("double", 1, 1.0),
        ("bytes", "00ff", b"\x00\xff"),
        ({"type": "array", "items": ["null", "int"]}, [1, None], [1, None]),
        ({"type": "array", "items": PART}, [{"n": 1}], [{"n": 1, "t": None}]),
        ({"type": "fixed", "name": "t.F", "size": 2}, "00ff", b"\x00\xff"),
    ],
)
def test_other_types_are_typed(kind: Any, value: Any, typed: Any) -> None:
    """Numbers, bytes, lists and nested records pass into their typed form."""
    assert check_of(kind, {})(value, None) == typed


@pytest.mark.parametrize(
    ("kind", "value", "code", "path"),
    [
        ("double", float("nan"), "event.kind", ""),
        ("double", 10**400, "event.kind", ""),
        ("double", "1", "event.kind", ""),
        ("bytes", "0g", "event.kind", ""),
        ({"type": "array", "items": "int"}, {}, "event.kind", ""),
        ({"type": "array", "items": "int"}, [1, "2"], "event.kind", "[1]"),
        ({"type": "array", "items": "int"}, [0] * (MAX_ITEMS + 1), "event.too_long", ""),
        ({"type": "array", "items": PART}, [{"n": 1}, {}], "event.missing", "[1].n"),
        ({"type": "array", "items": PART}, [{"n": 1, "t": 5}], "event.kind", "[0].t"),
        (PART, {"n": 1, "x": 2}, "event.unknown_field", ""),
        (PART, [], "event.kind", ""),
    ],
)
def test_wrong_values_inside_are_placed(kind: Any, value: Any, code: str, path: str) -> None:
    """A refusal inside a list or record carries the way to it."""
    with pytest.raises(Refusal) as caught:
        check_of(kind, {})(value, None)

    assert (caught.value.code, caught.value.path) == (code, path)
