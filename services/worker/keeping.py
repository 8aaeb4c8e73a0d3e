"""How a worker keeps its audit log: replica on Kafka, checker, pulse, witnesses, and the gate before release.

It is kept as a node keeps its own (ADR 0016); what the site asks of witnesses is told by the control records, so that
a worker on any machine goes by the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from schemas.clock import SECOND
from security.audit.checkpoint import Signer
from security.audit.log import AuditLog
from security.keys.file import FileKeystore
from security.keys.port import UnknownKeyError
from services.node.audit_opening import open_audit
from services.node.audit_settings import AuditSettings
from services.node.establishment import MAX_UNWITNESSED, WITNESSES
from services.node.ground import AUDIT_KEY
from services.node.head_keeper import HeadKeeper
from services.node.layout import DataDirectory, NodeName
from services.node.witness_rounds import gate_of, rounds_of
from services.worker.assembly import Parts, own_directory
from streams.audit_replica import BusReplica
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_producer import KafkaAppender
from streams.bus.kafka_reader import KafkaReader


@dataclass(frozen=True)
class KeptLog:
    """A worker's log; `gate` raises UnwitnessedError where nothing may be released for want of witnesses."""

    audit: AuditLog
    gate: Callable[[], None]


def kept_log(parts: Parts, address: KafkaAddress, stack: ExitStack) -> KeptLog:
    """Open the log of a worker and keep it until `stack` ends: then a last head is signed.

    Raises:
        KafkaTopicMissingError: there is no `casebus.audit.<instance>`: the site does not name this worker.
        AuditRolledBackError, AuditTamperedError, ReplicaDiffersError: log or replica is not what was written.
    """
    own, instance = own_directory(parts.data, parts.instance), parts.instance
    name = NodeName(instance, f"{parts.data.name().origin}/{instance}")
    policy, settings = _witnesses(parts)
    reader, appender = KafkaReader(address, instance), KafkaAppender(address, instance)
    stack.callback(reader.close)
    stack.callback(appender.close)
    replica = BusReplica(reader, appender, instance, name.origin)
    audit = open_audit(own, name, _signer(parts, own), parts.clock, 0, settings, policy, stack, replica)
    audit.show_heads(replica.show)
    pulse = HeadKeeper(audit, instance, parts.clock)
    stack.callback(pulse.stop)
    pulse.start()
    if (rounds := rounds_of(own.audit, lambda: audit.head.size)) is not None:
        stack.callback(rounds.stop)
        rounds.start()
    gate = gate_of(own.audit, settings, parts.clock, lambda: audit.size)
    return KeptLog(audit, gate.require if gate else lambda: None)


def _signer(parts: Parts, own: DataDirectory) -> Signer:
    """Return the key of the worker's log: its own, for a policy of witnesses has no key twice.

    A log that an earlier version began keeps the node's key, by which its heads are signed.
    """
    keystore, label = FileKeystore(parts.data.keys / "keystore.json"), f"{AUDIT_KEY}/{parts.instance}"
    if (own.audit / "checkpoint").exists():
        with suppress(UnknownKeyError):
            return keystore.signer(label)
        return keystore.signer(AUDIT_KEY)
    keystore.provision_signer(label)
    return keystore.signer(label)


def _witnesses(parts: Parts) -> tuple[bytes | None, AuditSettings]:
    """Return the policy of witnesses that the site asks for, None without one, and how long release may go without."""
    own = own_directory(parts.data, parts.instance)
    for body in parts.control.at(parts.control.newest()).of("site").values():
        if WITNESSES in body:
            limit = int(body[MAX_UNWITNESSED]) * SECOND
            return str(body[WITNESSES]).encode(), AuditSettings.of_worker(own, limit, parts.clock.now_us())
    return None, AuditSettings.of(own)
