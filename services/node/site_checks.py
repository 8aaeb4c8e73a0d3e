"""What a site's JSON Schema cannot say: ids stand once, names are registered, no source above the node's ceiling.

Every function takes the document with each district written out, and raises at the first place that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.catalogue import Contracts
from security.policy.roles import ROLES
from services.node.site_errors import AboveCeilingError, RepeatedIdError, UnknownNameError

Document = Mapping[str, Any]


def check_ids(document: Document, file: str) -> None:
    """Refuse an id that stands twice in its section."""
    for section in ("organisations", "sources", "subscriptions", "accounts"):
        seen: set[str] = set()
        for index, entry in enumerate(document[section]):
            if entry["id"] in seen:
                raise RepeatedIdError(file=file, path=f"/{section}/{index}/id")
            seen.add(entry["id"])
    _check_logs(document, file)


def _check_logs(document: Document, file: str) -> None:
    """Refuse a worker whose name another log of the site bears: each log has one writer."""
    node = document["node"]
    seen = {node["name"], *(entry.get("gateway", "") for entry in document["sources"])}
    for kind in ("release", "supervise"):
        for index, name in enumerate(node.get(kind, ())):
            if name in seen:
                raise RepeatedIdError(file=file, path=f"/node/{kind}/{index}")
            seen.add(name)


def check_references(document: Document, file: str) -> None:
    """Refuse zones, organisations, sources and roles that nobody knows, and sources above the node's ceiling."""
    try:
        ZoneInfo(document["node"]["zone"])
    except (ZoneInfoNotFoundError, ValueError):
        raise UnknownNameError(file=file, path="/node/zone") from None
    organisations = {entry["id"] for entry in document["organisations"]}
    for section in ("sources", "subscriptions", "accounts"):
        for index, entry in enumerate(document[section]):
            if entry["organisation"] not in organisations:
                raise UnknownNameError(file=file, path=f"/{section}/{index}/organisation")
    for index, entry in enumerate(document["sources"]):
        if entry["ceiling"] > document["node"]["ceiling"]:
            raise AboveCeilingError(file=file, path=f"/sources/{index}/ceiling")
    sources = {entry["id"] for entry in document["sources"]}
    for index, entry in enumerate(document["accounts"]):
        if entry.get("publishes", "") not in sources | {""}:
            raise UnknownNameError(file=file, path=f"/accounts/{index}/publishes")
        if entry["role"] not in ROLES:
            raise UnknownNameError(file=file, path=f"/accounts/{index}/role")


def check_contracts(document: Document, contracts: Contracts, file: str) -> None:
    """Refuse event types and fields that no contract has, and a choice of fields that is not of exactly its types."""
    known = {contract.type: {field.name for field in contract.fields} for contract in contracts.all()}
    for section in ("sources", "subscriptions", "accounts"):
        for index, entry in enumerate(document[section]):
            for place, event_type in enumerate(entry.get("types", ())):
                if event_type not in known:
                    raise UnknownNameError(file=file, path=f"/{section}/{index}/types/{place}")
    for index, entry in enumerate(document["subscriptions"]):
        wanted = entry.get("fields", {})
        if wanted and set(wanted) != set(entry.get("types", ())):
            raise UnknownNameError(file=file, path=f"/subscriptions/{index}/fields")
        for event_type, fields in wanted.items():
            if not known[event_type].issuperset(fields):
                raise UnknownNameError(file=file, path=f"/subscriptions/{index}/fields/{event_type}")
