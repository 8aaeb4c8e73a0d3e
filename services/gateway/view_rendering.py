"""A view as a CloudEvent in JSON, in one of two forms.

- `avro`: `data_base64` holds the framed view as it stands on the topic; the sealed part opens only from these bytes.
- `json`: `data` holds the open fields, for people and for readers that need no more; `sealed` says that there is more.

A notice about an event that no longer stands has neither: its `supersedes` names the event.
"""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, date, datetime
from typing import Any, Literal

from schemas.instants import EPOCH, MICROSECOND, format_instant
from security.view_schema import SEALED, WITHHELD, ViewRegistry
from security.views import read_view
from streams.bus.port import Stored
from streams.runners.releasing import MANIFEST

Form = Literal["json", "avro"]
ATTRIBUTE = "ce_"


def cloudevent(view: Stored, form: Form, registry: ViewRegistry) -> dict[str, Any]:
    """Render one view; `offset` is its place in the topic, `manifest` the audit record (node/number) that allowed it.

    Raises `UnknownViewError`, `SealBrokenError` for a record that is no view.
    """
    headers = {name: value.decode() for name, value in view.headers}
    event: dict[str, Any] = {
        name.removeprefix(ATTRIBUTE): value for name, value in headers.items() if name.startswith(ATTRIBUTE)
    }
    event["offset"] = view.offset
    event["manifest"] = headers.get(MANIFEST, "")
    if not view.value:
        return event  # a notice: an event this subscription holds no longer stands, and that is all it says
    if form == "avro":
        event["datacontenttype"] = headers.get("content-type", "")
        event["data_base64"] = base64.b64encode(view.value).decode()
        return event
    said = read_view(view.value, registry, None, uuid.UUID(event["id"]).bytes)
    event["datacontenttype"] = "application/json"
    event["sealed"] = said.pop(SEALED)
    event["withheld"] = [{"field": field, "reason": reason} for field, reason in said.pop(WITHHELD)]
    event["data"] = {name: _plain(value) for name, value in said.items()}
    return event


def _plain(value: Any) -> Any:
    """Return a decoded Avro value as publishers write it in JSON."""
    if isinstance(value, dict):
        return {name: _plain(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return format_instant((value.astimezone(UTC) - EPOCH) // MICROSECOND)
    return value.isoformat() if isinstance(value, date) else value
