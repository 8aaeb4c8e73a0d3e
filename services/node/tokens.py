"""Tokens of a node's sources and subscriptions: given and revoked on record, told to nobody but their asker."""

from __future__ import annotations

from security.audit.record import Entry
from security.receiver_key import ReceiverKey, receiver_key
from services.gateway.readers import APPLICANT, SUBSCRIPTION
from services.node.acting import By
from services.node.node import Node
from services.node.subscriptions import principal_of

BY_OPERATOR = By()


def issue(node: Node, source: str) -> str:
    """Make a token for a registered source; it is audited first and returned this once.

    Raises:
        UnknownSourceError: nobody registered the source.
    """
    organisation = node.sources.get(source).organisation
    node.audit.append([Entry(act="key", org=organisation, obj=source, data={"what": "token"})])
    return node.tokens.issue(source)


def withdraw(node: Node, source: str) -> int:
    """Revoke every token of a source, also one that is registered no more; return how many there were."""
    node.audit.append([Entry(act="key", obj=source, data={"what": "token revoked"})])
    return node.tokens.revoke(source)


def issue_to_subscription(node: Node, name: str, by: By = BY_OPERATOR) -> str:
    """Make a token that reads the views of a subscription; it is audited first and returned this once.

    Raises:
        UnknownSubscriptionError: the node has no such subscription that delivers views.
    """
    principal = principal_of(node.control.snapshot, name)
    _note(node, name, "receiver token", by, principal.organisation)
    return node.tokens.issue(SUBSCRIPTION + name)


def withdraw_from_subscription(node: Node, name: str, by: By = BY_OPERATOR) -> int:
    """Revoke every token of a subscription, also of one that has ended; return how many there were."""
    _note(node, name, "receiver token revoked", by)
    return node.tokens.revoke(SUBSCRIPTION + name)


def issue_to_applicant(node: Node, organisation: str, by: By = BY_OPERATOR) -> str:
    """Make a token by which an organisation reads the catalogue and asks for subscriptions; audited first.

    Raises:
        ActorError: the organisation's id is no code.
    """
    By(organisation)
    _note(node, organisation, "applicant token", by, organisation)
    return node.tokens.issue(APPLICANT + organisation)


def hand_out_key(node: Node, name: str, by: By = BY_OPERATOR) -> ReceiverKey:
    """Return the key that opens the sealed part of a subscription's views; handing it out is audited first.

    Raises:
        UnknownSubscriptionError: the node has no such subscription that delivers views.
    """
    principal = principal_of(node.control.snapshot, name)
    _note(node, name, "receiver key", by, principal.organisation)
    return receiver_key(node.keystore, name)


def _note(node: Node, name: str, what: str, by: By, organisation: str = "") -> None:
    entry = Entry(act="key", org=organisation, obj=name, ctl=node.control.epoch, data={"what": what})
    node.audit.append([by.did(entry)])
