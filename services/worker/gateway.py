"""A gateway beside the node, on Kafka: the door for the sources that control gives to it, with an audit log of its own.

It has the node's keys and tokens as every worker has, follows control as a worker does, and writes none. What it does
not have: the desk, the vault, the views. Its sources publish nowhere else, so their events keep their order and their
marks are told behind them by the one who took them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import ClassVar

from schemas.edition import edition
from schemas.errors import NotFoundError, UnavailableError
from security.audit.log import AuditLog
from security.audit.record import Entry
from security.control import Snapshot
from security.identity.tokens import SourceTokens
from security.sealing import Sealer
from services.gateway.door import Door
from services.gateway.source import SourceTable
from services.node.assembly import sources_of
from services.node.audit_opening import open_audit
from services.node.audit_settings import AuditSettings
from services.node.ground import AUDIT_KEY, RECEIPT_KEY
from services.node.layout import DataDirectory, NodeName
from services.node.node import declared_by
from services.worker.assembly import WORKERS, Parts, assemble
from streams.audit_replica import BusReplica
from streams.bus.kafka import KafkaBus
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.kafka_reader import KafkaReader
from streams.bus.port import Bus
from streams.control_history import ControlHistory
from streams.runners.mark_rows import mark_rows


class NoSourcesError(NotFoundError):
    """Control gives no source to a gateway of this name."""

    code: ClassVar[str] = "gateway.no_sources"


@dataclass
class BesideGateway:
    """An open gateway beside the node; `close` signs the head of its log."""

    name: str
    door: Door
    tokens: SourceTokens
    audit: AuditLog
    bus: Bus
    sealer: Sealer
    sources: SourceTable
    control: ControlHistory
    appender: KafkaAppender
    epoch: int
    _stack: ExitStack

    def follow(self) -> None:
        """Take the sources as control has them now."""
        newest = self.control.newest()
        if newest != self.epoch:
            self.sources.replace(sources_of(self.control.at(newest)))
            self.epoch = newest

    def tell(self) -> None:
        """Put the marks of its sources behind everything that was acknowledged; the clock and the epoch are not its."""
        rows = mark_rows(self.bus, self.sealer, declared_by(self.door)(), self._agencies(), clock=0, epoch=0)
        if rows:
            self.appender.append_all(rows)

    def close(self) -> None:
        """Tell the marks a last time and stop: a signed head, connections closed, the folder given back."""
        with suppress(UnavailableError):
            self.tell()
            self.audit.append([Entry(act="stop", obj=self.name, ctl=self.epoch)])
        self._stack.close()

    def _agencies(self) -> Mapping[str, str]:
        return {source.id: source.agency for source in self.sources.all() if self.door.is_here(source)}


def open_gateway(data: DataDirectory, address: KafkaAddress, instance: str) -> BesideGateway:
    """Open the gateway of a name; its log lies in DIR/workers/INSTANCE.

    Raises:
        NoControlError: the node was never started. NoSourcesError: nothing is given to this name.
        NodeLockedError: it runs already. KafkaTopicMissingError: its topics were not made (`casebus doctor`).
        AuditRolledBackError: the log ends below its replica on Kafka.
    """
    parts = assemble(data, address, instance)
    epoch = parts.control.newest()
    snapshot = parts.control.at(epoch)
    sources = SourceTable(sources_of(snapshot))
    if not any(source.gateway == instance for source in sources.all()):
        raise NoSourcesError(gateway=instance)
    own = DataDirectory(data.root / WORKERS / instance)
    with ExitStack() as stack:
        own.lock()
        stack.callback(own.unlock)
        bus = stack.enter_context(KafkaBus(address, f"gateway.{instance}"))
        appender = KafkaAppender(address, f"gateway.{instance}")
        stack.callback(appender.close)
        audit = _audit(parts, own, address, appender, stack)
        door = _door(parts, bus, audit, sources, snapshot)
        said = {"edition": edition(parts.contracts)}
        audit.append([Entry(act="start", obj=instance, ctl=epoch, data=said)])
        tokens = SourceTokens(data.tokens)
        return BesideGateway(
            instance, door, tokens, audit, bus, parts.sealer, sources, parts.control, appender, epoch, stack.pop_all()
        )


def _audit(
    parts: Parts, own: DataDirectory, address: KafkaAddress, appender: KafkaAppender, stack: ExitStack
) -> AuditLog:
    """Open the gateway's own log with its replica, taken from whoever wrote it before, which shows its heads too."""
    reader = KafkaReader(address, parts.instance)
    stack.callback(reader.close)
    name = NodeName(parts.instance, f"{parts.data.name().origin}/{parts.instance}")
    replica = BusReplica(reader, appender, parts.instance, name.origin)
    signer = parts.keystore.signer(AUDIT_KEY)
    audit = open_audit(own, name, signer, parts.clock, 0, AuditSettings.of(own), None, stack, replica)
    audit.show_heads(replica.show)
    return audit


def _door(parts: Parts, bus: Bus, audit: AuditLog, sources: SourceTable, snapshot: Snapshot) -> Door:
    """Make its door: without a vault, and for the sources that control names it for alone."""
    return Door(
        parts.contracts,
        bus,
        audit,
        parts.sealer,
        parts.clock,
        sources,
        signer=parts.keystore.signer(RECEIPT_KEY),
        node=parts.instance,
        ceiling=min(int(body["ceiling"]) for body in snapshot.of("site").values()),
        takes_unbound=False,
    )
