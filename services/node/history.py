"""A node's history as facts for a back-test: a decided, audited subscription with exactly the models' fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from security.audit.manifest import split_manifest
from security.audit.record import Data, Entry
from security.batch import unpack
from security.policy.compile import compile_table
from security.subjects import Principal
from services.node.node import Node, open_node
from streams.history import Replay
from streams.runners.faust.marks import is_marks
from streams.runners.releasing import RAW
from streams.supervision.fact import Fact
from streams.supervision.model import Model

BACKTEST = "backtest"
PURPOSE = "model-backtest"
PAGE = 64
SENSITIVE = 3


def facts_from_node(data_dir: Path, models: Sequence[Model], actor: str = "") -> Iterator[Fact]:
    """Yield every event that the node holds and the models ask for, in the order of the raw topics.

    Each page of history is authorised by manifests in the node's audit log before its facts are handed out. The node
    must not be running. On Kafka the certificate must be one that may read raw topics: the node's own may not.

    Raises:
        NoNodeError, NodeLockedError: see `open_node`. KafkaDeniedError: the certificate may not read raw topics.
    """
    node = open_node(data_dir)
    try:
        yield from released(node, models, actor)
    finally:
        node.close()


def released(node: Node, models: Sequence[Model], actor: str) -> Iterator[Fact]:
    """Release an open node's history to models."""
    principal = principal_of(models)
    table = compile_table(principal, [c for c in node.contracts.all() if c.type in principal.event_types])
    replay = Replay(table, node.contracts)
    for topic, partition in [(t, n) for t in node.bus.topics(RAW) for n in range(node.bus.partitions(t))]:
        position = 0
        while stored := node.bus.read(topic, partition, position, PAGE):
            facts: list[Fact] = []
            entries: list[Entry] = []
            for record in stored:
                if is_marks(record.headers):  # on Kafka they stand among the events
                    continue
                given = replay.facts(unpack(record.value, node.sealer))
                if given:
                    place: dict[str, Any] = {"topic": topic, "part": partition, "off": record.offset}
                    entries += manifest(given, table.digest, node.control.epoch, actor, place)
                facts += given
            if entries:
                node.audit.append(entries)
            yield from facts
            position = stored[-1].offset + 1


def principal_of(models: Sequence[Model]) -> Principal:
    """Return the subscription of a back-test: the union of the models' types and fields, every district, level 3."""
    fields: dict[str, set[str]] = {}
    for model in models:
        for event_type, names in model.fields.items():
            fields.setdefault(event_type, set()).update(names)
    return Principal(
        id=BACKTEST,
        kind="engine",
        purpose=PURPOSE,
        clearance=SENSITIVE,
        bound_clearance=SENSITIVE,
        compartments=frozenset({"minor", "investigation_open"}),
        event_types=frozenset(fields),
        fields={event_type: frozenset(names) for event_type, names in fields.items()},
        districts=("",),
    )


def manifest(facts: Sequence[Fact], policy: str, epoch: int, actor: str, place: dict[str, Any]) -> list[Entry]:
    """Make the manifest of one raw record; its id names the back-test, so that it never passes for a delivery."""
    # The fields of one way stand in one order: only distinct masks are sorted, not every fact's.
    index: dict[tuple[str, ...], int] = {}
    by = [index.setdefault((fact.type, *fact.data), len(index)) for fact in facts]
    data: Data = {
        "by": by,
        "denied": 0,
        "events": [fact.id.hex() for fact in facts],
        "masks": [[event_type, sorted(names)] for event_type, *names in index],
        "withheld": 0,
    }
    entry = Entry(act="release", actor=actor, purpose=PURPOSE, obj=BACKTEST, ctl=epoch, pol=policy, data=data, **place)
    return split_manifest(entry, ("events", "by"))
