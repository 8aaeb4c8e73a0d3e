"""Every dependency has its reason, its version and its hashes."""

from __future__ import annotations

from tests.house import dependencies
from tests.house.tree import ROOT

PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_every_dependency_has_its_reason() -> None:
    """Each dependency's line says in a comment what it is for."""
    assert dependencies.unreasoned(PYPROJECT) == []


def test_every_dependency_is_locked() -> None:
    """The lock has everything the project and its groups ask for."""
    assert dependencies.unlocked(dependencies.declared(PYPROJECT), LOCK) == []


def test_every_locked_file_has_its_hash() -> None:
    """Each entry of the lock names one version and at least one SHA-256."""
    assert dependencies.unpinned(LOCK) == []
    assert dependencies.unhashed(LOCK) == []


def test_extras_are_locked_with_their_brackets() -> None:
    """What others ask for as `name[extra]` is pinned as such, so that no newer version can break the lock."""
    assert dependencies.stripped_extras(PYPROJECT, LOCK) == []
    assert dependencies.stripped_extras('  "a[b]",\n', "a==1\ncoverage[toml]==1\n") == ["a"]


def test_a_dependency_without_a_reason_is_named() -> None:
    """A line without a comment is found, and so is a file in which nothing is found."""
    bad = 'dependencies = [\n  "good",  # it does something\n  "bare",\n]\n'

    assert dependencies.unreasoned(bad) == ['"bare",']
    assert dependencies.unreasoned("") == ["no dependency found"]


def test_a_weak_lock_is_named() -> None:
    """A range, a missing hash and a missing entry are found."""
    lock = "loose>=1\nbare==1.0\nFirm_one==2.0 \\\n    --hash=sha256:00\n"

    assert dependencies.unpinned(lock) == ["loose>=1"]
    assert dependencies.unhashed(lock) == ["bare"]
    assert dependencies.unlocked(["firm-one", "absent"], lock) == ["absent"]
