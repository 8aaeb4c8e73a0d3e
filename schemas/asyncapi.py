"""The catalogue as an AsyncAPI 3.0 document: what the bus takes and delivers, each message with its Avro schema.

The document describes the bus: it receives events at the gateway and sends views. A view holds the allowed fields of a
message; its own schema comes from the registry under the id of the record.
"""

from __future__ import annotations

from typing import Any

from schemas.catalogue import Contracts
from schemas.codes import code_list
from schemas.contract import Contract

ASYNCAPI = "3.0.0"
AVRO = "application/vnd.apache.avro+json;version=1.9.0"
EVENT = "application/cloudevents+json"
HEADERS = {
    "ce_id": "UUID of the event",
    "ce_type": "event type",
    "ce_source": "organisation system that published it",
    "ce_time": "when it happened, RFC 3339",
    "ce_subject": "primary case reference",
}


def asyncapi(contracts: Contracts, version: str, *, title: str = "casebus") -> dict[str, Any]:
    """Return the document for the newest version of every event type; `version` is the catalogue's."""
    newest = [contracts.by_type(event_type) for event_type in contracts.types()]
    messages = {c.type: {"$ref": f"#/components/messages/{c.type}"} for c in newest}
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": title,
            "version": version,
            "description": "Case events of justice and administrative agencies, shared under classification rules.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": EVENT,
        "channels": {
            "published": {
                "address": "/v1/events",
                "title": "What agencies publish",
                "description": "One CloudEvent or a batch, posted to the gateway.",
                "messages": messages,
            },
            "view": {
                "address": "casebus.view.{subscription}",
                "title": "What a subscriber receives",
                "description": "The view of one subscription: allowed fields only, one event a record.",
                "parameters": {"subscription": {"description": "Id of the subscription."}},
                "messages": messages,
            },
        },
        "operations": {
            "receivePublished": {"action": "receive", "channel": {"$ref": "#/channels/published"}},
            "sendView": {"action": "send", "channel": {"$ref": "#/channels/view"}},
        },
        "components": {"messages": {c.type: _message(c) for c in newest}},
    }


def _message(contract: Contract) -> dict[str, Any]:
    owner = contract.owner or contract.agency
    themes = code_list("theme")
    tags = [
        {"name": t, "description": f"{themes[t].zh} / {themes[t].en}" if t in themes else t} for t in contract.themes
    ]
    return {
        "name": contract.type,
        "title": f"{contract.zh} / {contract.en}",
        "summary": str(contract.schema.get("doc", "")),
        "contentType": EVENT,
        "headers": {
            "type": "object",
            "properties": {name: {"type": "string", "description": said} for name, said in HEADERS.items()},
        },
        "payload": {"schemaFormat": AVRO, "schema": _named_apart(contract.schema)},
        "tags": tags,
        "x-casebus-version": contract.version,
        "x-casebus-schema-id": contract.id,
        "x-casebus-level": contract.level,
        "x-casebus-owner": owner,
        "x-casebus-publishers": list(contract.publishers or (owner,)),
        "x-casebus-share": contract.share,
    }


def _named_apart(schema: Any) -> Any:
    """Write a full name as name and namespace: the same Avro, and the one form that AsyncAPI's schema knows."""
    if isinstance(schema, list):
        return [_named_apart(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    apart = dict(schema)
    if "." in str(apart.get("name", "")):
        apart["namespace"], _, apart["name"] = apart["name"].rpartition(".")
    for key in ("type", "items"):
        if isinstance(apart.get(key), dict | list):
            apart[key] = _named_apart(apart[key])
    if isinstance(apart.get("fields"), list):
        apart["fields"] = [_named_apart(field) for field in apart["fields"]]
    return apart
