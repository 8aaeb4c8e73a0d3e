"""Ending a source: it publishes no more, from the epoch of a signed record on, and its tokens open nothing."""

from __future__ import annotations

from security.audit.record import Entry
from services.gateway.source import UnknownSourceError
from services.node.acting import By
from services.node.approving import Between, at_once
from services.node.node import Node
from services.node.standing import SOURCE
from services.node.tokens import withdraw
from streams.control import Wanted


def end_source(node: Node, name: str, by: By, between: Between = at_once) -> int:
    """End a source from the next epoch on, and return that epoch; the act is audited first, its tokens are revoked.

    What it was given receipts for stays, and takes effect. One that the site file names comes back with the file.

    Raises:
        UnknownSourceError: nobody registered it.
    """
    organisation = node.sources.get(name).organisation
    entry = Entry(act="source", org=organisation, obj=name, ctl=node.control.epoch, data={"what": "ended"})
    node.audit.append([by.did(entry)])

    def change() -> None:
        if (SOURCE, name) not in node.control.snapshot.records:
            raise UnknownSourceError(source=name)  # somebody else ended it meanwhile
        node.change([Wanted(SOURCE, name, None)], (by.actor,))

    between(change)
    withdraw(node, name)
    return node.control.epoch
