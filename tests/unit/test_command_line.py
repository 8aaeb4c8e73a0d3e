"""The command line is quick to ask, and what the documents quote exists."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from schemas.texts import catalogue
from services.cli.app import PARTS
from tests.house import commands
from tests.house.tree import ROOT, name

HEAVY = ("nicegui", "fastapi", "sqlalchemy", "cryptography", "fastavro", "cedarpy", "uvicorn", "faust", "kafka", "yaml")
HELP = """
import contextlib, io, json, sys
from services.cli.app import app
with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
    app(["--help"])
print(json.dumps([out.getvalue(), sorted(set(sys.modules) & set(sys.argv[1:]))]))
"""


def ask_help() -> tuple[str, list[str]]:
    """Run `casebus --help` in a fresh interpreter: its text, and which heavy modules it loaded."""
    done = subprocess.run([sys.executable, "-c", HELP, *HEAVY], capture_output=True, cwd=ROOT, check=True, text=True)
    text, loaded = json.loads(done.stdout)
    return text, loaded


def test_help_names_every_part_and_loads_none() -> None:
    """`casebus --help` lists every part and imports no heavy module."""
    text, loaded = ask_help()

    assert [part for part in PARTS if part not in text] == []
    assert loaded == []


def test_help_is_quick() -> None:
    """`casebus --help` takes at most four times a bare interpreter that imports typer, and a second."""

    def seconds(code: str) -> float:
        start = time.monotonic()
        subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True)
        return time.monotonic() - start

    bare = min(seconds("import typer.main") for _ in range(3))
    ours = min(seconds("from services.cli.app import app; app(['--help'])") for _ in range(3))

    assert ours < 4 * bare + 1


@pytest.mark.parametrize("part", PARTS)
def test_every_part_answers_for_help(part: str) -> None:
    """Each part that the help names exists and explains itself."""
    assert commands.wrong(f"casebus {part} --help") is None


DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_quoted_commands_exist(document: Path) -> None:
    """Every command that a document quotes exists, with the options it gives."""
    found = [commands.wrong(c) for c in commands.quoted(document.read_text(encoding="utf-8"))]

    assert [w for w in found if w] == []


def test_hints_advise_commands_and_files_that_exist() -> None:
    """Every command and document that a text of the catalogue sends a person to exists."""
    hints = [text for entry in catalogue().values() for text in entry.values()]
    calls = {command for text in hints for command in commands.advised(text)}
    files = {file for text in hints for file in re.findall(r"(?:docs|schemas|security)/[\w./-]+\w", text)}

    assert [found for found in map(commands.wrong, sorted(calls)) if found] == []
    assert [file for file in sorted(files) if not (ROOT / file).exists()] == []


@pytest.mark.parametrize(
    "command",
    ["./run dance", "casebus dance", "casebus doctor --dance", "./run casebus audit dance", "./run demo --dance"],
)
def test_an_invented_command_is_named(command: str) -> None:
    """A verb, a part, an option that does not exist is found."""
    assert commands.wrong(command)


def test_commands_are_found_in_a_document() -> None:
    """Commands are read from shell blocks and from the running text; other lines are left alone."""
    document = "Use `casebus audit verify` or `jq`.\n\n```sh\n$ ./run demo   # a city\nls\n```\n"

    assert commands.quoted(document) == ["./run demo", "casebus audit verify"]


def test_advice_is_found_in_a_text() -> None:
    """Commands are read out of a sentence in either language, a single command without the word after it."""
    text = "another casebus version: run casebus doctor and wait; 运行 casebus nothing here"

    assert commands.advised(text) == ["casebus doctor", "casebus nothing"]
