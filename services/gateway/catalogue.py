"""The catalogue as its readers see it: the resource directory, and a page of data for each event type. No HTTP in it.

Everybody with a token reads what is shared and under which labels. Who receives a type, for what and with which fields
is shown to those who publish it, for their data is asked for; anybody else sees how many there are, and itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from schemas.catalogue import Contracts
from schemas.cloudevents import render
from schemas.contract import Contract
from schemas.directory import Entry, directory, field_table
from schemas.examples import example
from services.gateway.readers import Reader
from services.gateway.source import Source, Sources
from streams.receivers import Deciding


class Catalogue:
    """Answers by the contracts and the present control state."""

    def __init__(self, contracts: Contracts, sources: Sources, receivers: Callable[[], Sequence[Deciding]]) -> None:
        self.contracts = contracts
        self._sources, self._receivers = sources, receivers
        self._entries = directory(contracts)

    def entries(self, theme: str = "", owner: str = "") -> list[Entry]:
        """Return the entries of the directory, those of one theme or one owner only where it is named."""
        return [e for e in self._entries if theme in {"", e.theme} and owner in {"", e.owner}]

    def page(self, reader: Reader, event_type: str) -> dict[str, Any]:
        """Return what there is to say about an event type; raises `UnknownTypeError`."""
        contract = self.contracts.by_type(event_type)
        entry = next(each for each in self._entries if each.type == event_type)
        producers = [source for source in self._sources.all() if event_type in source.types]
        consumers = [r for r in self._receivers() if event_type in r.principal.event_types]
        asked = any(source.organisation == reader.organisation for source in producers)
        shown = [r for r in consumers if asked or r.principal.organisation == reader.organisation]
        return {
            **asdict(entry),
            "themes": list(contract.themes),
            "versions": [{"version": c.version, "schema_id": c.id} for c in self.contracts.versions(event_type)],
            "field_table": [asdict(row) for row in field_table(contract)],
            "producers": [_producer(source) for source in producers],
            "consumers": [_consumer(each, contract) for each in shown],
            "consumers_in_all": len(consumers),
            "example": render(example(contract), contract),
        }


def _producer(source: Source) -> dict[str, Any]:
    return {"source": source.id, "organisation": source.organisation, "districts": list(source.districts)}


def _consumer(receiver: Deciding, contract: Contract) -> dict[str, Any]:
    principal = receiver.principal
    names = [f.name for f in contract.fields if principal.wants(contract.type, f.name)]
    return {
        "subscription": principal.id,
        "organisation": principal.organisation,
        "purpose": principal.purpose,
        "fields": names,
        "districts": list(principal.districts),
    }
