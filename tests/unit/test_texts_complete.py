"""The catalogue is whole: both languages, the same placeholders, a message and a next step for every error."""

from __future__ import annotations

import importlib
import warnings

import pytest

from schemas.texts import catalogue
from tests.house import catalogue as house
from tests.house.tree import modules


@pytest.fixture(scope="module", autouse=True)
def every_module() -> list[str]:
    """Import everything once, so that every error class is known."""
    with warnings.catch_warnings():
        # Deprecations inside other people's packages are their own matter; ours are caught in each module's tests.
        warnings.simplefilter("ignore")
        return house.everything()


def test_every_text_is_whole() -> None:
    """Every text stands in Chinese and English, with the same placeholders."""
    assert house.incomplete(catalogue()) == []


def test_every_error_has_a_message_and_a_next_step() -> None:
    """Every error class's code has a message and a hint in the catalogue."""
    assert house.unspoken(house.error_codes(), catalogue()) == []


def test_no_text_is_dead() -> None:
    """Every text belongs to an error class or is named by the code."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in modules())

    assert house.unused(catalogue(), house.error_codes(), sources) == []


def test_every_module_is_found(every_module: list[str]) -> None:
    """The walk that collects the errors reaches modules of all four rooms."""
    assert {name.split(".")[0] for name in every_module} >= {"schemas", "services"}
    assert importlib.import_module("schemas.errors").__name__ in every_module


def test_flaws_are_named() -> None:
    """A missing language, other placeholders, a missing hint and a dead text are found."""
    texts = {
        "a.message": {"zh": "甲", "en": " "},
        "b.message": {"zh": "{x}", "en": "{y}"},
        "c.message": {"zh": "丙", "en": "c"},
    }

    assert house.incomplete(texts) == ["a.message: needs zh and en", "b.message: placeholders differ"]
    assert house.unspoken(["c"], texts) == ["c.hint"]
    assert house.unused(texts, ["a"], 'text("b.message")  fail("b")') == ["c.message"]
    assert house.unused({"x.y.z": {}, "v.w": {}}, [], 'text(f"x.y.{code}")') == ["v.w"]
