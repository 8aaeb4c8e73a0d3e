"""What an operator does about subscriptions at a node, running or stopped: tokens, keys, approvals, ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx

from services.gateway.answers import told
from services.node.acting import By
from services.node.approving import Between, approve, at_once, end
from services.node.node import Node
from services.node.operations import at
from services.node.tokens import hand_out_key, issue_to_applicant, issue_to_subscription, withdraw_from_subscription

Named = Sequence[tuple[str, str]]
"""Accounts that approve, each with its password."""


class SubscriptionOperations(Protocol):
    """The acts; each is in the node's audit log, with its actor and purpose, before its answer."""

    def issue(self, name: str, by: By) -> str:
        """Make a token that reads a subscription."""
        ...

    def withdraw(self, name: str, by: By) -> int:
        """Revoke the tokens of a subscription; return how many there were."""
        ...

    def key(self, name: str, by: By) -> str:
        """Return the key of a subscription, hex."""
        ...

    def approve(self, name: str, body: Mapping[str, Any], named: Named) -> dict[str, Any]:
        """Put a subscription in force that two people approve; return `widens` and `epoch`."""
        ...

    def end(self, name: str, by: By) -> int:
        """End a subscription; return the epoch from which it is no more."""
        ...

    def invite(self, organisation: str, by: By) -> str:
        """Make a token by which an organisation reads the catalogue and asks for subscriptions."""
        ...


class Opened:
    """The acts at a node that this process has open."""

    def __init__(self, node: Node, between: Between = at_once) -> None:
        self._node, self._between = node, between

    def issue(self, name: str, by: By) -> str:
        """Make a token."""
        return issue_to_subscription(self._node, name, by)

    def withdraw(self, name: str, by: By) -> int:
        """Revoke tokens."""
        return withdraw_from_subscription(self._node, name, by)

    def key(self, name: str, by: By) -> str:
        """Return a key."""
        return hand_out_key(self._node, name, by).key.hex()

    def approve(self, name: str, body: Mapping[str, Any], named: Named) -> dict[str, Any]:
        """Put in force."""
        what = approve(self._node, name, body, named, self._between)
        return {"widens": list(what), "epoch": self._node.control.epoch}

    def end(self, name: str, by: By) -> int:
        """End one."""
        return end(self._node, name, by, self._between)

    def invite(self, organisation: str, by: By) -> str:
        """Make a token that asks."""
        return issue_to_applicant(self._node, organisation, by)


class Asked:
    """The acts at a running node, asked for over loopback."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def issue(self, name: str, by: By) -> str:
        """Make a token."""
        return str(self._post(f"{name}/token", by)["token"])

    def withdraw(self, name: str, by: By) -> int:
        """Revoke tokens."""
        return int(self._post(f"{name}/token/revoke", by)["revoked"])

    def key(self, name: str, by: By) -> str:
        """Return a key."""
        return str(self._post(f"{name}/key", by)["key"])

    def approve(self, name: str, body: Mapping[str, Any], named: Named) -> dict[str, Any]:
        """Put in force."""
        approvers = [{"account": account, "password": password} for account, password in named]
        return self._told(f"{name}/approve", {"body": dict(body), "approvers": approvers})

    def end(self, name: str, by: By) -> int:
        """End one."""
        return int(self._post(f"{name}/end", by)["epoch"])

    def invite(self, organisation: str, by: By) -> str:
        """Make a token that asks."""
        return str(self._post(f"{organisation}/invite", by)["token"])

    def _post(self, act: str, by: By) -> dict[str, Any]:
        return self._told(act, {"actor": by.actor, "purpose": by.purpose})

    def _told(self, act: str, body: dict[str, Any]) -> dict[str, Any]:
        return told(self._client.post(f"/v1/operator/subscriptions/{act}", json=body))


@contextmanager
def subscriptions_at(root: Path) -> Iterator[SubscriptionOperations]:
    """Act at the node of `root`, running or stopped; raises as `operations.at_node` does."""
    opened: AbstractContextManager[SubscriptionOperations] = at(root, Asked, Opened)
    with opened as found:
        yield found
