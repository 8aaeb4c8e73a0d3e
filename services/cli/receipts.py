"""Receipts, verified offline: no network, no node, the key that the publisher kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from schemas.errors import UsageError
from schemas.instants import format_instant
from services.cli.trust import content_of
from services.gateway.receipt import Receipt, verify


class NotReceiptError(UsageError):
    """A file holds no receipt, or no key."""

    code: ClassVar[str] = "agency.not_receipt"


def verified(file: Path, key: Path, event: Path | None) -> dict[str, Any]:
    """Verify a receipt by the saved key, and where `event` is given for its very bytes; no network.

    Raises:
        UnreadableError, NotReceiptError: a file cannot be read, or holds something else.
    """
    try:
        document = json.loads(content_of(file))
        receipt = msgspec.convert(document.get("receipt", document), Receipt)
        public_key = bytes.fromhex(json.loads(content_of(key))["public_key"])
    except (ValueError, KeyError, AttributeError, TypeError, msgspec.ValidationError):
        raise NotReceiptError from None
    body = content_of(event) if event is not None else None
    statement = receipt.statement
    return {
        "verifies": verify(receipt, public_key, body),
        "id": statement.id,
        "source": statement.source,
        "node": statement.node,
        "seq": statement.seq,
        "at": format_instant(statement.at),
        "body_checked": body is not None,
    }
