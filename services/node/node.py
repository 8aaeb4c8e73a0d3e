"""The node: the composition root of everything that runs over one data directory.

`open_node` is the one place where parts are put together, on the ground that `services.node.ground` opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from schemas.catalogue import Contracts
from schemas.clock import Clock
from schemas.edition import edition
from schemas.errors import UnavailableError
from security.audit.blobs import BlobStore
from security.audit.log import AuditLog
from security.audit.record import Entry
from security.identity.accounts import Accounts
from security.identity.sessions import Sessions
from security.identity.tokens import SourceTokens
from security.keys.file import FileKeystore
from security.sealing import Sealer
from security.vault import Vault
from security.view_schema import ViewRegistry
from services.gateway.door import Door
from services.gateway.source import SourceTable
from services.node.assembly import engine_of, receiver_secrets, receivers_of, sources_of
from services.node.establishment import activation
from services.node.ground import RECEIPT_KEY, Ground, open_ground
from services.node.layout import DataDirectory, NodeName, NoNodeError
from services.node.people import SignedIn, people_of
from services.node.site import Site
from services.node.timekeeping import load_clock
from streams.bus.kafka_address import KafkaAddress
from streams.bus.port import Bus
from streams.control import ControlLog, Wanted
from streams.projections.database import open_database
from streams.projections.projector import Projector
from streams.projections.read_model import ReadModel
from streams.receivers import Deciding
from streams.runners.embedded import EmbeddedRunner
from streams.runners.kafka_node import KafkaNodeRunner
from streams.runners.releasing import Releasing
from streams.runners.runner import Runner
from streams.runners.supervising import Supervising
from streams.view_catalogue import ViewCatalogue

READ_MODEL = "CASEBUS_READ_MODEL"
"""The variable that names another database for the read model, such as a PostgreSQL; without it, DIR/read.db."""


@dataclass
class Node:
    """An open node. `close` stops it cleanly; a killed one recovers at the next opening."""

    ground: Ground
    sources: SourceTable
    tokens: SourceTokens
    accounts: Accounts
    signed_in: SignedIn
    views: ViewRegistry
    view_catalogue: ViewCatalogue
    door: Door
    receivers: list[Deciding]
    runner: Runner
    read_model: ReadModel
    _stack: ExitStack

    @property
    def data(self) -> DataDirectory:
        """The node's data directory."""
        return self.ground.data

    @property
    def name(self) -> NodeName:
        """What the node is called."""
        return self.ground.name

    @property
    def clock(self) -> Clock:
        """The node's clock."""
        return self.ground.clock

    @property
    def contracts(self) -> Contracts:
        """What may be said."""
        return self.ground.contracts

    @property
    def keystore(self) -> FileKeystore:
        """The node's keys."""
        return self.ground.keystore

    @property
    def sealer(self) -> Sealer:
        """Seals and opens by the node's keys."""
        return self.ground.sealer

    @property
    def bus(self) -> Bus:
        """The node's bus, as the gateway has it."""
        return self.ground.carrier.bus

    @property
    def vault(self) -> Vault:
        """The identity vault of the node."""
        return vault_of(self.ground)

    @property
    def audit(self) -> AuditLog:
        """The node's audit log."""
        return self.ground.audit

    @property
    def control(self) -> ControlLog:
        """The node's control records."""
        return self.ground.control

    def pump(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Work until everything that was accepted has taken effect, the present marks included, or until `stopped`."""
        self.runner.drain(stopped)

    def activate(self, models: Sequence[Path], approvers: Sequence[str]) -> None:
        """Activate model files; history is folded anew for them."""
        self.change(activation(models), approvers)

    def change(self, wanted: Iterable[Wanted], approvers: Sequence[str]) -> bool:
        """Sign changes of the control state and work by them from then on; tell whether anything changed."""
        if not self.control.change(wanted, approvers):
            return False
        self.data.keep_epoch(self.control.epoch)
        self.assemble()
        return True

    def assemble(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Make everything that follows the control state, and swap it in whole; `stopped` breaks off a long refold."""
        snapshot = self.control.snapshot
        self.sources.replace(sources_of(snapshot))
        for label in receiver_secrets(snapshot):
            self.keystore.provision_secret(label)
        engine = engine_of(snapshot, self.sealer, self.contracts)
        self.receivers = receivers_of(
            snapshot, self.contracts, self.sealer, self.keystore, engine, self.views, self.receivers
        )
        self.view_catalogue.keep(self.receivers, self.contracts)
        self.runner.renew(engine, self.receivers, stopped)

    def close(self) -> None:
        """Stop cleanly: a signed head over everything, files closed, the directory given back."""
        with suppress(UnavailableError):
            self.audit.append([Entry(act="stop", obj=self.name.node, ctl=self.control.epoch)])
        self._stack.close()


def open_node(
    root: Path,
    site: Site | None = None,
    *,
    clock: Clock | None = None,
    stopped: Callable[[], bool] = lambda: False,
    kafka: KafkaAddress | None = None,
) -> Node:
    """Open the node in `root`; with `site` make it first, or bring it to what the site says.

    With `kafka` a new node is made on that Kafka; one that was is found by the environment where it is not given.

    Where `stopped` becomes true on the way, history may not be folded for changed models yet: only closing is left.

    Raises:
        NoNodeError: there is no node in the directory and no site was given.
        NodeLockedError: another process has it open.
        IntegrityError: the audit log, a control record or a key file is not what was written.
    """
    data = DataDirectory(root)
    if not data.exists:
        if site is None:
            raise NoNodeError(path=root.name)
        data.make(NodeName(site.node, site.origin), on_kafka=kafka is not None)
    with ExitStack() as stack:
        ground = open_ground(data, site, clock or load_clock(data.clock), stack, kafka)
        node = _node(ground, stack)
        node.assemble(stopped)
        said = {"edition": edition(ground.contracts)}
        ground.audit.append([Entry(act="start", obj=ground.name.node, ctl=ground.control.epoch, data=said)])
        node._stack = stack.pop_all()  # noqa: SLF001 - the node owns what was opened for it
    return node


def _node(ground: Ground, stack: ExitStack) -> Node:
    """Put the parts together; `assemble` then gives them what the control state says."""
    database = open_database(os.environ.get(READ_MODEL) or ground.data.read)
    stack.callback(database.dispose)
    sources, views = SourceTable(sources_of(ground.control.snapshot)), ViewRegistry()
    door = _door(ground, sources)
    accounts = Accounts(ground.data.people, ground.machine)
    sessions = Sessions(ground.machine)
    node = Node(
        ground=ground,
        sources=sources,
        tokens=SourceTokens(ground.data.tokens),
        accounts=accounts,
        signed_in=SignedIn(people_of(ground.control.snapshot), accounts, sessions, ground.audit),
        views=views,
        view_catalogue=ViewCatalogue(ground.carrier.bus, views),
        door=door,
        receivers=[],
        runner=_runner(ground, sources, Projector(database), door, lambda: node.receivers, stack),
        read_model=ReadModel(database),
        _stack=ExitStack(),
    )
    return node


def _door(ground: Ground, sources: SourceTable) -> Door:
    return Door(
        ground.contracts,
        ground.carrier.bus,
        ground.audit,
        ground.sealer,
        ground.clock,
        sources,
        signer=ground.keystore.signer(RECEIPT_KEY),
        node=ground.name.node,
        ceiling=ground.ceiling,
        vault=vault_of(ground),
    )


def vault_of(ground: Ground) -> Vault:
    """Return the identity vault of a node: keys with its keys, blobs beside its log."""
    return Vault(ground.data.subjects, BlobStore(ground.data.audit), ground.sealer)


def _runner(
    ground: Ground,
    sources: SourceTable,
    projector: Projector,
    door: Door,
    receivers: Callable[[], Sequence[Deciding]],
    stack: ExitStack,
) -> Runner:
    carrier, sealer, declared = ground.carrier, ground.sealer, declared_by(door)

    def epoch() -> int:
        return ground.control.epoch

    if carrier.kafka is not None:

        def agencies() -> Mapping[str, str]:
            return {source.id: source.agency for source in sources.all() if door.is_here(source)}

        made = KafkaNodeRunner(carrier.bus, carrier.kafka, ground.clock, sealer, projector, declared, agencies, epoch)
        stack.callback(made.close)
        return made
    engine = engine_of(ground.control.snapshot, sealer, ground.contracts)
    releasing = Releasing(carrier.bus, ground.audit, sealer, ground.contracts, receivers, epoch, ground.name.node)
    if ground.gate is not None:
        releasing.gate = ground.gate.require
    supervising = Supervising(carrier.bus, sealer, engine, epoch, ground.audit)
    return EmbeddedRunner(carrier.bus, ground.clock, releasing, supervising, projector, declared)


def declared_by(door: Door) -> Callable[[], Mapping[str, int]]:
    """Return what answers the marks that sources declared at a door, as the runner wants them."""

    def declared() -> Mapping[str, int]:
        return {source: mark.complete_to for source, mark in door.marks().items()}

    return declared
