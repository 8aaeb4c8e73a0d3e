"""The mapping file: what it must say, and what it says about a faulty one."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.importer.mapping import MappingError, MappingMissingError, load_mapping
from tests.unit.services.importer.conftest import MAPPING, load_text

# 2013-06-19T00:00 in Rome is 2013-06-18T22:00Z.
END_OF_18_JUNE_2013 = 1_371_592_800_000_000


def test_a_mapping_says_up_to_when_the_file_is_complete(tmp_path: Path) -> None:
    """`complete_to` is a local day; the mark is the first instant after it."""
    assert load_text(tmp_path, MAPPING).complete_to == END_OF_18_JUNE_2013


def test_a_mapping_without_complete_to_declares_nothing(tmp_path: Path) -> None:
    """No declared day, no mark: a mark is never guessed from the rows."""
    assert load_text(tmp_path, MAPPING.replace('complete_to: "2013-06-18"', "")).complete_to is None


def test_the_digest_changes_with_the_file(tmp_path: Path) -> None:
    """A changed mapping is another import."""
    assert load_text(tmp_path, MAPPING).digest != load_text(tmp_path, MAPPING + "\n# x\n").digest


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("zone: Europe/Rome", "zone: Europe/Nowhere", "$.zone"),
        ("mapping: 1", "mapping: 2", "$.mapping"),
        ("as: cents", "as: euros", "$.events.Create.fields.amount_cents.as"),
        ('"2013-06-18"', '"2013-06-31"', "$.complete_to"),
        ("precision: day", "precision: week", "$.time.precision"),
    ],
)
def test_a_faulty_mapping_names_the_place(tmp_path: Path, old: str, new: str, path: str) -> None:
    """The error says where in the file the fault is."""
    with pytest.raises(MappingError) as caught:
        load_text(tmp_path, MAPPING.replace(old, new))

    assert caught.value.fields["path"] == path
    assert caught.value.exit_code == 2


def test_a_mapping_that_is_no_yaml_names_the_line(tmp_path: Path) -> None:
    """A slip of the pen is told by its line."""
    with pytest.raises(MappingError) as caught:
        load_text(tmp_path, "mapping: 1\nname: [oops\n")

    assert caught.value.fields["path"].startswith("line ")


def test_a_missing_mapping_is_not_found(tmp_path: Path) -> None:
    """A path that is not there exits with 3."""
    with pytest.raises(MappingMissingError) as caught:
        load_mapping(tmp_path / "none.yaml")

    assert caught.value.exit_code == 3


def test_the_example_of_the_road_fines_log_loads() -> None:
    """The mapping that is shipped fits the schema and declares its sequence key."""
    mapping = load_mapping(Path("examples/road-fines/mapping.yaml"))

    assert mapping.sequence == ("seq",)
    assert len(mapping.events) == 11
