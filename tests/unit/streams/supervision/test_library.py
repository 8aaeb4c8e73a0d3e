"""Finding models by id, code or file; the bundled ones and the examples are good."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.catalogue import Contracts
from streams.supervision.errors import DuplicateModelError, ModelMissingError
from streams.supervision.library import bundled, bundled_files, files_of, load_all
from streams.supervision.lint import faults_of
from streams.supervision.model import Model
from streams.supervision.trial import try_model

FINES = tuple(sorted(Path("examples/road-fines/models").glob("*.yaml")))
EVERY = (*bundled_files(), *FINES)


def test_the_bundled_models() -> None:
    """M01 and both parts of M13 come with the project; ids are the names of the files."""
    assert [model.id for model in bundled()] == ["M01", "M13-delivery", "M13-notice"]
    assert [path.stem for path in bundled_files()] == [model.id for model in bundled()]


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_every_story_holds(path: Path) -> None:
    """Every inline test of every model that comes with the project passes, told in three ways."""
    assert [(t.name, t.problems) for t in try_model(Model.load(path)) if not t.passed] == []


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_every_model_is_clean(path: Path) -> None:
    """Every model agrees with the contracts and has the tests it needs."""
    assert faults_of(path, Contracts.load()) == []


def test_names_mean_ids_codes_and_files() -> None:
    """An id is one file, a code may be several, a path is itself; the same file twice counts once."""
    assert [p.stem for p in files_of(["M13"])] == ["M13-delivery", "M13-notice"]
    assert [p.stem for p in files_of(["M13-notice", "M13"])] == ["M13-notice", "M13-delivery"]
    assert files_of(["somewhere/x.yaml"]) == (Path("somewhere/x.yaml"),)
    assert files_of([]) == bundled_files()


def test_an_unknown_name_is_refused() -> None:
    """Neither id nor code nor file."""
    with pytest.raises(ModelMissingError):
        files_of(["M99"])


def test_two_files_with_one_id_are_refused(tmp_path: Path) -> None:
    """A copy under another name is still the same model."""
    copy = tmp_path / "copy.yaml"
    copy.write_bytes(bundled_files()[0].read_bytes())

    with pytest.raises(DuplicateModelError):
        load_all([bundled_files()[0], copy])
