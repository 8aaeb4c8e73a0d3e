"""Who keeps dead letters at a node that runs: its people by role and district, with `--account` on the command line."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from schemas.event import derived_id, sequence_of
from security.audit.reading import read
from services.cli.dead_letter import app
from services.node.operations import at_node
from tests.integration.demonstration import running_node, site_file
from tests.integration.node_process import NodeProcess

pytestmark = pytest.mark.timeout(150)

HERE, ELSEWHERE = "990103", "990104"
PEOPLE = ("manager", "security", "police")


def with_manager(document: dict[str, Any]) -> None:
    """Let the demonstration have somebody of case management, for one district."""
    manager = {"id": "manager", "zh": "案管", "en": "Case manager", "role": "P_AM", "purpose": "data-quality"}
    document["accounts"].append({**document["accounts"][0], **manager, "districts": [HERE]})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node of the demonstration with two letters: 0 of the manager's district, 1 of another."""
    folder = tmp_path_factory.mktemp("keeping")
    with running_node(folder, site_file(folder, with_manager), PEOPLE) as process:
        for number, district in enumerate((HERE, ELSEWHERE)):
            assert burnt(process, district) == number
        yield process


def burnt(process: NodeProcess, district: str) -> int:
    """Leave the letter of an event without its data; return its number."""
    source = f"police-{district}/cases"
    with at_node(process.data) as node:
        token = node.issue(source)
    event = {
        "specversion": "1.0",
        "id": str(uuid.UUID(bytes=derived_id(source, sequence_of(1)))),
        "type": "police.report.accepted",
        "source": source,
        "subject": "J1",
        "time": "2026-01-01T00:00:00Z",
        "district": district,
        "sequence": sequence_of(1),
        "data": {},
    }
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.post(f"{process.url}/v1/events", json=event, headers=headers, trust_env=False, timeout=60)
    return int(answer.json()["dead_letter"])


def command(process: NodeProcess, account: str, *words: str, password: str = "") -> Result:
    """Call `casebus dead-letter` as a person."""
    environment = {"CASEBUS_PASSWORD": password or f"the password of {account}", "CASEBUS_URL": process.url}
    return CliRunner().invoke(app, [*words, "--account", account, "--json"], env=environment)


def told(done: Result) -> dict[str, Any]:
    """Return the document of a command that did what it was asked for."""
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def code(done: Result) -> str:
    """Return the code of a command that was refused."""
    assert done.exit_code != 0
    return str(json.loads(done.stdout.strip().splitlines()[-1])["error"]["code"])


@pytest.mark.parametrize(("account", "numbers"), [("manager", [0]), ("security", [0, 1])])
def test_each_keeper_sees_the_letters_of_the_districts_served(
    running: NodeProcess, account: str, numbers: list[int]
) -> None:
    """Case management those of its own; the security officer every one."""
    listed = told(command(running, account, "list", "--all"))

    assert [row["number"] for row in listed["letters"]] == numbers


def test_others_letters_are_not_there_and_others_keep_none(running: NodeProcess) -> None:
    """Another district's letter does not exist for the manager; a role that keeps none is refused."""
    assert code(command(running, "manager", "show", "1")) == "gateway.no_letter"
    assert code(command(running, "manager", "close", "1", "--reason", "other")) == "gateway.no_letter"
    assert code(command(running, "police", "list")) == "gateway.token"
    assert code(command(running, "manager", "list", password="another one")).startswith("identity.")


def test_what_a_keeper_does_is_on_record_with_role_and_purpose(running: NodeProcess) -> None:
    """Tried in vain, then closed: two records with the person's name, organisation, role and purpose."""
    tried = command(running, "manager", "redrive", "0")
    closed = told(command(running, "manager", "close", "0", "--reason", "corrected"))

    assert (tried.exit_code, closed["state"]) == (1, "closed")
    records = [each.record for each in read(running.data / "audit")]
    mine = [(r.actor, r.org, r.role, r.purpose) for r in records if r.act == "redrive"]
    assert mine == [("manager", "procuratorate-990103", "P_AM", "data-quality")] * 2
