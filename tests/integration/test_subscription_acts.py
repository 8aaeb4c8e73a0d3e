"""Subscriptions end, and are acted on while the node runs: each act audited with who and what for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from schemas.catalogue import Contracts
from schemas.clock import ManualClock
from schemas.instants import parse_instant
from security.audit.reading import read
from services.cli.subscription import app
from services.node.approving import NodesOwnError, end
from services.node.looking import control_state
from services.node.node import open_node
from services.node.site import Site
from services.simulator.city import simulate
from tests.integration.demonstration import DEMO, running_node, site_file
from tests.integration.node_process import NodeProcess
from tests.interop.reading_node import EXECUTION as COURT
from tests.interop.reading_node import FILING

pytestmark = pytest.mark.timeout(150)

BY = ("--actor", "wang", "--purpose", "onboarding")
PEOPLE = ("prosecutor", "security")


def for_long(document: dict[str, Any]) -> None:
    """Let every subscription of a site file be good for long."""
    for each in document["subscriptions"]:
        each["expires"] = "2099-01-01"


def without(name: str) -> Callable[[dict[str, Any]], None]:
    """Return what takes a subscription out of a site file."""

    def change(document: dict[str, Any]) -> None:
        document["subscriptions"] = [each for each in document["subscriptions"] if each["id"] != name]

    return change


@pytest.fixture
def running(tmp_path: Path) -> Iterator[NodeProcess]:
    """A node of the demonstration in a process of its own, whose people have passwords."""
    with running_node(tmp_path, site_file(tmp_path, for_long), PEOPLE) as process:
        yield process


def command(process: NodeProcess, *words: str, typed: str = "") -> Result:
    """Call `casebus subscription` on the node's directory."""
    return CliRunner().invoke(app, [*words, "--data", str(process.data), "--json"], typed)


def told(done: Result) -> dict[str, Any]:
    """Return the document of a command that did what it was asked for."""
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def asked(process: NodeProcess, token: str, name: str = COURT) -> tuple[int, str]:
    """Ask for a page; return the status and the code of a refusal."""
    answer = httpx.get(
        f"{process.url}/v1/subscriptions/{name}/events",
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
    )
    return answer.status_code, answer.json().get("code", "")


@contextmanager
def streaming(process: NodeProcess, token: str) -> Iterator[Iterator[str]]:
    """Open a stream and give its lines."""
    url, headers = f"{process.url}/v1/subscriptions/{COURT}/stream", {"authorization": f"Bearer {token}"}
    with httpx.stream("GET", url, headers=headers, timeout=40, trust_env=False) as answer:
        yield answer.iter_lines()


def test_tokens_keys_ends_and_approvals_at_a_node_that_runs(running: NodeProcess, tmp_path: Path) -> None:
    """No stop: token and key work at once, an end is refused with its code, two people bring it back, all on record."""
    token = told(command(running, "token", COURT, *BY))["token"]
    told(command(running, "key", COURT, "--out", str(tmp_path / "key"), *BY))
    taken = asked(running, token)
    with streaming(running, token) as lines:
        assert next(lines).startswith("retry: ")
        ended = told(command(running, "end", COURT, *BY))
        data = next(line for line in lines if line.startswith("data: "))
    after = asked(running, token)
    catalogue = httpx.get(f"{running.url}/v1/catalogue", headers={"authorization": f"Bearer {token}"}, trust_env=False)
    site = str(tmp_path / "site.yaml")
    named = [part for person in PEOPLE for part in ("--approver", person)]
    one = command(running, "approve", COURT, "--site", site, *named[:2], typed="the password of prosecutor\n")
    wrong = command(running, "approve", COURT, "--site", site, *named, typed="the password of prosecutor\nguess\n")
    still = asked(running, token)
    right = "".join(f"the password of {name}\n" for name in PEOPLE)
    back = told(command(running, "approve", COURT, "--site", site, *named, typed=right))
    again = asked(running, token)
    revoked = told(command(running, "token", COURT, "--revoke", *BY))
    gone = asked(running, token)
    own = command(running, "end", "panorama", *BY)
    odd = command(running, "token", COURT, "--actor", "a b")

    assert (taken[0], again[0], revoked["revoked"], gone) == (200, 200, 1, (401, "gateway.token"))
    assert json.loads(data.removeprefix("data: "))["code"] == "subscription.ended"
    assert after == still == (410, "subscription.ended")
    assert (catalogue.status_code, catalogue.json()["code"]) == (401, "gateway.token")
    refusals = ["subscription.approvers", "identity.sign_in", "subscription.nodes_own", "node.actor"]
    assert [getattr(done.exception, "code", "") for done in (one, wrong, own, odd)] == refusals
    assert back["epoch"] == ended["epoch"] + 1
    assert (tmp_path / "key").read_text(encoding="ascii").strip()
    assert running.stop() == 0
    assert control_state(running.data).records["subscription", COURT].approvers == PEOPLE
    records = [each.record for each in read(running.data / "audit") if each.record.obj == COURT]
    acts = [(r.actor, r.purpose, r.data["what"]) for r in records if r.act in {"key", "subscription"}]
    whats = ["receiver token", "receiver key", "ended", "receiver token revoked"]
    assert acts == [("wang", "onboarding", what) for what in whats]
    assert [(r.why, r.ctl) for r in records if r.act == "refuse"] == [("subscription.ended", ended["epoch"])] * 3
    control = [r for r in read(running.data / "audit") if r.record.act == "control" and r.record.ctl >= ended["epoch"]]
    assert [(r.record.actor, r.record.data["removed"]) for r in control] == [("wang", True), ("prosecutor", False)]


def test_what_the_site_file_has_no_more_ends_and_nothing_is_decided_for_it(tmp_path: Path) -> None:
    """From the epoch of its end on no manifest names it; before, some did; the others go on; it is on record."""
    city = simulate(1, 40)
    half = len(city.deliveries) // 2
    clock = ManualClock(parse_instant("2026-01-01T00:00:00Z"))
    for part, site in (
        (city.deliveries[:half], DEMO),
        (city.deliveries[half:], site_file(tmp_path, without(COURT))),
    ):
        clock.advance_to(part[0].at_us)
        node = open_node(tmp_path / "data", Site.load(site, Contracts.load()), clock=clock)
        for delivery in part:
            clock.advance_to(delivery.at_us)
            if delivery.event is not None:
                node.door.accept(delivery.source, [delivery.event])
        node.pump()
        epoch = node.control.epoch
        with pytest.raises(NodesOwnError):
            end(node, "supervision")
        node.close()

    assert ("subscription", COURT) not in control_state(tmp_path / "data").records
    records = [each.record for each in read(tmp_path / "data" / "audit")]
    (control,) = [r for r in records if r.act == "control" and r.data["removed"]]
    assert (control.obj, control.actor, control.ctl) == (f"subscription/{COURT}", "site-file", epoch)
    decided = {name: [r.ctl for r in records if r.act == "release" and r.obj == name] for name in (COURT, FILING)}
    assert max(decided[COURT]) < epoch
    assert min(decided[FILING]) < epoch <= max(decided[FILING])
