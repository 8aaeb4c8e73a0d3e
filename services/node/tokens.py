"""Tokens of a node's sources: given and revoked on record, the token itself told to nobody but its asker."""

from __future__ import annotations

from security.audit.record import Entry
from services.node.node import Node


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
