"""What reaches the gateway: an event, a heartbeat or a declaration of completeness, with the moment it arrives."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.simulator.courier import Sent
from services.simulator.days import utc_text

Kind = Literal["event", "heartbeat", "complete_to"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One arrival.

    Attributes:
        at_us: when it arrives, simulated microseconds.
        source: the organisation system that speaks.
        event: the CloudEvents JSON of an event; None otherwise.
        mark: up to when the source says it is complete, microseconds; None for an event.
    """

    at_us: int
    source: str
    kind: Kind
    event: Mapping[str, Any] | None = None
    mark: int | None = None

    def as_line(self) -> str:
        """Render one line of the events file."""
        document: dict[str, Any] = {"at_us": self.at_us, "source": self.source, "kind": self.kind}
        if self.event is not None:
            document["event"] = self.event
        if self.mark is not None:
            document["mark"] = self.mark
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str) -> Delivery:
        """Read one line of the events file."""
        return cls(**json.loads(line))


def cloudevent(sent: Sent) -> dict[str, Any]:
    """Render an event as CloudEvents 1.0 structured JSON, the way its organisation publishes it."""
    planned = sent.planned
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(uuid.UUID(bytes=sent.id)),
        "type": planned.type,
        "source": planned.source,
        "subject": planned.subject,
        "time": utc_text(planned.at_us),
        "datacontenttype": "application/json",
        "district": planned.district,
        "sequence": sent.sequence,
        "data": dict(planned.data),
    }
    if planned.flags:
        document["flags"] = ",".join(planned.flags)
    return document
