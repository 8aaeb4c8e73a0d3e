"""Finding models: the bundled ones by id or code, any other by its file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from streams.supervision.document import read_document
from streams.supervision.errors import DuplicateModelError, ModelMissingError
from streams.supervision.model import Model

BUNDLED = Path(__file__).with_name("models")
SUFFIXES = (".yaml", ".yml")


def bundled_files() -> tuple[Path, ...]:
    """Return the files of the bundled models, sorted."""
    return tuple(sorted(BUNDLED.glob("*.yaml")))


def bundled() -> tuple[Model, ...]:
    """Return every bundled model, sorted by id; raises `ModelError` for a broken file."""
    return load_all(bundled_files())


def load_all(paths: Iterable[Path]) -> tuple[Model, ...]:
    """Load model files, sorted by id.

    Raises:
        ModelMissingError, ModelError: a file is missing or broken.
        DuplicateModelError: two files carry the same id.
    """
    found: dict[str, Model] = {}
    for path in paths:
        model = Model.load(path)
        if model.id in found:
            raise DuplicateModelError(file=path.name, path="$.metadata.id", name=model.id)
        found[model.id] = model
    return tuple(found[name] for name in sorted(found))


def files_of(names: Sequence[str]) -> tuple[Path, ...]:
    """Return the files that `names` mean: paths of model files, ids of bundled models, or codes (which may be several).

    No names mean every bundled model. The same file named twice counts once.

    Raises:
        ModelMissingError: a name means nothing.
    """
    if not names:
        return bundled_files()
    found: dict[Path, None] = {}
    for name in names:
        found.update(dict.fromkeys(_files_of(name)))
    return tuple(found)


def _files_of(name: str) -> list[Path]:
    if name.endswith(SUFFIXES):
        return [Path(name)]
    known = [(path, read_document(path)["metadata"]) for path in bundled_files()]
    chosen = [p for p, m in known if m["id"] == name] or [p for p, m in known if m["code"] == name]
    if not chosen:
        raise ModelMissingError(what=name)
    return chosen
