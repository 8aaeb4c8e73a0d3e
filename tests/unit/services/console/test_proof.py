"""The console's own recomputation: it agrees with the log's code for every record, and with no altered answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from security.audit.tree import Tree
from services.auditor.desk import Asked, AuditDesk
from services.console.proof import root_of, steps
from tests.unit.services.desk.office import Office, open_office


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A node with some records."""
    opened = open_office(tmp_path_factory.mktemp("office"))
    for _ in range(5):
        opened.desk.alert(opened.people["police"], f"{7:032x}")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def answers(office: Office) -> list[dict[str, Any]]:
    """Each record as the auditor's interface answers it; asking adds records."""
    desk = AuditDesk(office.folder / "audit", Path(office.folder / "i.db"), office.audit, office.sealer.keyed_digest)
    return [desk.record(office.people["security"], Asked("duty:SEC"), seq) for seq in range(office.audit.size)]


def test_true_answers_hold(answers: list[dict[str, Any]]) -> None:
    """Every step of every record."""
    assert answers
    assert all(good for answer in answers for _, good in steps(answer))


@pytest.mark.parametrize(
    ("name", "value", "failing"),
    [
        ("body", "{}", {"leaf", "path"}),
        ("prev", "00" * 32, {"leaf", "path"}),
        ("leaf", "11" * 32, {"leaf"}),
        ("root", "22" * 32, {"path", "head"}),
        ("size", 1_000, {"path", "head"}),
        ("origin", "casebus.other", {"head"}),
        ("path", [], {"path"}),
    ],
)
def test_an_altered_answer_fails(answers: list[dict[str, Any]], name: str, value: Any, failing: set[str]) -> None:
    """Whatever is altered fails the steps that rest on it."""
    assert {step for step, good in steps(answers[3] | {name: value}) if not good} == failing


def test_paths_of_every_tree_to_sixty() -> None:
    """Every index of every size leads to the root, and under no other index."""
    leaves = [bytes([number]) * 32 for number in range(60)]
    tree = Tree()
    tree.extend(leaves)
    for size in range(1, 61):
        for index in range(size):
            path = tree.inclusion_proof(index, size)
            assert root_of(leaves[index], index, size, path) == tree.root(size)
            assert root_of(leaves[index], index + 1, size, path) != tree.root(size)
