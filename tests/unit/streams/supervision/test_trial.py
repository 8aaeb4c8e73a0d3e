"""Inline tests: what they read, when they fail, and which kinds a model needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.catalogue import Contracts
from streams.supervision.errors import BadTestError
from streams.supervision.lint import faults_of
from streams.supervision.model import Model
from streams.supervision.story import event_id, person, read_stories
from streams.supervision.template import new_model
from streams.supervision.trial import Trial, try_model
from tests.unit.streams.supervision.making import at, document, model

GIVEN = [{"on": "opened", "id": "o", "at": "2025-03-03T09:00", "data": {"kind": "x"}}]


def tried(**test: Any) -> Trial:
    """Run one inline test of the plain model."""
    whole = {"name": "n", "given": GIVEN, "clock": "2025-03-14T00:00", "expect": [], **test}
    (trial,) = try_model(model(tests=[whole]))
    return trial


@pytest.mark.parametrize(
    "expected",
    [
        {"state": "raised"},
        {"state": "raised", "severity": "red", "due": "2025-03-13", "on": ["o"], "subject": "S1"},
        {"state": "raised", "due": "2025-03-14T00:00"},
    ],
)
def test_what_was_expected_passes(expected: dict[str, Any]) -> None:
    """Every attribute that is named must agree; a day means the last day, a time the first late instant."""
    assert tried(expect=[expected]).passed


@pytest.mark.parametrize(
    "expected",
    [
        [],
        [{"state": "held"}],
        [{"state": "raised", "severity": "orange"}],
        [{"state": "raised", "due": "2025-03-14"}],
        [{"state": "raised", "on": ["p"]}],
        [{"state": "raised", "closed": "2025-03-13"}],
        [{"state": "raised"}, {"state": "raised"}],
    ],
)
def test_what_differs_fails(expected: list[dict[str, Any]]) -> None:
    """A missing, a surplus or a different alert is a problem, and it is named."""
    trial = tried(expect=expected)

    assert not trial.passed
    assert trial.problems


def test_every_telling_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fold that depends on the order of arrival fails the test although the story itself goes well."""
    monkeypatch.setattr("streams.supervision.engine.settled", list)
    given = [
        *GIVEN,
        {"on": "closed", "id": "c", "at": "2025-03-05T09:00"},
        {"on": "opened", "id": "p", "at": "2025-03-20T09:00"},
    ]

    trial = tried(given=given, clock="2025-04-10T00:00", expect=[{"state": "raised", "on": ["p"]}])

    assert any("backwards" in problem for problem in trial.problems)


def test_defaults_of_a_story() -> None:
    """Keys, truth values and the time of an event need not be said; persons are any word."""
    inputs = {
        "opened": {
            "type": "a.opened",
            "fields": {"no": "text", "who": "person", "held": "bool", "seen": "instant", "x": "int"},
            "at": "seen",
        }
    }
    pattern = {"match": {"on": "opened", "basis": "ours"}}
    test = {
        "name": "n",
        "given": [{"on": "opened", "id": "o", "at": "2025-03-03T09:00"}],
        "clock": "2025-04-01",
        "expect": [],
    }
    made = model(key=["no", "who"], inputs=inputs, pattern=pattern, tests=[test])

    (story,) = read_stories(made)
    (fact,) = story.facts

    assert fact.data == {"no": "K1", "who": person("someone"), "held": False, "seen": at("2025-03-03T09:00")}
    assert (fact.id, fact.recorded_at, fact.source) == (event_id("o"), fact.occurred_at, "a")
    assert len(person("someone")) == 33


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ({"on": "nobody"}, "given[0]"),
        ({"on": "opened", "at": "soon"}, "given[0]"),
        ({"on": "opened", "type": "b.other"}, "given[0]"),
        ({"on": "opened", "data": {"nothing": 1}}, "given[0]"),
        ({"on": "opened", "data": {"days": "3"}}, "given[0].data.days"),
        ({"on": "opened", "data": {"days": True}}, "given[0].data.days"),
        ({"on": "opened", "data": {"kind": "z"}}, "given[0].data.kind"),
        ({"on": "opened", "data": {"on": "soon"}}, "given[0].data.on"),
        ({"on": "closed", "data": {"mailed_at": "soon"}}, "given[0].data.mailed_at"),
    ],
)
def test_a_story_that_cannot_be_read(line: dict[str, Any], place: str) -> None:
    """The error names file and place."""
    whole = {"id": "o", "at": "2025-03-03T09:00", **line}
    with pytest.raises(BadTestError) as caught:
        tried(given=[whole])
    assert caught.value.fields["path"] == f"$.tests[0].{place}"


def test_marks_of_an_unknown_source_are_refused() -> None:
    """Sources of stories are the first words of the event types."""
    with pytest.raises(BadTestError):
        tried(marks={"police": "2025-03-03"})


def write(path: Path, **changes: Any) -> Path:
    """Write the plain model with changes to a file."""
    path.write_text(yaml.safe_dump(document(**changes), allow_unicode=True), encoding="utf-8")
    return path


def test_lint_names_missing_tests_and_unknown_types(tmp_path: Path) -> None:
    """A model without tests and with types of no contract is told everything at once."""
    faults = faults_of(write(tmp_path / "x.yaml"), Contracts.load())

    codes = [fault.code for fault in faults]
    assert codes.count("model.missing_test") == 5
    assert codes.count("model.unknown_type") == 7


def test_lint_of_a_broken_file_is_its_error(tmp_path: Path) -> None:
    """What does not compile is one fault; nothing is raised."""
    (fault,) = faults_of(write(tmp_path / "x.yaml", zone="Europe/Atlantis"), None)

    assert fault.code == "model.schema"


def test_lint_compares_fields_with_contracts(tmp_path: Path) -> None:
    """A field that the contract has not, or has with another type, is named with its place."""
    text = new_model("new", "X1").replace("unit: text}", "unit: text, nothing: int, receipt_no: int}")
    path = tmp_path / "new.yaml"
    path.write_text(text, encoding="utf-8")

    faults = faults_of(path, Contracts.load())

    assert [(f.code, f.fields["name"]) for f in faults] == [
        ("model.unknown_field", "nothing"),
        ("model.field_type", "receipt_no"),
    ]
    assert faults_of(path, None) == []


def test_the_template_is_whole() -> None:
    """A new model passes its tests and lacks none."""
    made = Model.parse(new_model("new", "X1"))

    assert (made.id, made.code, made.status) == ("new", "X1", "draft")
    assert all(trial.passed for trial in try_model(made))
