"""History for a back-test: what one raw batch releases to a set of models, as facts.

The same decision and the same fields as a live subscription, made for replay: what does not depend on the single event
(decision, projection, classes to open) is worked out once per (contract, flags, district), and an event whose fields
all stand in its header is not opened at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.catalogue import Contracts
from security.batch import Header, OpenedBatch
from security.policy.guards import guards_of
from security.policy.table import DecisionTable
from streams.receivers import fact
from streams.supervision.fact import Fact


class Way(NamedTuple):
    """How events of one shape are read: whether at all, which classes to open, and what reads the fields."""

    visible: bool
    classes: tuple[int, ...]
    project: Callable[[Sequence[bytes | None]], dict[str, Any]] | None


HIDDEN = Way(visible=False, classes=(), project=None)


@dataclass
class Replay:
    """Reads batches for one principal; `seen` keeps repeats and conflicting second payloads out, as release does."""

    table: DecisionTable
    contracts: Contracts
    seen: dict[str, set[bytes]] = field(default_factory=dict)
    _ways: dict[tuple[int, frozenset[str], str, bool], Way] = field(default_factory=dict)

    def facts(self, batch: OpenedBatch) -> list[Fact]:
        """Return the facts that the principal gets of a batch, in its order."""
        taken: list[Fact] = []
        all_flags, ways = batch.flags(), self._ways
        types = self.table.principal.event_types
        expires = self.table.principal.expires_at
        for position, header in enumerate(batch.headers):
            ids = self.seen.get(header.source)
            if ids is None:
                ids = self.seen[header.source] = set()
            if header.id in ids:
                continue
            ids.add(header.id)
            if header.type not in types:
                continue
            flags = all_flags[position]
            late = expires is not None and header.recorded_at >= expires
            way = ways.get((header.schema_id, flags, header.district, late)) or self._way(header, flags, late=late)
            if way.visible:
                data = way.project(batch.events[position].open(way.classes)) if way.project else {}
                taken.append(fact(header, data))
        return taken

    def _way(self, header: Header, flags: frozenset[str], *, late: bool) -> Way:
        contract = self.contracts.by_id(header.schema_id)
        guards = guards_of(self.table.principal, district=header.district, now_us=header.recorded_at)
        decision = self.table.masks(contract, flags, guards)
        way = HIDDEN
        if decision.visible:
            classes = tuple(sorted({contract.class_of[name] for name in decision.fields}))
            way = Way(True, classes, contract.codec.project(decision.fields) if decision.fields else None)  # noqa: FBT003
        self._ways[header.schema_id, flags, header.district, late] = way
        return way
