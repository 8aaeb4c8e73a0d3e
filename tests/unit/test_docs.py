"""The documents are true where a machine can tell: links, files, tests, both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import commands, documents
from tests.house.tree import ROOT, name

THREATS = ROOT / "docs/threat-model.md"


def read(path: Path) -> str:
    """Read a document."""
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("document", documents.documents(), ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link leads to a file of the checkout."""
    assert documents.broken_links(read(document), document.parent) == []


@pytest.mark.parametrize("document", documents.documents(), ids=name)
def test_named_files_exist(document: Path) -> None:
    """Every file and folder that a document names is there."""
    assert documents.absent_files(read(document)) == []


@pytest.mark.parametrize("document", documents.documents(), ids=name)
def test_cited_tests_exist_and_run(document: Path) -> None:
    """Every test that a document cites exists and is not switched off."""
    wrong = [documents.untrue_citation(*cited) for cited in documents.cited_tests(read(document))]

    assert [w for w in wrong if w] == []


def test_every_threat_names_its_test() -> None:
    """Each row of the threat table cites at least one test."""
    table = read(THREATS).split("## Threats")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| T")]

    assert len(rows) > 10
    assert [row for row in rows if not documents.cited_tests(row)] == []


def test_both_readmes_quote_the_same_commands() -> None:
    """The Chinese and the English README tell the same commands."""
    english, chinese = (commands.quoted(read(ROOT / file)) for file in ("README.md", "README.zh.md"))

    assert english
    assert english == chinese


def test_records_of_decisions_are_numbered_once() -> None:
    """No two records of decisions share a number, and none is missing."""
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/adr").glob("*.md"))

    assert numbers == list(range(1, len(numbers) + 1))


def test_flaws_are_named() -> None:
    """A broken link, an absent file, an invented and a switched-off test are found."""
    here = ROOT / "docs"

    assert documents.broken_links("[a](none.md) [b](../pyproject.toml#x) [c](https://x.y)", here) == ["none.md"]
    assert documents.absent_files("`schemas/none.py` and `schemas/errors.py`") == ["schemas/none.py"]
    assert documents.cited_tests("see `tests/unit/test_docs.py::test_flaws_are_named`") == [
        ("tests/unit/test_docs.py", "test_flaws_are_named")
    ]
    assert documents.untrue_citation("tests/unit/test_docs.py", "test_none")
    assert documents.untrue_citation("tests/unit/none.py", "test_none")
    assert documents.untrue_citation("tests/unit/test_docs.py", "test_flaws_are_named") is None


def test_a_test_that_is_switched_off_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A citation of a test with an unconditional skip is found."""
    (tmp_path / "test_off.py").write_text("@pytest.mark.skip\ndef test_off(): ...\n", encoding="utf-8")
    monkeypatch.setattr(documents, "ROOT", tmp_path)

    assert documents.untrue_citation("test_off.py", "test_off") == "test_off.py::test_off is switched off"
