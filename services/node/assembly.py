"""From a control snapshot to the parts that work by it: sources, engine, receivers.

Everything here is a function of the snapshot: two nodes at the same epoch assemble the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from schemas.catalogue import Contracts
from schemas.errors import IntegrityError, RefusedError
from security.control import Snapshot
from security.keys.port import Keystore
from security.labels import SENSITIVE
from security.policy.compile import compile_table
from security.policy.table import DecisionTable
from security.receiver_key import receiver_key
from security.sealing import Sealer
from security.subjects import Principal, from_body
from security.view_schema import ViewRegistry
from services.gateway.limits import SourceLimits
from services.gateway.source import RegisteredSource
from services.node.masks import VIEW, narrowed
from streams.receivers import Deciding, EngineReceiver, PanoramaReceiver
from streams.supervision.engine import Engine
from streams.supervision.marks import Registration, SourceDirectory
from streams.supervision.model import Model
from streams.view_topic import ViewReceiver

KEY_SPACE = "supervision"


class ModelChangedError(IntegrityError):
    """An approved model compiles to another digest here: another version of casebus reads it differently."""

    code = "node.model_changed"


class ModelLevelError(RefusedError):
    """A model asks for a field above the level that alerts may carry."""

    code = "node.model_level"


def sources_of(snapshot: Snapshot) -> list[RegisteredSource]:
    """Return the registered sources."""
    return [
        RegisteredSource(
            id=name,
            organisation=body["organisation"],
            agency=body["agency"],
            types=frozenset(body["types"]),
            districts=tuple(body["districts"]),
            ceiling=body["ceiling"],
            limits=SourceLimits.of(body.get("limits", {})),
            gateway=body.get("gateway", ""),
        )
        for name, body in sorted(snapshot.of("source").items())
    ]


def directory_of(snapshot: Snapshot) -> SourceDirectory:
    """Return who could still speak about what."""
    return SourceDirectory(Registration(s.id, s.types, s.districts) for s in sources_of(snapshot))


def models_of(snapshot: Snapshot) -> list[Model]:
    """Compile the active models; one that compiles to another digest than was approved is refused."""
    models = []
    for name, body in sorted(snapshot.of("model").items()):
        model = Model.parse(body["text"], body["file"])
        if model.digest != body["digest"]:
            raise ModelChangedError(model=name)
        models.append(model)
    return models


def require_levels(models: Iterable[Model], contracts: Contracts) -> None:
    """Refuse a model that asks for a field above level 3: what it computes stands in alerts, sealed at that level."""
    for model in models:
        for event_type, names in model.fields.items():
            by_name = contracts.by_type(event_type).by_name
            for name in names:
                if name in by_name and by_name[name].level > SENSITIVE:
                    raise ModelLevelError(model=model.id, type=event_type, field=name)


def engine_of(snapshot: Snapshot, sealer: Sealer, contracts: Contracts) -> Engine:
    """Make the engine of the active models; a key's state lies under a keyed digest."""

    def address(space: str, key: str) -> bytes:
        return sealer.keyed_digest(KEY_SPACE, f"{space}\0{key}".encode())[:16]

    models = models_of(snapshot)
    require_levels(models, contracts)
    return Engine(models, directory_of(snapshot), address)


def receivers_of(
    snapshot: Snapshot,
    contracts: Contracts,
    sealer: Sealer,
    keystore: Keystore,
    engine: Engine,
    views: ViewRegistry,
    held: Iterable[Deciding] = (),
) -> list[Deciding]:
    """Make the receivers of all subscriptions, in the order of their ids.

    `held` are those of an earlier state over the same contracts: who asks as before keeps its compiled table.
    """
    made: list[Deciding] = []
    tables = {receiver.subscription: receiver.table for receiver in held}
    for name, body in sorted(snapshot.of("subscription").items()):
        principal = from_body(body["principal"])
        if body["of_models"]:
            principal = of_models(principal, engine)
        table = _table(principal, contracts, tables.get(name))
        if body["delivers"] == VIEW:
            table = _table(narrowed(principal, body, table, contracts), contracts, table)
        if body["delivers"] == "work":
            made.append(EngineReceiver(table, sealer, keys=engine.keys))
        elif body["delivers"] == "panorama":
            made.append(PanoramaReceiver(table, sealer))
        else:
            made.append(ViewReceiver(table, sealer, registry=views, receiver_key=receiver_key(keystore, name)))
    return made


def _table(principal: Principal, contracts: Contracts, known: DecisionTable | None) -> DecisionTable:
    return known if known and known.principal == principal else compile_table(principal, contracts.all())


def of_models(principal: Principal, engine: Engine) -> Principal:
    """Narrow a subscription to the union of what the active models ask for: their types, their fields."""
    fields = {event_type: frozenset(names) for event_type, names in engine.fields.items()}
    return dataclasses.replace(principal, event_types=frozenset(fields), fields=fields)


def receiver_secrets(snapshot: Snapshot) -> Sequence[str]:
    """Name the secrets of subscriptions that get sealed views, to be provisioned."""
    return [
        f"receiver/{name}" for name, body in sorted(snapshot.of("subscription").items()) if body["delivers"] == "view"
    ]
