"""`casebus node token` and `casebus node activate` on a stopped node."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from security.audit.reading import read
from services.cli.importing import bring_in
from services.importer.mapping import load_mapping
from services.importer.opening import open_file
from services.node.node import open_node
from tests.integration.fines_log import MODELS, final_in
from tests.integration.fines_node import HEADER, MAPPING, SITE, SOURCE, post, prepare, row
from tests.integration.node_process import ROOT, NodeProcess

DENIED = 401
NOT_FOUND = 3


def node_command(*arguments: object) -> tuple[int, dict[str, Any]]:
    """Run `casebus node … --json`; return its exit code and its one document."""
    command = [sys.executable, "-m", "services.cli.app", "node", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, json.loads(done.stdout)


def test_a_token_is_shown_once_and_opens_the_gateway(tmp_path: Path) -> None:
    """It works, stands nowhere in the directory, is on record, and opens nothing once it is revoked."""
    data = tmp_path / "data"
    prepare(data)

    code, told = node_command("token", SOURCE, "--data", data)
    token = told["token"]
    node = NodeProcess.on_a_free_port(data)
    answers = []
    for command in (None, ("token", SOURCE, "--revoke", "--data", data)):
        if command:
            revoked = node_command(*command)
        node.start()
        try:
            node.await_health()
            answers.append(post(node.url, token, [1]).status_code)
        finally:
            node.stop()

    assert (code, told["source"]) == (0, SOURCE)
    assert (answers, revoked) == ([202, DENIED], (0, {"source": SOURCE, "revoked": 2}))
    assert [path for path in data.rglob("*") if path.is_file() and token.encode() in path.read_bytes()] == []
    keyed = [stored.record for stored in read(data / "audit") if stored.record.act == "key"]
    assert [(entry.obj, entry.data["what"]) for entry in keyed] == [
        (SOURCE, "token"),
        (SOURCE, "token"),
        (SOURCE, "token revoked"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("token", "nobody/system"), "gateway.source_unknown"),
        (("activate", "no-such-model", "--approver", "a"), "model.not_found"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, arguments: tuple[str, ...], code: str) -> None:
    """A source that nobody registered, a model that does not exist: coded, and nothing changed."""
    prepare(tmp_path / "data")

    done, told = node_command(*arguments, "--data", tmp_path / "data")

    assert (done, told["error"]["code"]) == (NOT_FOUND, code)


def test_an_activated_model_folds_the_whole_history(tmp_path: Path) -> None:
    """A model that came later raises what it would have raised, the others' alerts stay; twice changes nothing."""
    data, log, later = tmp_path / "data", tmp_path / "log.csv", tmp_path / "later.yaml"
    log.write_text("\n".join([HEADER, *map(row, range(5)), ""]), encoding="utf-8")
    rules = load_mapping(MAPPING)
    bring_in(rules, open_file(rules, log), data, SITE, lambda: False)
    before = final_in(data)
    text = next(path for path in MODELS if path.stem == "fine-no-event").read_text(encoding="utf-8")
    later.write_text(text.replace("id: fine-no-event", "id: fine-later").replace("code: RF2", "code: RF9"), "utf-8")

    first = node_command("activate", later, "--approver", "zhang", "--approver", "li", "--data", data)
    second = node_command("activate", later, "--approver", "zhang", "--approver", "li", "--data", data)

    after = final_in(data)
    assert (len(before), len(after)) == (5, 10)
    assert before.items() <= after.items()
    assert (first[0], first[1]["changed"], second[1]["changed"]) == (0, 1, 0)
    assert "fine-later" in first[1]["active"]
    node = open_node(data)
    try:
        approvers = node.control.snapshot.records["model", "fine-later"].approvers
    finally:
        node.close()
    assert Counter(approvers) == Counter({"zhang": 1, "li": 1})
