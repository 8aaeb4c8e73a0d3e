"""What a site file names no more is in force no more; what stands beside it is told, and ends by a command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from schemas.catalogue import Contracts
from security.audit.reading import read
from services.cli.agency import app
from services.cli.doctor import app as doctor_app
from services.gateway.source import UnknownSourceError
from services.node.__main__ import tell
from services.node.acting import By
from services.node.looking import control_state
from services.node.node import Node, open_node
from services.node.operations import Opened, at_node
from services.node.operator import new_access, offered
from services.node.server import application
from services.node.site import Site
from tests.integration.fines_node import SITE, SOURCE, fine
from tests.integration.serving import serving
from tests.unit.services.gateway.client import client_of
from tests.unit.services.node.test_registration import FRAGMENT, TWO
from tests.unit.services.node.test_registration import SOURCE as REGISTERED

SECOND = "roadpolice-IT/appeals"
NAME = REGISTERED["id"]


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """The site file of the fines, with a second source."""
    document = yaml.safe_load(SITE.read_text(encoding="utf-8"))
    document["sources"].append({**document["sources"][0], "id": SECOND})
    document["models"] = [str(SITE.parent / each) for each in document.get("models", ())]
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


def opened(data: Path, site: Path, act: Callable[[Node], Any]) -> Any:
    """Open a node by a site file, do something, close it."""
    node = open_node(data, Site.load(site, Contracts.load()))
    try:
        return act(node)
    finally:
        node.close()


def posted(node: Node, token: str, source: str) -> int:
    """Publish one event over the node's application; return the status."""
    with client_of(application(node), token) as client:
        return client.post("/v1/events", json={**fine(1), "source": source}).status_code


def test_a_source_that_the_file_names_no_more_publishes_no_more(
    tmp_path: Path, two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its token opens nothing from that start on; the end is a signed record, and is told; others go on."""
    data = tmp_path / "data"
    token, other = opened(data, two, lambda node: (Opened(node).issue(SECOND), Opened(node).issue(SOURCE)))

    def start(node: Node) -> tuple[int, int]:
        tell(node.ground.ended, node.ground.beside)
        return posted(node, token, SECOND), posted(node, other, SOURCE)

    before = opened(data, two, start)
    silent = capsys.readouterr().err
    after = opened(data, SITE, start)
    told = capsys.readouterr().err

    assert (before, after) == ((202, 202), (401, 202))
    assert SECOND not in silent
    assert f"{SECOND} no more" in told
    assert ("source", SECOND) not in control_state(data).records
    removed = [e.record for e in read(data / "audit") if e.record.act == "control" and e.record.data["removed"]]
    assert [(r.obj, r.actor) for r in removed] == [(f"source/{SECOND}", "site-file")]


def test_a_source_beside_the_file_is_told_and_ends_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file does not end what two people registered; start and doctor name it with the command that does."""
    data = tmp_path / "data"
    token = opened(data, SITE, lambda node: (Opened(node).register(FRAGMENT, TWO), Opened(node).issue(NAME))[1])
    opened(data, SITE, lambda node: tell(node.ground.ended, node.ground.beside))
    told = capsys.readouterr().err
    doctor = CliRunner().invoke(doctor_app, ["--data", str(data), "--site", str(SITE), "--json"])

    done = CliRunner().invoke(app, ["end", NAME, "--data", str(data), "--actor", "wang", "--json"])
    again = CliRunner().invoke(app, ["end", NAME, "--data", str(data), "--json"])
    owner = opened(data, SITE, lambda node: node.tokens.who(token))

    assert f"casebus agency end {NAME}" in told
    rows = [c for c in json.loads(doctor.stdout)["checks"] if c["check"] == "standing"]
    assert [(c["state"], c["fields"]["command"]) for c in rows] == [("note", f"casebus agency end {NAME}")]
    assert done.exit_code == 0, done.output
    assert isinstance(again.exception, UnknownSourceError)
    assert owner is None
    acts = [e.record for e in read(data / "audit") if e.record.obj in {NAME, f"source/{NAME}"}]
    assert [(r.act, r.actor) for r in acts[-3:]] == [("source", "wang"), ("control", "wang"), ("key", "")]


def test_the_doctor_names_what_a_file_would_end(tmp_path: Path, two: Path) -> None:
    """Before the node starts with the shorter file; with the present one there is nothing to say."""
    data = tmp_path / "data"
    opened(data, two, lambda node: node.control.epoch)

    def checks(site: Path) -> list[tuple[str, str]]:
        done = CliRunner().invoke(doctor_app, ["--data", str(data), "--site", str(site), "--json"])
        rows = json.loads(done.stdout)["checks"]
        return [(c["check"], c["state"]) for c in rows if c["check"] in {"standing", "leaving"}]

    assert (checks(two), checks(SITE)) == ([("standing", "ok")], [("leaving", "note")])


def test_a_source_ends_at_a_node_that_runs(tmp_path: Path, two: Path) -> None:
    """Asked for over loopback: the running door refuses the next event, and the answer names the epoch."""

    def run(node: Node) -> tuple[int, int, int, bool]:
        token = Opened(node).issue(SECOND)
        first = posted(node, token, SECOND)
        access = new_access(0)
        with serving(application(node, access=access)) as url:
            reached = type(access)(int(url.rpartition(":")[2]), access.token)
            with offered(node.data.root, reached), at_node(node.data.root) as acts:
                epoch = acts.end(SECOND, By("wang", "clean-up"))
        return first, posted(node, token, SECOND), epoch, node.control.epoch == epoch

    first, then, epoch, same = opened(tmp_path / "data", two, run)

    assert (first, then, same) == (202, 401, True)
    assert epoch > 1
