"""Reading a model file: YAML without surprises, the schema, the content hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from streams.supervision.document import content_hash, parse_document, read_document
from streams.supervision.errors import ModelMissingError, NotYamlError, SchemaMismatchError
from tests.unit.streams.supervision.making import document


def text_of(**changes: Any) -> str:
    """Write the plain model with changes as YAML."""
    return yaml.safe_dump(document(**changes), allow_unicode=True)


def test_dates_and_words_stay_text() -> None:
    """Neither a date nor yes, no, on, off nor 1.10 turns into something else."""
    changed = text_of().replace("article: 参数", "article: 2018-10-26\n    valid_from: 2018-10-26")
    read = parse_document(changed + "\n", "x.yaml")

    assert read["law"]["ours"]["article"] == "2018-10-26"
    assert parse_document(text_of(runbook={"zh": "no", "en": "on"}), "x.yaml")["runbook"] == {"zh": "no", "en": "on"}


def test_a_key_that_stands_twice_is_refused() -> None:
    """YAML would keep the last one silently."""
    with pytest.raises(NotYamlError) as caught:
        parse_document(text_of() + "\nzone: Europe/Rome\n", "x.yaml")
    assert caught.value.code == "model.yaml"
    assert "zone" in caught.value.message()


@pytest.mark.parametrize("text", ["a: [", "\t- x", "a: !!python/object:os.system x", "&a [*a"])
def test_what_is_not_yaml(text: str) -> None:
    """Broken or dangerous YAML is refused with the place."""
    with pytest.raises(NotYamlError):
        parse_document(text, "x.yaml")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"zone": None}, "$"),
        ({"extra": 1}, "$"),
        ({"metadata__version": "1.0"}, "$.metadata.version"),
        ({"metadata__status": "live"}, "$.metadata.status"),
        ({"pattern": {}}, "$.pattern"),
        ({"pattern__match": {"on": "opened", "basis": "ours"}}, "$.pattern"),
        ({"severity__breach": "pink"}, "$.severity.breach"),
        ({"inputs__opened__types": ["a.b"]}, "$.inputs.opened"),
        ({"pattern__absence__since": "never"}, "$.pattern.absence.since"),
        ({"pattern__absence__limit": {"days": 3}}, "$.pattern.absence.limit"),
        ({"inputs__opened__where": {"field": "days", "equals": 1, "at_least": 2}}, "$.inputs.opened.where"),
        ({"inputs__opened__where": "days > 3"}, "$.inputs.opened.where"),
    ],
)
def test_what_does_not_fit_the_schema(changes: dict[str, Any], path: str) -> None:
    """A model has exactly one pattern, no unknown keys, no code in its conditions; the error names the place."""
    with pytest.raises(SchemaMismatchError) as caught:
        parse_document(text_of(**changes), "x.yaml")
    assert caught.value.fields["path"].startswith(path)


def test_hours_do_not_mix_with_days() -> None:
    """An hour clock has no last day to add to."""
    with pytest.raises(SchemaMismatchError):
        parse_document(text_of(pattern__absence__limit={"hours": 3, "days": 1, "basis": "ours"}), "x.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No such file is an error of its own, without the folder."""
    with pytest.raises(ModelMissingError) as caught:
        read_document(tmp_path / "nowhere.yaml")
    assert caught.value.fields == {"what": "nowhere.yaml"}


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """Model files are UTF-8."""
    path = tmp_path / "x.yaml"
    path.write_bytes("名: 甲".encode("gb18030"))

    with pytest.raises(NotYamlError):
        read_document(path)


def test_the_hash_is_of_the_content() -> None:
    """Layout, order and comments do not change it; a value or an overridden parameter does."""
    first = content_hash(parse_document(text_of(), "x.yaml"), {})
    again = content_hash(parse_document("# a note\n" + text_of(), "y.yaml"), {})

    assert first == again
    assert len(first) == 64
    assert first != content_hash(document(zone="Europe/Rome"), {})
    assert first != content_hash(document(), {"limit": 12})
