"""The node: the composition root of everything that runs over one data directory.

`open_node` is the one place where parts are put together. The order of opening is the order of trust: the lock, the
keys, the bus, the audit log (which must hold every number that the bus cites), the control records, and only then what
works by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from schemas.catalogue import Contracts
from schemas.clock import Clock, SystemClock
from schemas.errors import UnavailableError
from security.audit.log import AuditLog
from security.audit.record import Entry
from security.identity.accounts import Accounts
from security.identity.sessions import Sessions
from security.identity.tokens import SourceTokens
from security.keys.file import FileKeystore
from security.sealing import Sealer
from security.view_schema import ViewRegistry
from services.gateway.door import Door
from services.gateway.source import SourceTable
from services.node.assembly import engine_of, receiver_secrets, receivers_of, sources_of
from services.node.establishment import activation, wanted_of
from services.node.layout import DataDirectory, NodeName, NoNodeError, UnfinishedNodeError
from services.node.people import SignedIn, people_of
from services.node.site import Site
from services.node.timekeeping import load_clock
from streams.bus.embedded import EmbeddedBus
from streams.control import ControlLog
from streams.projections.database import open_database
from streams.projections.projector import Projector
from streams.projections.read_model import ReadModel
from streams.receivers import Deciding
from streams.runners.citations import highest_citation
from streams.runners.embedded import EmbeddedRunner
from streams.runners.refolding import refold
from streams.runners.releasing import Releasing
from streams.runners.supervising import Supervising

AUDIT_KEY = "audit"
CONTROL_KEY = "control"
RECEIPT_KEY = "receipts"
SITE_FILE = "site-file"
"""The approver written for what a reviewed site file says: whoever reviewed the file approved it."""


@dataclass
class Node:
    """An open node. `close` stops it cleanly; a killed one recovers at the next opening."""

    data: DataDirectory
    name: NodeName
    clock: Clock
    contracts: Contracts
    keystore: FileKeystore
    sealer: Sealer
    bus: EmbeddedBus
    audit: AuditLog
    control: ControlLog
    sources: SourceTable
    tokens: SourceTokens
    accounts: Accounts
    signed_in: SignedIn
    views: ViewRegistry
    door: Door
    receivers: list[Deciding]
    runner: EmbeddedRunner
    read_model: ReadModel
    _stack: ExitStack

    def pump(self) -> None:
        """Work until everything that was accepted has taken effect, the present marks included."""
        self.runner.drain()

    def activate(self, models: Sequence[Path], approvers: Sequence[str]) -> None:
        """Activate model files; history is folded anew for them."""
        if self.control.change(activation(models), approvers):
            self.data.keep_epoch(self.control.epoch)
            self.assemble()

    def assemble(self) -> None:
        """Make everything that follows the control state, and swap it in whole."""
        snapshot = self.control.snapshot
        self.sources.replace(sources_of(snapshot))
        for label in receiver_secrets(snapshot):
            self.keystore.provision_secret(label)
        engine = engine_of(snapshot, self.sealer, self.contracts)
        self.receivers = receivers_of(snapshot, self.contracts, self.sealer, self.keystore, engine, self.views)
        self.runner.supervising.engine = engine
        refold(self.runner.releasing, engine, self.receivers)

    def close(self) -> None:
        """Stop cleanly: a signed head over everything, files closed, the directory given back."""
        with suppress(UnavailableError):
            self.audit.append([Entry(act="stop", obj=self.name.node, ctl=self.control.epoch)])
        self._stack.close()


def open_node(root: Path, site: Site | None = None, *, clock: Clock | None = None) -> Node:
    """Open the node in `root`; with `site` make it first, or bring it to what the site says.

    Raises:
        NoNodeError: there is no node in the directory and no site was given.
        NodeLockedError: another process has it open.
        IntegrityError: the audit log, a control record or a key file is not what was written.
    """
    data = DataDirectory(root)
    if not data.exists:
        if site is None:
            raise NoNodeError(path=root.name)
        data.make(NodeName(site.node, site.origin))
    with ExitStack() as stack:
        node = _open(data, site, clock or load_clock(data.clock), stack)
        node._stack = stack.pop_all()  # noqa: SLF001 - the node owns what was opened for it
    return node


def _open(data: DataDirectory, site: Site | None, clock: Clock, stack: ExitStack) -> Node:
    data.lock()
    stack.callback(data.unlock)
    name, contracts = data.name(), Contracts.load()
    keystore = FileKeystore(data.keys / "keystore.json")
    for label in (AUDIT_KEY, CONTROL_KEY, RECEIPT_KEY):
        keystore.provision_signer(label)
    # Keys, passwords and sessions age by the machine's clock: a demonstration's may run a day in seconds.
    machine = SystemClock()
    sealer = Sealer(keystore, machine, provisions=True)
    bus = EmbeddedBus(data.bus)
    stack.callback(bus.close)
    audit = AuditLog.open(
        data.audit, name.origin, name.node, keystore.signer(AUDIT_KEY), clock, floor=highest_citation(bus, name.node)
    )
    stack.callback(audit.close)
    control = ControlLog(bus, audit, keystore.signer(CONTROL_KEY))
    if control.epoch < data.highest_epoch():
        data.keep_epoch(control.epoch)
    if site is not None:
        control.change(wanted_of(site), (SITE_FILE,))
    if not control.snapshot.of("site"):
        raise UnfinishedNodeError(path=data.root.name)
    data.keep_epoch(control.epoch)
    engine = engine_of(control.snapshot, sealer, contracts)
    database = open_database(data.read)
    stack.callback(database.dispose)
    sources = SourceTable(sources_of(control.snapshot))
    ceiling = min(body["ceiling"] for body in control.snapshot.of("site").values())
    door = Door(
        contracts,
        bus,
        audit,
        sealer,
        clock,
        sources,
        signer=keystore.signer(RECEIPT_KEY),
        node=name.node,
        ceiling=ceiling,
    )
    accounts = Accounts(data.people, machine)
    releasing = Releasing(bus, audit, sealer, contracts, list, lambda: control.epoch, name.node)
    node = Node(
        data=data,
        name=name,
        clock=clock,
        contracts=contracts,
        keystore=keystore,
        sealer=sealer,
        bus=bus,
        audit=audit,
        control=control,
        sources=sources,
        tokens=SourceTokens(data.tokens),
        accounts=accounts,
        signed_in=SignedIn(people_of(control.snapshot), accounts, Sessions(machine), audit),
        views=ViewRegistry(),
        door=door,
        receivers=[],
        runner=EmbeddedRunner(
            bus,
            clock,
            releasing,
            Supervising(bus, sealer, engine, lambda: control.epoch),
            Projector(database),
            declared_by(door),
        ),
        read_model=ReadModel(database),
        _stack=ExitStack(),
    )
    releasing.receivers = lambda: node.receivers
    node.assemble()
    audit.append([Entry(act="start", obj=name.node, ctl=control.epoch)])
    return node


def declared_by(door: Door) -> Callable[[], Mapping[str, int]]:
    """Return what answers the marks that sources declared at a door, as the runner wants them."""

    def declared() -> Mapping[str, int]:
        return {source: mark.complete_to for source, mark in door.marks().items()}

    return declared
