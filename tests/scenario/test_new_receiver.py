"""A new receiving agency with the docs alone: it asks over HTTP, two people review, it receives.

The wish and the commands are those of `docs/receiving.md`, run as they stand there, on a node in a process of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from schemas.catalogue import Contracts
from security.audit.reading import read
from services.cli.app import app
from services.node.establishment import wanted_of
from services.node.looking import control_state
from services.node.site import Site
from services.node.standing import beside, endings
from tests.house.tree import ROOT
from tests.integration.demonstration import running_node, site_file
from tests.integration.node_process import NodeProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

DOCUMENT = ROOT / "docs" / "receiving.md"
PEOPLE = ("prosecutor", "police", "clerk", "security")
AGREEMENT = "演会签〔2025〕1号"
NAME = "tax-990103-enforcement"


def walk() -> tuple[str, list[str]]:
    """Return the document's wish and its commands of asking and reviewing."""
    text = DOCUMENT.read_text(encoding="utf-8")
    part = text[text.index("## Asking for a subscription") : text.index("## Page by page")]
    wish = re.search(r"^```yaml\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
    commands = re.findall(r"^```sh\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
    assert wish
    return wish.group(1), [line for block in commands for line in block.strip().splitlines()]


def smaller(document: dict[str, Any]) -> None:
    """Leave the node its own subscriptions only: fewer tables to compile at each start."""
    document["subscriptions"] = [each for each in document["subscriptions"] if each["delivers"] != "view"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[NodeProcess]:
    """A running node of the demonstration, whose people have passwords."""
    with running_node(tmp_path, site_file(tmp_path, smaller), PEOPLE) as process:
        yield process


class Room:
    """Where the commands of the document run."""

    def __init__(self, node: NodeProcess, folder: Path) -> None:
        self.node, self.folder = node, folder

    def run(self, command: str, **environment: str) -> Any:
        """Run a command of the document with `--json`, and return its document or its error."""
        words = command.removeprefix("./run casebus ").replace("DIR", str(self.node.data))
        said = words.split()
        files = {n for n, word in enumerate(said) if word == "wish.yaml" or said[n - 1] == "--token"}
        said = [str(self.folder / word) if n in files else word for n, word in enumerate(said)]
        done = CliRunner().invoke(
            app, [*said, "--json"], env={"CASEBUS_URL": self.node.url, "LANG": "C.UTF-8", **environment}
        )
        if done.exception is not None and hasattr(done.exception, "code") and hasattr(done.exception, "message"):
            return done.exception
        assert done.stdout.strip(), done.output
        return json.loads(done.stdout.strip().splitlines()[-1])

    def ask(self, wish: dict[str, Any]) -> httpx.Response:
        """Ask over HTTP."""
        token = (self.folder / "token").read_text(encoding="utf-8")
        headers = {"authorization": f"Bearer {token}"}
        return httpx.post(f"{self.node.url}/v1/subscription-requests", json=wish, headers=headers, trust_env=False)


def unseen_approval(running: NodeProcess, request: str) -> str:
    """Approve something that was not shown; return the code of the refusal."""
    with httpx.Client(base_url=running.url, trust_env=False, timeout=60) as http:
        login = {"account": "security", "password": "the password of security"}
        http.headers["authorization"] = f"Bearer {http.post('/desk/login', json=login).json()['token']}"
        return str(http.post(f"/desk/subscription-requests/{request}/approve", json={"seen": "00" * 32}).json()["code"])


def assert_told_in_words(refused: httpx.Response) -> None:
    """Every fault of the wrong wish at once, with its place, in both languages."""
    faults = {(fault["path"], fault["code"]) for fault in refused.json()["faults"]}
    assert refused.status_code == 422
    assert faults >= {
        ("$.subscription", "asking.name"),
        ("$.expires", "asking.expires"),
        ("$.agreements", "asking.agreement"),
        ("$.types.identity.recorded", "asking.not_shared"),
    }
    assert all(fault["zh"] and fault["hint_zh"] for fault in refused.json()["faults"])


def assert_shown_by_field(gets: list[dict[str, Any]]) -> None:
    """What is given, what never and why; nothing of what was not asked for."""
    rows = [(kind["type"], row) for kind in gets for row in kind["fields"]]
    given = {(kind, row["field"]): (row["given"], row["reason"]) for kind, row in rows}
    assert given["prison.admitted", "ah"] == ("always", "")
    assert given["prison.admitted", "person"][0] == "never"
    assert given["prison.admitted", "person"][1]
    assert ("prison.admitted", "term_end") not in given


def assert_on_record(data: Path) -> None:
    """Asked, approved twice, granted: by whom."""
    acts = [e.record for e in read(data / "audit") if e.record.act == "subscription" and e.record.obj == NAME]
    assert [(r.actor, r.data["what"]) for r in acts] == [
        ("tax-990103", "asked"),
        ("security", "approved"),
        ("prosecutor", "approved"),
        ("prosecutor", "granted"),
    ]


def test_the_walk_of_a_receiving_agency(running: NodeProcess, tmp_path: Path) -> None:
    """Invited, refused in words, asked, reviewed, approved by two of other agencies, in force, on record, received.

    A request waits through kill -9, a digest of something else approves nothing, no site file ends what was granted.
    """
    room = Room(running, tmp_path)
    text, (invite, ask, review, approve) = walk()
    wish = yaml.safe_load(text)
    (tmp_path / "wish.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "token").write_text(room.run(invite)["token"], encoding="utf-8")

    wrong = {
        **wish,
        "agreements": [],
        "types": [*wish["types"], "identity.recorded"],
        "subscription": "court-990103-mine",
        "expires": "2020-01-01",
    }
    refused = room.ask(wrong)
    asked = room.run(ask)
    running.kill()
    running.start()
    running.await_health()
    twice = room.ask(wish)
    unseen = unseen_approval(running, asked["request"])
    listed = room.run(review, CASEBUS_ACCOUNT="security", CASEBUS_PASSWORD="the password of security")
    shown = room.run(
        approve.replace(" --approve", "").replace("REQUEST", asked["request"]),
        CASEBUS_ACCOUNT="security",
        CASEBUS_PASSWORD="the password of security",
    )
    states = []
    for person in ("clerk", "security", "security", "prosecutor", "police"):
        told = room.run(
            approve.replace("REQUEST", asked["request"]),
            CASEBUS_ACCOUNT=person,
            CASEBUS_PASSWORD=f"the password of {person}",
        )
        states.append(told.get("state") or told["error"]["code"] if isinstance(told, dict) else told.code)
    token = room.run(f"./run casebus subscription token {NAME} --data DIR")["token"]
    page = httpx.get(
        f"{running.url}/v1/subscriptions/{NAME}/events", headers={"authorization": f"Bearer {token}"}, trust_env=False
    )

    assert_told_in_words(refused)
    assert (twice.status_code, twice.json()["code"]) == (409, "asking.pending")
    assert [each["request"] for each in listed["requests"]] == [asked["request"]]
    assert_shown_by_field(shown["gets"])
    assert (shown["needs"], shown["widens"]) == (2, ["subscription"])
    assert states == ["asking.not_reviewer", "pending", "asking.not_reviewer", "granted", "asking.settled"]
    assert (page.status_code, page.json()["events"]) == (200, [])
    assert unseen == "asking.changed"
    assert running.stop() == 0
    state, file = control_state(running.data), wanted_of(Site.load(tmp_path / "site.yaml", Contracts.load()))
    stands = [each.command for each in beside(state, file)]
    assert (endings(state, file), stands) == ([], [f"casebus subscription end {NAME}"])
    record = state.records["subscription", NAME]
    assert record.approvers == ("security", "prosecutor")
    assert record.value["request"] == asked["request"]
    assert_on_record(running.data)
