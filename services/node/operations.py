"""What an operator does at a node, running or stopped: tokens and sources. One interface, two ways.

`at_node` asks a running node over loopback, by the access it offers in its data directory, and opens a stopped one
itself. Either way the act is in the node's audit log before its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from services.gateway.answers import told
from services.node.acting import By
from services.node.node import Node, open_node
from services.node.operator import running
from services.node.registration import registration
from services.node.source_ending import end_source
from services.node.tokens import issue, withdraw

Acts = TypeVar("Acts")


class Operations(Protocol):
    """The acts."""

    def issue(self, source: str) -> str:
        """Make a token for a source."""
        ...

    def withdraw(self, source: str) -> int:
        """Revoke the tokens of a source; return how many there were."""
        ...

    def register(self, fragment: Mapping[str, Any], approvers: Sequence[str]) -> dict[str, Any]:
        """Register a source; return the epoch and whether anything changed."""
        ...

    def end(self, source: str, by: By) -> int:
        """End a source; return the epoch from which it publishes no more."""
        ...


class Opened:
    """The acts at a node that this process has open; `between` runs what must not meet the worker half-way."""

    def __init__(self, node: Node, between: Callable[[Callable[[], None]], None] = lambda work: work()) -> None:
        self._node, self._between = node, between

    def issue(self, source: str) -> str:
        """Make a token."""
        return issue(self._node, source)

    def withdraw(self, source: str) -> int:
        """Revoke tokens."""
        return withdraw(self._node, source)

    def register(self, fragment: Mapping[str, Any], approvers: Sequence[str]) -> dict[str, Any]:
        """Register a source: signed, audited, and in force when this returns."""
        node = self._node
        wanted = registration(fragment, node.control.snapshot, node.contracts, approvers)
        before = node.control.epoch

        def change() -> None:
            node.change([wanted], approvers)

        self._between(change)
        return {"source": wanted.key, "epoch": node.control.epoch, "changed": node.control.epoch - before}

    def end(self, source: str, by: By) -> int:
        """End a source."""
        return end_source(self._node, source, by, self._between)


class Asked:
    """The acts at a running node, asked for over loopback."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def issue(self, source: str) -> str:
        """Make a token."""
        return str(self._post("tokens", {"source": source})["token"])

    def withdraw(self, source: str) -> int:
        """Revoke tokens."""
        return int(self._post("tokens/revoke", {"source": source})["revoked"])

    def register(self, fragment: Mapping[str, Any], approvers: Sequence[str]) -> dict[str, Any]:
        """Register a source."""
        return self._post("sources", {"fragment": dict(fragment), "approvers": list(approvers)})

    def end(self, source: str, by: By) -> int:
        """End a source."""
        return int(self._post("sources/end", {"source": source, "actor": by.actor, "purpose": by.purpose})["epoch"])

    def _post(self, act: str, body: dict[str, Any]) -> dict[str, Any]:
        return told(self._client.post(f"/v1/operator/{act}", json=body))


def at_node(root: Path) -> AbstractContextManager[Operations]:
    """Act at the node of `root`, running or stopped; raises as `at` does."""
    return at(root, Asked, Opened)


@contextmanager
def at(root: Path, asked: Callable[[httpx.Client], Acts], opened: Callable[[Node], Acts]) -> Iterator[Acts]:
    """Act at the node of `root`: by `asked` where it runs, by `opened` where it is stopped.

    Raises:
        NoNodeError: there is none. NodeLockedError: another command has it open.
    """
    client = running(root)
    if client is not None:
        with closing(client):
            yield asked(client)
        return
    node = open_node(root)
    try:
        yield opened(node)
    finally:
        node.close()
