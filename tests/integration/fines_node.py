"""A small node for the road fines example: one source, the four models, events that a test makes up."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from schemas.event import derived_id, sequence_of
from services.node.node import open_node
from services.node.site import Site
from services.node.tokens import issue
from tests.integration.node_process import ROOT

SITE = ROOT / "examples/road-fines/site.yaml"
MAPPING = ROOT / "examples/road-fines/mapping.yaml"
SOURCE = "roadpolice-IT/fines"
NDJSON = {"content-type": "application/x-ndjson"}
HEADER = (
    "seq,case_id,event_idx,concept:name,time:timestamp,lifecycle:transition,org:resource,amount,totalPaymentAmount,"
    "paymentAmount,expense,dismissal,vehicleClass,article,points,notificationType,lastSent,matricola"
)
"""The columns of the log."""


def prepare(data: Path) -> str:
    """Make the node in `data`, stop it cleanly and return the source's token."""
    node = open_node(data, Site.load(SITE))
    try:
        return issue(node, SOURCE)
    finally:
        node.close()


def fine(number: int) -> dict[str, Any]:
    """Return a `traffic.fine.created` event."""
    return {
        "specversion": "1.0",
        "id": str(uuid.UUID(bytes=derived_id(SOURCE, sequence_of(number)))),
        "type": "traffic.fine.created",
        "source": SOURCE,
        "subject": f"A{number}",
        "time": "2010-01-01T00:00:00Z",
        "district": "990100",
        "sequence": sequence_of(number),
        "data": {"case_id": f"A{number}", "amount_cents": 3500, "officer": "561"},
    }


def post(url: str, token: str, numbers: Sequence[int]) -> httpx.Response:
    """Publish fines as one batch."""
    body = "\n".join(json.dumps(fine(number)) for number in numbers)
    headers = {"authorization": f"Bearer {token}", **NDJSON}
    return httpx.post(f"{url}/v1/events", content=body, headers=headers, timeout=60, trust_env=False)


def row(number: int) -> str:
    """Return a row of the log: a created fine."""
    return f"{number},A{number},0,Create Fine,2006-07-24T00:00:00+02:00,complete,561,35.0,0.0,,,NIL,A,157,0,,,"
