"""What compiles, what does not, and what a compiled model says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from streams.supervision.document import parse_document
from streams.supervision.errors import (
    FieldTypeError,
    ModelError,
    ParamRangeError,
    SchemaMismatchError,
    UnknownFieldError,
    UnknownInputError,
    UnknownLawError,
    UnknownParamError,
    UnknownPlaceholderError,
)
from streams.supervision.marks import Marks
from streams.supervision.model import Model
from streams.supervision.report import evaluate
from tests.unit.streams.supervision.making import M01, at, document, fact, model

LIMIT = "pattern__absence__limit"


@pytest.mark.parametrize(
    ("changes", "error", "path"),
    [
        ({"zone": "Europe/Atlantis"}, SchemaMismatchError, "$.zone"),
        ({"key": ["nothing"]}, UnknownFieldError, "$.inputs.opened.fields"),
        ({"key": ["held"], "inputs__closed__fields__held": "bool"}, FieldTypeError, "$.inputs.opened.fields.held"),
        ({"inputs__opened__at": "nothing"}, UnknownFieldError, "$.inputs.opened.at"),
        ({"inputs__opened__at": "days"}, FieldTypeError, "$.inputs.opened.at"),
        ({"inputs__opened__where": {"field": "x", "present": True}}, UnknownFieldError, "$.inputs.opened.where"),
        ({"pattern__absence__open": "nobody"}, UnknownInputError, "$.pattern.absence.open"),
        ({"pattern__absence__close": ["nobody"]}, UnknownInputError, "$.pattern.absence.close"),
        ({LIMIT: {"days": "$nothing", "basis": "ours"}}, UnknownParamError, "$.pattern.absence.limit.days"),
        ({LIMIT: {"days": 3, "basis": "theirs"}}, UnknownLawError, "$.pattern.absence.limit.basis"),
        ({LIMIT: {"days": {"field": "x"}, "basis": "ours"}}, UnknownFieldError, "$.pattern.absence.limit.days"),
        ({LIMIT: {"days": {"field": "kind"}, "basis": "ours"}}, FieldTypeError, "$.pattern.absence.limit.days"),
        (
            {LIMIT: {"by": "nothing", "cases": {"x": {"days": 1, "basis": "ours"}}}},
            UnknownFieldError,
            "$.pattern.absence.limit.by",
        ),
        (
            {LIMIT: {"by": "kind", "cases": {"z": {"days": 1, "basis": "ours"}}}},
            FieldTypeError,
            "$.pattern.absence.limit.cases.z",
        ),
        ({"params__limit__default": 21}, ParamRangeError, "$.params.limit"),
        ({"params__limit__basis": "theirs"}, UnknownLawError, "$.params.limit.basis"),
        ({"law__ours__valid_from": "2025-02-30"}, SchemaMismatchError, "$.law.ours.valid_from"),
        ({"calendar": None, "pattern__absence__roll": "next_working_day"}, SchemaMismatchError, "$.calendar"),
        ({"calendar": None, LIMIT: {"workdays": 3, "basis": "ours"}}, SchemaMismatchError, "$.calendar"),
        ({"explanation__zh": "{nothing}"}, UnknownPlaceholderError, "$.explanation.zh"),
        ({"explanation__en": "{subject.__class__}"}, UnknownPlaceholderError, "$.explanation.en"),
        ({"explanation__en": "{due!r}"}, UnknownPlaceholderError, "$.explanation.en"),
        ({"explanation__en": "{"}, UnknownPlaceholderError, "$.explanation.en"),
        ({"inputs__opened__fields__who": "person", "explanation__en": "{who}"}, FieldTypeError, "$.explanation.en"),
        ({"route": {"unit": "nothing"}}, UnknownFieldError, "$.route.unit"),
        ({"route": {"unit": "days"}}, FieldTypeError, "$.route.unit"),
        (
            {"pattern__absence__custody": {"input": "opened", "field": "days"}},
            FieldTypeError,
            "$.pattern.absence.custody.field",
        ),
        (
            {"pattern__absence__custody": {"input": "closed", "field": "held"}},
            UnknownFieldError,
            "$.pattern.absence.custody.field",
        ),
        (
            {"pattern__absence__extend": [{"on": "more", "limit": {"days": 1, "basis": "x"}, "from": "opener"}]},
            UnknownLawError,
            "$.pattern.absence.extend[0].limit.basis",
        ),
        ({"pattern": {"match": {"on": "opened", "basis": "theirs"}}}, UnknownLawError, "$.pattern.match.basis"),
        ({"pattern": {"match": {"on": "nobody", "basis": "ours"}}}, UnknownInputError, "$.pattern.match.on"),
    ],
)
def test_what_does_not_compile(changes: dict[str, Any], error: type[ModelError], path: str) -> None:
    """Every mistake is refused with a code, the file and the place in it."""
    with pytest.raises(error) as caught:
        model(**changes)
    assert caught.value.fields["file"] == "plain.yaml"
    assert caught.value.fields["path"].startswith(path)
    assert caught.value.exit_code == 1


def test_the_field_list_is_what_it_declares() -> None:
    """Types and fields are those of the inputs, nothing more: what the engine subscribes to."""
    made = Model.load(M01)

    assert made.fields["police.report.accepted"] == ("accepted_at", "case_kind", "jjdbh", "unit")
    assert made.fields["police.case.filing_declined"] == ("jjdbh",)
    assert made.types == tuple(sorted(made.fields))


def test_overrides_stay_in_their_range_and_change_the_hash() -> None:
    """A region tunes a parameter without a fork of the file."""
    parsed = parse_document(M01.read_text(encoding="utf-8"), "M01.yaml")
    tuned = Model.of(parsed, "M01.yaml", {"lead_days": 2})

    assert tuned.params["lead_days"].value == 2
    assert tuned.digest != Model.load(M01).digest
    with pytest.raises(ParamRangeError):
        Model.load(M01, overrides={"lead_days": 9})
    with pytest.raises(UnknownParamError):
        Model.load(M01, overrides={"nothing": 1})


def test_a_parameter_without_an_article_is_ours() -> None:
    """It is shown as a parameter, never as a legal limit."""
    made = Model.load(M01)

    assert made.params["lead_days"].ours
    assert not made.params["criminal_days"].ours


def test_key_spaces_belong_to_key_definitions() -> None:
    """Models that fold by other fields never share a key, even where the keys read the same."""
    by_subject, by_kind = model(), model(key=["kind"], inputs__closed__fields__kind="text", **_keyed("kind"))

    assert by_subject.space != by_kind.space
    assert by_subject.space == model(metadata__id="other").space


def _keyed(name: str) -> dict[str, Any]:
    others = ("more", "stop", "go", "anew", "refused")
    return {f"inputs__{alias}__fields__{name}": "text" for alias in others}


def test_keys_of_several_fields_cannot_be_confused() -> None:
    """The parts of a key are joined so that no two different keys read the same."""
    names = {"key": ["a", "b"], "pattern": {"match": {"on": "opened", "basis": "ours"}}}
    made = model(**names, inputs={"opened": {"type": "a.opened", "fields": {"a": "text", "b": "text"}}})
    pairs = [("x|y", "z"), ("x", "y|z"), ("x~", "pz"), ("x~p", "z"), ("x", "~py~z")]

    keys = {made.key(fact("opened", 1, data={"a": a, "b": b})) for a, b in pairs}

    assert len(keys) == len(pairs)


def test_a_fact_without_its_key_has_none() -> None:
    """Where a part of the key was withheld there is nothing to fold by."""
    inputs = {"opened": {"type": "a.opened", "fields": {"a": "text", "who": "person"}}}
    made = model(key=["a", "who"], inputs=inputs, pattern={"match": {"on": "opened", "basis": "ours"}})

    assert made.key(fact("opened", 1, data={"a": "x"})) is None
    assert made.key(fact("opened", 1, data={"a": "x", "who": b"\x01\xff"})) == "x|01ff"


def test_a_match_is_a_finding_at_once() -> None:
    """Every matching event is one alert without a deadline."""
    made = model(
        pattern={"match": {"on": "opened", "basis": "ours"}},
        inputs__opened__where={"field": "kind", "equals": "x"},
        explanation={"zh": "{kind}", "en": "{kind} on {opened}"},
    )
    facts = [fact("opened", "2025-03-03T09:00", id=k, data={"kind": k}) for k in ("x", "y")]

    (found,) = evaluate(made, "S", facts, Marks(0)).findings

    assert (found.state, found.due_at, found.explain["en"]) == ("raised", None, "x on 2025-03-03")
    assert [step.code for step in found.steps] == ["matched"]


def test_evaluation_says_when_to_look_again() -> None:
    """First at the warning, then at the deadline, then never."""
    made, opened = model(), [fact("opened", "2025-03-03T09:00")]

    wakes = [evaluate(made, "S", opened, Marks(at(t))).wake_at for t in ("2025-03-04", "2025-03-12", "2025-03-14")]

    assert wakes == [at("2025-03-11"), at("2025-03-14"), None]


def test_a_finding_explains_itself() -> None:
    """Evidence, article, unit, arithmetic and both explanations stand in it."""
    made = model(
        inputs__opened__fields__unit="text",
        inputs__opened__fields__seen="instant",
        route={"unit": "unit"},
        explanation={"zh": "{unit} {seen} {on} {closed}", "en": "{subject} {district} {article} {reported}"},
    )
    data = {"unit": "990101010000", "seen": at("2025-03-03T08:00"), "on": 20150}
    opened = fact("opened", "2025-03-03T09:00", id="o", data=data)
    closed = fact("closed", "2025-03-15T09:00", id="c", recorded_at=at("2025-03-16T10:00"))

    (found,) = evaluate(made, "S", [opened, closed], Marks(at("2025-03-20"))).findings

    assert found.unit == "990101010000"
    assert found.evidence == (opened.id, closed.id)
    assert found.basis[0]["kind"] == "parameter"
    assert found.explain["zh"] == "990101010000 2025-03-03 08:00:00+08:00 2025-03-03 2025-03-15"
    assert found.explain["en"] == "S 990101 参数 2025-03-16 10:00:00+08:00"
    assert [s.code for s in found.steps] == ["opened", "days", "late_from", "closed_late"]
    assert found.steps[-1].fields["days"] == "2"


def test_document_is_kept() -> None:
    """A compiled model still knows its file."""
    assert model().document == document()
