"""The subscriptions of a node, as its signed control records say them."""

from __future__ import annotations

from typing import Any, ClassVar

from schemas.catalogue import Contracts
from schemas.errors import NotFoundError
from schemas.instants import format_instant
from security.control import Snapshot
from security.subjects import Principal, from_body
from services.node.masks import waiting

KIND = "subscription"
VIEW = "view"
DELIVERS = frozenset({VIEW, "work", "panorama"})
REQUEST = "request"
"""What the body of a subscription names that was asked for through the gateway: the number of the request."""


class UnknownSubscriptionError(NotFoundError):
    """The node has no such subscription, or it delivers no views."""

    code: ClassVar[str] = "subscription.unknown"


def principal_of(snapshot: Snapshot, name: str) -> Principal:
    """Return who receives by a subscription that delivers views; raises `UnknownSubscriptionError`."""
    record = snapshot.records.get((KIND, name))
    if record is None or record.value["delivers"] != VIEW:
        raise UnknownSubscriptionError(subscription=name)
    return from_body(record.value["principal"])


def listed(snapshot: Snapshot, contracts: Contracts) -> list[dict[str, Any]]:
    """Return every subscription as plain values: who, what for, until when, who approved it and where that stands.

    `waiting` are the fields that contracts would give now and nobody approved: they are left out of its views.
    """
    rows = []
    for (kind, name), record in sorted(snapshot.records.items()):
        if kind != KIND:
            continue
        body, principal = record.value, from_body(record.value["principal"])
        rows.append(
            {
                "id": name,
                "delivers": body["delivers"],
                "organisation": principal.organisation,
                "purpose": principal.purpose,
                "basis": body["basis"],
                "types": sorted(principal.event_types),
                "districts": list(principal.districts),
                "expires": None if principal.expires_at is None else format_instant(principal.expires_at),
                "epoch": record.epoch,
                "approvers": list(record.approvers),
                "audit_seq": record.audit_seq,
                "waiting": [refusal.as_dict() for refusal in waiting(body, contracts)],
            }
        )
    return rows


def asking(snapshot: Snapshot) -> dict[str, dict[str, frozenset[str]]]:
    """Return who asks for what, as `schemas.impact` wants it: consumer → event type → fields, none for every field.

    A subscription of the active models is left out: models count as themselves.
    """
    found = {}
    for name, body in snapshot.of(KIND).items():
        if not body["of_models"]:
            principal = from_body(body["principal"])
            found[f"{KIND} {name}"] = {t: principal.fields.get(t, frozenset()) for t in principal.event_types}
    return found
