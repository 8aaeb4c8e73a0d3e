"""What documents promise: links, files and tests that they name must exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from tests.house.tree import ROOT

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FILE = re.compile(r"`((?:schemas|security|streams|services|deploy|tests|examples|docs)/[\w./-]*[\w/])`")
_TEST = re.compile(r"`(tests/[\w./-]+\.py)::(\w+)`")
_OUTSIDE = ("http://", "https://", "mailto:", "#")


def documents() -> list[Path]:
    """Return every document of the checkout."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])


def broken_links(text: str, folder: Path) -> list[str]:
    """Name each relative link that leads nowhere."""
    targets = [t for t in _LINK.findall(text) if not t.startswith(_OUTSIDE)]
    return [t for t in targets if not (folder / t.split("#")[0]).exists()]


def absent_files(text: str) -> list[str]:
    """Name each file or folder of the tree that a document quotes and that is not there."""
    return [path for path in _FILE.findall(text) if not (ROOT / path).exists()]


def cited_tests(text: str) -> list[tuple[str, str]]:
    """Return every test that a document cites, as file and function."""
    return _TEST.findall(text)


def untrue_citation(file: str, test: str) -> str | None:
    """Say what is wrong with a cited test: not there, or skipped without a reason the machine decides."""
    path = ROOT / file
    marks = _tests_of(path).get(test) if path.exists() else None
    if marks is None:
        return f"{file}::{test} does not exist"
    return f"{file}::{test} is switched off" if {"skip", "xfail"} & marks else None


@cache
def _tests_of(path: Path) -> dict[str, frozenset[str]]:
    """Map each test function of a file to the words of its decorators."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {
        f.name: frozenset(n.attr for d in f.decorator_list for n in ast.walk(d) if isinstance(n, ast.Attribute))
        for f in functions
        if f.name.startswith("test")
    }
