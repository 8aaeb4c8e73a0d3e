"""From a data directory and a Kafka to a worker: the composition root of release and supervise on Kafka.

The directory holds the keys (the node's keystore) and, per instance, the worker's own audit log. What it does is said
by the control records on Kafka, verified as anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.catalogue import Contracts
from schemas.clock import Clock, SystemClock
from security import control
from security.audit.log import AuditLog
from security.control import Snapshot
from security.keys.file import FileKeystore
from security.keys.port import Keystore
from security.sealing import Sealer
from security.view_schema import ViewRegistry
from services.node.assembly import engine_of, receivers_of
from services.node.ground import AUDIT_KEY, CONTROL_KEY
from services.node.layout import DataDirectory
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_reader import KafkaReader
from streams.control import PAGE, PARTITION, TOPIC
from streams.runners.faust.release_stage import NAME as RELEASE
from streams.runners.faust.release_stage import ReleaseStage
from streams.runners.faust.supervise_stage import SuperviseStage
from streams.runners.faust.topology import Topology
from streams.runners.releasing import RAW

WORKERS = "workers"


@dataclass(frozen=True)
class Parts:
    """What both kinds of worker share."""

    data: DataDirectory
    instance: str
    keystore: Keystore
    sealer: Sealer
    contracts: Contracts
    snapshot: Snapshot
    topology: Topology
    clock: Clock

    @property
    def raw(self) -> tuple[str, ...]:
        """The raw topics."""
        return self.topology.beginning(RAW)


def assemble(data: DataDirectory, address: KafkaAddress, instance: str) -> Parts:
    """Look everything up.

    Raises:
        NoNodeError: the directory holds no keys. KafkaUnavailableError: no broker answers.
        ControlError: a control record does not fit.
    """
    data.name()
    keystore, clock = FileKeystore(data.keys / "keystore.json"), SystemClock()
    snapshot = snapshot_of(address, keystore.signer(CONTROL_KEY).public_key)
    sealer = Sealer(keystore, clock, provisions=True)
    return Parts(data, instance, keystore, sealer, Contracts.load(), snapshot, Topology.of(address), clock)


def snapshot_of(address: KafkaAddress, public_key: bytes) -> Snapshot:
    """Verify and apply every control record on Kafka."""
    reader, snapshot, position = KafkaReader(address, "casebus-control"), Snapshot(), 0
    try:
        while stored := reader.read(TOPIC, PARTITION, position, PAGE):
            snapshot = snapshot.apply_all([control.decode(each.value) for each in stored], public_key)
            position = stored[-1].offset + 1
    finally:
        reader.close()
    return snapshot


def release_stage(parts: Parts) -> ReleaseStage:
    """Make the release stage; its manifests go to the instance's own log."""
    name, snapshot = parts.data.name(), parts.snapshot
    parts.topology.require(RELEASE, parts.raw)
    engine = engine_of(snapshot, parts.sealer, parts.contracts)
    receivers = receivers_of(snapshot, parts.contracts, parts.sealer, parts.keystore, engine, ViewRegistry())
    directory = parts.data.root / WORKERS / parts.instance / "audit"
    directory.mkdir(parents=True, exist_ok=True)
    audit = AuditLog.open(
        directory, f"{name.origin}/{parts.instance}", parts.instance, parts.keystore.signer(AUDIT_KEY), parts.clock
    )
    return ReleaseStage(
        topics=parts.raw,
        audit=audit,
        sealer=parts.sealer,
        contracts=parts.contracts,
        engine=engine,
        receivers=lambda: receivers,
        epoch=lambda: snapshot.epoch,
        node=parts.instance,
        partitions=parts.topology.partitions,
    )


def supervise_stage(parts: Parts) -> SuperviseStage:
    """Make the supervise stage."""
    snapshot = parts.snapshot
    stage = SuperviseStage(
        sealer=parts.sealer,
        engine=engine_of(snapshot, parts.sealer, parts.contracts),
        epoch=lambda: snapshot.epoch,
        partitions=parts.topology.partitions,
        writers=parts.topology.writers(RELEASE, parts.raw),
    )
    parts.topology.require(stage.name, stage.topics)
    return stage
