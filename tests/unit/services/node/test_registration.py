"""Registering a source from a reviewed fragment: two persons, the site file's own schema, nothing above the ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.catalogue import Contracts
from schemas.errors import CasebusError
from security.audit.reading import read
from services.gateway.source import UnknownSourceError
from services.node.node import open_node
from services.node.operations import Opened, at_node
from services.node.operator import Access, access_to, new_access, offered
from services.node.registration import registration
from services.node.site import Site
from tests.integration.fines_node import SITE

TWO = ("zhang", "li")
ORGANISATION = {"id": "market-990100", "agency": "market", "district": "990100", "zh": "市场监管", "en": "Market"}
SOURCE: dict[str, Any] = {
    "id": "market-990100/complaints",
    "organisation": "market-990100",
    "districts": ["9901"],
    "types": ["market.complaint.received"],
    "ceiling": 2,
    "limits": {"rate": 50},
}
FRAGMENT = {"organisation": ORGANISATION, "source": SOURCE}


def test_a_registered_source_speaks_at_once(tmp_path: Path) -> None:
    """Signed and audited with its approvers, in force without a restart, its limits too; twice changes nothing."""
    node = open_node(tmp_path / "data", Site.load(SITE))
    try:
        acts = Opened(node)
        with pytest.raises(UnknownSourceError):
            acts.issue(SOURCE["id"])
        first, second = acts.register(FRAGMENT, TWO), acts.register(FRAGMENT, TWO)
        token = acts.issue(SOURCE["id"])
        source = node.sources.get(SOURCE["id"])
        approvers = node.control.snapshot.records["source", SOURCE["id"]].approvers
        owner = node.tokens.who(token)
    finally:
        node.close()
    with at_node(tmp_path / "data") as stopped:
        gone = stopped.withdraw(SOURCE["id"])

    assert (first["changed"], second["changed"], gone, owner) == (1, 0, 1, SOURCE["id"])
    assert (source.agency, source.limits.rate, tuple(approvers)) == ("market", 50, TWO)
    signed = [e.record for e in read(tmp_path / "data" / "audit") if e.record.obj == f"source/{SOURCE['id']}"]
    assert [(entry.act, entry.data["approvers"]) for entry in signed] == [("control", list(TWO))]


@pytest.mark.parametrize(
    ("changes", "approvers", "code"),
    [
        ({}, ("zhang",), "registration.approvers"),
        ({}, ("zhang", "zhang", " "), "registration.approvers"),
        ({"ceiling": 4}, TWO, "site.above_ceiling"),
        ({"types": ["no.such.type"]}, TWO, "site.unknown_name"),
        ({"id": "other-990100/complaints"}, TWO, "site.unknown_name"),
        ({"organisation": "other"}, TWO, "site.unknown_name"),
        ({"districts": []}, TWO, "site.invalid"),
        ({"limits": {"rate": 0}}, TWO, "site.invalid"),
        ({"secret": "x"}, TWO, "site.invalid"),
    ],
)
def test_what_may_not_be_registered(
    tmp_path: Path, changes: dict[str, Any], approvers: tuple[str, ...], code: str
) -> None:
    """Each with its code; nothing changed."""
    node = open_node(tmp_path / "data", Site.load(SITE))
    try:
        epoch = node.control.epoch
        with pytest.raises(CasebusError) as refused:
            Opened(node).register({**FRAGMENT, "source": {**SOURCE, **changes}}, approvers)
        assert (refused.value.code, node.control.epoch) == (code, epoch)
    finally:
        node.close()


def test_a_name_stays_with_its_organisation(tmp_path: Path) -> None:
    """A source of one kind of agency is not taken over by another."""
    node = open_node(tmp_path / "data", Site.load(SITE))
    try:
        taken = {"organisation": {**ORGANISATION, "id": "roadpolice-IT"}, "source": {**SOURCE}}
        taken["source"] |= {"id": "roadpolice-IT/fines", "organisation": "roadpolice-IT"}
        with pytest.raises(CasebusError) as refused:
            registration(taken, node.control.snapshot, Contracts.load(), TWO)
    finally:
        node.close()

    assert refused.value.code == "registration.taken"


def test_access_is_private_and_of_one_start(tmp_path: Path) -> None:
    """The file is 0600 while the node serves and gone afterwards; another start's token does not fit."""
    access = new_access(8470)
    with offered(tmp_path, access):
        found = access_to(tmp_path)
        mode = (tmp_path / "operator.json").stat().st_mode & 0o777

    assert (found, mode, access_to(tmp_path)) == (access, 0o600, None)
    assert access.fits(access.token)
    assert not Access(8470, new_access(8470).token).fits(access.token)
