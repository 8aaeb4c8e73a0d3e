"""A view never widens without an approval: a node refuses the wider site file until two people have signed for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from schemas.catalogue import Contracts
from schemas.clock import ManualClock
from schemas.instants import parse_instant
from security.audit.reading import read
from services.cli.node import app as node_app
from services.cli.subscription import app
from services.node.approval import WideningError
from services.node.approving import approve as approve_in
from services.node.establishment import subscription_body
from services.node.looking import control_state
from services.node.node import Node, open_node
from services.node.site import Site
from services.node.subscriptions import listed
from streams.control import Wanted
from tests.house.tree import ROOT

DEMO = ROOT / "deploy" / "site" / "demo.yaml"
NOW = parse_instant("2026-01-01T00:00:00Z")
COURT = "court-990103-execution"


def accounts() -> tuple[str, str]:
    """Return two people of the demonstration who are not of the court."""
    site = Site.load(DEMO)
    return site.accounts[0].id, site.accounts[-1].id


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A node made from the demonstration's site file, whose people have passwords."""
    site = Site.load(DEMO, Contracts.load())
    node = open_node(tmp_path / "data", site, clock=ManualClock(NOW))
    for account in site.accounts:
        node.accounts.set_password(account.id, f"the password of {account.id}")
    node.close()
    return tmp_path / "data"


def changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Write the site file with one change to the court's subscription."""
    document = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    change(next(entry for entry in document["subscriptions"] if entry["id"] == COURT))
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


def open_with(data: Path, site: Path) -> None:
    """Open the node by a site file and close it again."""
    open_node(data, Site.load(site, Contracts.load()), clock=ManualClock(NOW)).close()


def approve(data: Path, site: Path, *people: str, typed: str) -> Any:
    """Call the command."""
    named = [part for person in people for part in ("--approver", person)]
    return CliRunner().invoke(
        app, ["approve", COURT, "--site", str(site), "--data", str(data), *named, "--json"], typed
    )


def test_a_wider_file_takes_effect_only_when_two_people_have_signed(data: Path, tmp_path: Path) -> None:
    """Refused as a whole; approved, the signed record names both and its audit record; then the file opens."""
    site = changed(tmp_path, lambda entry: entry["fields"]["prison.admitted"].append("term_end"))
    before = control_state(data)
    with pytest.raises(WideningError) as refused:
        open_with(data, site)
    assert refused.value.fields["what"] == "prison.admitted.term_end"
    assert control_state(data).epoch == before.epoch

    done = approve(data, site, *accounts(), typed="".join(f"the password of {name}\n" for name in accounts()))
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.strip().splitlines()[-1])
    open_with(data, site)

    record = control_state(data).records["subscription", COURT]
    leaf = next(each.record for each in read(data / "audit") if each.seq == record.audit_seq)
    assert record.approvers == accounts()
    assert told["widens"] == ["prison.admitted.term_end"]
    assert (leaf.act, leaf.obj, leaf.data["approvers"]) == ("control", f"subscription/{COURT}", list(accounts()))


@pytest.mark.parametrize(
    ("people", "typed"),
    [
        (lambda: accounts()[:1], "the password of {0}\n"),
        (lambda: (accounts()[0], accounts()[0]), "the password of {0}\nthe password of {0}\n"),
        (lambda: (accounts()[0], "nobody"), "the password of {0}\nx\n"),
        (accounts, "the password of {0}\nwrong\n"),
    ],
)
def test_one_person_twice_or_a_wrong_password_approves_nothing(
    data: Path, tmp_path: Path, people: Callable[[], tuple[str, ...]], typed: str
) -> None:
    """Whatever is short of two people who prove who they are leaves the control state as it was."""
    site = changed(tmp_path, lambda entry: entry.update(clearance=4))
    before = control_state(data)

    done = approve(data, site, *people(), typed=typed.format(accounts()[0]))

    assert done.exit_code != 0
    assert control_state(data).epoch == before.epoch


def test_a_narrower_file_takes_effect_at_once(data: Path, tmp_path: Path) -> None:
    """Nobody is asked for less."""
    site = changed(tmp_path, lambda entry: entry.update(expires="2026-02-01"))

    open_with(data, site)

    assert control_state(data).epoch > 0
    assert control_state(data).records["subscription", COURT].approvers == ("site-file",)


def test_a_password_is_set_on_record(data: Path) -> None:
    """The act is in the log before the password holds; a name that nobody has is refused."""
    runner = CliRunner()
    done = runner.invoke(
        node_app, ["password", accounts()[0], "--data", str(data)], "another password\nanother password\n"
    )
    missing = runner.invoke(
        node_app, ["password", "nobody", "--data", str(data)], "another password\nanother password\n"
    )

    assert done.exit_code == 0, done.output
    assert missing.exit_code != 0
    told = [each.record for each in read(data / "audit") if each.record.act == "account"]
    assert [record.obj for record in told] == [accounts()[0]]


def test_what_a_new_version_would_give_waits_for_an_approval(data: Path) -> None:
    """A field beyond the approved mask is left out and listed, the site file does not bring it, two people do."""
    site, contracts = Site.load(DEMO, Contracts.load()), Contracts.load()
    node = open_node(data, clock=ManualClock(NOW))
    body = node.control.snapshot.of("subscription")[COURT]
    # As it was approved when the contract had no such field.
    del body["mask"]["prison.admitted"][1]["person"]
    node.control.change([Wanted("subscription", COURT, body)], ("then", "too"))
    node.close()

    node = open_node(data, site, clock=ManualClock(NOW))
    without = fields_of(node)
    rows = next(row["waiting"] for row in listed(node.control.snapshot, contracts) if row["id"] == COURT)
    wanted = next(each for each in site.subscriptions if each.id == COURT)
    named = [(name, f"the password of {name}") for name in accounts()]
    widens = approve_in(node, COURT, subscription_body(wanted), named)
    given = fields_of(node)
    node.close()

    assert [(row["path"], row["old"], row["consumers"]) for row in rows] == [("person", "never", (COURT,))]
    assert (given - without, without - given) == ({"person"}, set())
    assert widens == ("prison.admitted.person",)


def fields_of(node: Node) -> set[str]:
    """Return the fields of one type that the court's receiver asks for."""
    receiver = next(each for each in node.receivers if each.subscription == COURT)
    return set(receiver.principal.fields["prison.admitted"])
