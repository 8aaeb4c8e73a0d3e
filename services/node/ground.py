"""The ground of a node, opened in the order of trust: lock, keys, bus, audit log, control records.

The audit log must hold every number that the bus cites, and the control epoch must not be below what this node has
seen; only then anything is put together that works by them.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from schemas.catalogue import Contracts
from schemas.clock import Clock, SystemClock
from security.audit.log import AuditLog
from security.audit.record import Entry
from security.audit.witnessed import WitnessGate
from security.keys.file import FileKeystore
from security.sealing import Sealer
from services.node.approval import require_approved
from services.node.audit_opening import open_audit
from services.node.audit_settings import AuditSettings
from services.node.carrier import Carrier, carrier_of
from services.node.establishment import wanted_of, with_masks
from services.node.layout import DataDirectory, NodeName, UnfinishedNodeError
from services.node.site import Site
from services.node.standing import SITE_FILE, Standing, beside, endings
from services.node.upgrading import upgrade
from services.node.witness_rounds import gate_of
from streams.bus.kafka_address import KafkaAddress
from streams.control import ControlLog

AUDIT_KEY = "audit"
CONTROL_KEY = "control"
RECEIPT_KEY = "receipts"


@dataclass(frozen=True)
class Ground:
    """What everything else of a node stands on.

    `clock` is the node's, which a demonstration may run fast; keys, passwords, sessions and unwitnessed heads age by
    `machine`. `gate`, where the log has a policy of witnesses, is asked before each step of release. `ended` is what
    the site file ended at this opening, `beside` what is in force though the file does not name it.
    """

    data: DataDirectory
    name: NodeName
    clock: Clock
    machine: Clock
    contracts: Contracts
    keystore: FileKeystore
    sealer: Sealer
    carrier: Carrier
    audit: AuditLog
    control: ControlLog
    gate: WitnessGate | None = None
    ended: tuple[Standing, ...] = ()
    beside: tuple[Standing, ...] = ()

    @property
    def ceiling(self) -> int:
        """The highest level the node is registered for."""
        return min(int(body["ceiling"]) for body in self.control.snapshot.of("site").values())


def open_ground(
    data: DataDirectory, site: Site | None, clock: Clock, stack: ExitStack, kafka: KafkaAddress | None = None
) -> Ground:
    """Open the ground of a node; what was opened is closed by `stack`, last first."""
    data.lock()
    stack.callback(data.unlock)
    name, machine = data.name(), SystemClock()
    keystore = FileKeystore(data.keys / "keystore.json")
    for label in (AUDIT_KEY, CONTROL_KEY, RECEIPT_KEY):
        keystore.provision_signer(label)
    carrier = carrier_of(data, name, kafka, stack)
    settings = AuditSettings.by_site(data, site, machine.now_us()) if site else AuditSettings.of(data)
    witnesses = site.audit.witnesses.read_bytes() if site and site.audit.witnesses else None
    floor = carrier.floor(name.node)
    signer = keystore.signer(AUDIT_KEY)
    audit = open_audit(data, name, signer, clock, floor, settings, witnesses, stack, carrier.replica)

    def upgraded(before: int, after: int) -> None:
        audit.append([Entry(act="upgrade", obj=name.node, data={"from": before, "to": after})])

    upgrade(data, upgraded)
    gate = gate_of(data.audit, settings, machine, lambda: audit.size)
    control = ControlLog(carrier.bus, audit, keystore.signer(CONTROL_KEY))
    contracts = Contracts.load()
    ended = establish(data, control, site, contracts)
    left = beside(control.snapshot, wanted_of(site)) if site else []
    sealer = Sealer(keystore, machine, provisions=True)
    parts = (data, name, clock, machine, contracts, keystore, sealer, carrier, audit, control, gate)
    return Ground(*parts, tuple(ended), tuple(left))


def establish(data: DataDirectory, control: ControlLog, site: Site | None, contracts: Contracts) -> list[Standing]:
    """Bring the control state to what the site says, and return what ended; a bus below the highest epoch is refused.

    A source or subscription that the file has no more ends; a file that widens a subscription of a node that stands
    raises `WideningError`.
    """
    ended: list[Standing] = []
    if control.epoch < data.highest_epoch():
        data.keep_epoch(control.epoch)
    if site is not None:
        wanted = with_masks(wanted_of(site), control.snapshot, contracts)
        require_approved(control.snapshot, wanted)
        ended = endings(control.snapshot, wanted)
        control.change([*(each.removal for each in ended), *wanted], (SITE_FILE,))
    if not control.snapshot.of("site"):
        raise UnfinishedNodeError(path=data.root.name)
    data.keep_epoch(control.epoch)
    return ended
