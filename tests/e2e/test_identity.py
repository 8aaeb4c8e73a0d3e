"""Who somebody is, over HTTP with a real node and its console: asked for, approved twice, recorded, shown once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from security.audit.reading import read
from services.console.plain import POLICY
from services.demo.stage import PASSWORD
from tests.e2e.theatre import Theatre

NUMBER, NAME = "990101198503070017", "canary-姓名"


class Visitor:
    """Somebody signed in at the console, without a script."""

    def __init__(self, console: str, account: str) -> None:
        self.http = httpx.Client(base_url=console, trust_env=False, timeout=60)
        signed = self.http.post("/zh/login", data={"account": account, "password": PASSWORD})
        assert signed.status_code == 303

    def get(self, path: str) -> str:
        """Return a page, and require that it is plain."""
        return self._plain(self.http.get(path))

    def press(self, path: str, status: int = 200, **form: str) -> str:
        """Press a button; return the page that comes of it."""
        answer = self.http.post(path, data=form, follow_redirects=True)
        assert answer.status_code == status, answer.text
        return self._plain(answer)

    def _plain(self, answer: httpx.Response) -> str:
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text
        return answer.text


@pytest.fixture(scope="module")
def alert(theatre: Theatre) -> str:
    """An alert about a person whose name the vault holds."""
    theatre.record_identity(NUMBER, NAME)
    return theatre.overdue("a report", suspect={"id_number": NUMBER})[1]


@pytest.fixture
def people(theatre: Theatre) -> Iterator[dict[str, Visitor]]:
    """The police officer, the prosecutor, the security officer, the clerk."""
    with ExitStack() as stack:
        found = {}
        for account in ("police", "prosecutor", "security", "clerk"):
            found[account] = Visitor(theatre.console, account)
            stack.callback(found[account].http.close)
        yield found


def test_a_clear_name_takes_a_duty_a_basis_and_two_others(
    theatre: Theatre, alert: str, people: dict[str, Visitor]
) -> None:
    """Refused in words until two others approved; then shown with its record, and nowhere else in the node."""
    path = f"/zh/identity/{alert}"
    police = people["police"]
    form = police.get(path)
    person = re.findall(r'<option value="([0-9a-f]{32}/suspect)"', form)
    assert len(person) == 1
    refused = police.press(f"{path}/ask", 403, person=person[0], basis="CPL-54", purpose="curiosity")
    assert "查阅目的不是本岗位登记的目的" in refused
    asked = police.press(f"{path}/ask", person=person[0], basis="CPL-54")
    assert "待批准" in asked
    grant = re.findall(r'name="grant" value="([0-9a-f]{16})"', people["security"].get(path))[0]
    assert "没有您本人的" in police.press(f"{path}/open", 403, grant=grant)
    assert "您不能批准此申请" in police.press(f"{path}/approve", 403, grant=grant)
    assert "您不能批准此申请" in people["clerk"].press(f"{path}/approve", 403, grant=grant)
    for who in ("security", "prosecutor"):
        people[who].press(f"{path}/approve", grant=grant)

    page = police.press(f"{path}/open", grant=grant)
    again = police.get(path)

    assert NAME in page
    assert NUMBER in page
    assert NAME not in again
    leaf = int(re.findall(r"记录 (\d+)；", page)[0])
    records = [each.record for each in read(theatre.stage.data / "audit")]
    assert (records[leaf].act, records[leaf].actor, records[leaf].out) == ("open", "police", "ok")
    assert records[leaf].data["approvers"] == ["security", "prosecutor"]
    denied = [(r.act, r.actor, r.why) for r in records if r.out == "deny" and r.why.startswith("desk.identity.")]
    assert denied == [
        ("grant", "police", "desk.identity.purpose"),
        ("open", "police", "desk.identity.grant"),
        ("grant", "police", "desk.identity.approver"),
        ("grant", "clerk", "desk.identity.approver"),
    ]
    secrets = [text.encode() for text in (NUMBER, NAME, json.dumps(NAME)[1:-1])]
    files = [each for each in theatre.stage.data.rglob("*") if each.is_file()]
    assert not [each.name for each in files if any(secret in each.read_bytes() for secret in secrets)]


def test_a_stranger_is_sent_to_the_sign_in(theatre: Theatre, alert: str) -> None:
    """Without a session nothing is told, and nothing asked."""
    with httpx.Client(base_url=theatre.console, trust_env=False) as http:
        for answer in (http.get(f"/zh/identity/{alert}"), http.post(f"/zh/identity/{alert}/open", data={"grant": "x"})):
            assert answer.status_code == 303
            assert "/zh/login" in answer.headers["location"]
