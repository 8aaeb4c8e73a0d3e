"""The four packages have plain names, so no installed distribution may put itself in their place."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.house.tree import ROOMS, ROOT


def strangers(providers: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Name each of our packages that somebody else's distribution installs too."""
    found = {room: sorted(set(providers.get(room, ())) - {"casebus"}) for room in ROOMS}
    return {room: names for room, names in found.items() if names}


def outside(files: Mapping[str, str | None]) -> list[str]:
    """Name each package that was not loaded from this checkout."""
    return [room for room, file in files.items() if file is None or Path(file).resolve() != ROOT / room / "__init__.py"]


def test_no_distribution_shadows_a_package() -> None:
    """Nobody but casebus installs `schemas`, `security`, `streams` or `services`."""
    assert strangers(importlib.metadata.packages_distributions()) == {}


def test_packages_come_from_this_checkout() -> None:
    """What is imported is the code beside this test."""
    assert outside({room: importlib.import_module(room).__file__ for room in ROOMS}) == []


def test_a_shadow_is_named() -> None:
    """A distribution that installs one of the names is found."""
    assert strangers({"security": ["casebus", "pysecurity"], "other": ["x"]}) == {"security": ["pysecurity"]}


@pytest.mark.parametrize("file", [None, "site-packages/streams/__init__.py"])
def test_a_package_from_elsewhere_is_named(file: str | None) -> None:
    """A package without a file (a namespace) or from another place is found."""
    assert outside({"streams": file}) == ["streams"]
