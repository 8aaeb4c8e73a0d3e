"""No damaged input brings a parser of the audit log down: it reads, or refuses with an error of ours (10^4 inputs)."""

from __future__ import annotations

import ast

import pytest

from tests.house.tree import ROOT
from tests.unit.security.audit.parsers import Parser, fuzz, parsers

COUNT = 10_000
PARSERS = parsers()
NAMES = {
    "parse", "decode", "decode_many", "opened", "note_parts", "judge", "read_frame", "decode_base64", "last_footer",
    "stored_groups",
}  # fmt: skip
FUZZED = {
    "bundle.parse", "checkpoint.parse", "checkpoint.opened", "checkpoint.note_parts", "checkpoint.decode_base64",
    "cosignature.parse", "fork.parse", "frame.read_frame", "kept.decode", "policy.parse", "policy.judge",
    "record.decode", "record.decode_many", "replica.stored_groups", "segment.decode",
    "tlog_proof.parse", "walk.last_footer", "witnessing.parse",
}  # fmt: skip
"""What `parsers` covers, by module and function."""


@pytest.mark.parametrize("name", PARSERS.keys() - {"verified fork"})
def test_good_inputs_are_read(name: str) -> None:
    """What the fuzzing starts from is taken; the one fork is none, so that only its form is good."""
    parser = PARSERS[name]

    assert all(parser.read(seed) is not None for seed in parser.seeds)


@pytest.mark.parametrize("name", PARSERS)
def test_damaged_inputs_are_read_or_refused(name: str) -> None:
    """Each parser gets its share of ten thousand inputs; most are refused."""
    seen = fuzz(PARSERS[name], COUNT // len(PARSERS), seed=1)

    assert [outcome for outcome in seen if outcome.startswith("DEFECT")] == []
    assert seen.total() == COUNT // len(PARSERS)


def test_a_defect_would_be_found() -> None:
    """A parser that lets an IndexError out is named."""
    careless = Parser(lambda raw: raw[5], [b"123456789"])

    assert fuzz(careless, 200, seed=1)["DEFECT IndexError"] > 0


def test_every_parser_is_fuzzed() -> None:
    """Whoever adds a parser to `security/audit` fuzzes it: all are known by name."""
    found = {
        f"{path.stem}.{node.name}"
        for path in (ROOT / "security" / "audit").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name in NAMES
    }

    assert found == FUZZED
