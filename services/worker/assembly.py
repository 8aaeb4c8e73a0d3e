"""From a data directory and a Kafka to a worker: the composition root of release and supervise on Kafka.

The directory holds the keys (the node's keystore) and, per instance, the worker's own audit log and the highest epoch
it has seen. What it does is said by the control records on Kafka, verified as anywhere else; a change is followed while
it runs, each partition where its records say so.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass

from schemas.catalogue import Contracts
from schemas.clock import Clock, SystemClock
from schemas.errors import UnavailableError
from security.audit.port import Log
from security.keys.file import FileKeystore
from security.keys.port import Keystore
from security.sealing import Sealer
from security.view_schema import ViewRegistry
from services.node.assembly import engine_of, receivers_of
from services.node.ground import CONTROL_KEY
from services.node.layout import PRIVATE_FOLDER, DataDirectory
from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import KafkaTopicMissingError
from streams.bus.kafka_reader import KafkaReader
from streams.control_history import ControlHistory
from streams.runners.faust.knowledge import Known
from streams.runners.faust.release_stage import NAME as RELEASE
from streams.runners.faust.release_stage import ReleaseStage
from streams.runners.faust.supervise_stage import SuperviseStage
from streams.runners.faust.topology import Topology
from streams.runners.releasing import RAW

WORKERS = "workers"
KEPT = 4
"""Epochs that are kept put together: partitions change over one after the other."""


class NoControlError(UnavailableError):
    """Kafka holds no control records yet: the node has not been started against it."""

    code = "worker.no_control"


@dataclass(frozen=True)
class Parts:
    """What both kinds of worker share."""

    data: DataDirectory
    instance: str
    keystore: Keystore
    sealer: Sealer
    contracts: Contracts
    control: ControlHistory
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
        ControlError: a control record does not fit. EpochLostError: control ends below what this worker has seen.
    """
    data.name()
    keystore, clock = FileKeystore(data.keys / "keystore.json"), SystemClock()
    own = own_directory(data, instance)
    own.root.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    with ExitStack() as stack:
        reader = KafkaReader(address, "casebus-control")
        stack.callback(reader.close)
        control = ControlHistory(reader, keystore.signer(CONTROL_KEY).public_key, own.keep_epoch)
        if not control.newest():
            raise NoControlError
        sealer = Sealer(keystore, clock, provisions=True)
        parts = Parts(data, instance, keystore, sealer, Contracts.load(), control, Topology.of(address), clock)
        # Control is followed as long as the process lives.
        stack.pop_all()
        return parts


def own_directory(data: DataDirectory, instance: str) -> DataDirectory:
    """Return where a worker keeps what is its own: its audit log, the highest epoch it has seen."""
    return DataDirectory(data.root / WORKERS / instance)


class WorkerKnowledge:
    """Implements `Knowledge`: puts together what an epoch says, and keeps the last few."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._views = ViewRegistry()
        self._kept: dict[int, Known] = {}
        self._lock = threading.Lock()

    def newest(self) -> int:
        """Return the newest epoch there is."""
        return self._parts.control.newest()

    def fold(self, epoch: int) -> int:
        """Return the newest epoch at or below `epoch` that changed a model."""
        return self._parts.control.fold(epoch)

    def at(self, epoch: int) -> Known:
        """Return what holds at an epoch."""
        with self._lock:
            known = self._kept.get(epoch)
            if known is None:
                known = self._kept[epoch] = self._made(epoch)
                if len(self._kept) > KEPT:
                    del self._kept[min(self._kept)]
            return known

    def _made(self, epoch: int) -> Known:
        parts = self._parts
        snapshot = parts.control.at(epoch)
        engine = engine_of(snapshot, parts.sealer, parts.contracts)
        receivers = receivers_of(snapshot, parts.contracts, parts.sealer, parts.keystore, engine, self._views)
        return Known(epoch, parts.control.fold(epoch), engine, receivers)


def release_stage(parts: Parts, audit: Log) -> ReleaseStage:
    """Make the release stage; its manifests go to `audit`, the instance's own log."""
    parts.topology.require(RELEASE, parts.raw)
    return ReleaseStage(
        topics=parts.raw,
        audit=audit,
        sealer=parts.sealer,
        contracts=parts.contracts,
        knowledge=WorkerKnowledge(parts),
        node=parts.instance,
        partitions=parts.topology.partitions,
    )


def supervise_stage(parts: Parts, audit: Log) -> SuperviseStage:
    """Make the supervise stage; what its models find goes to `audit`, the instance's own log.

    Raises:
        KafkaTopicMissingError: this worker sees no raw topic: without their writers no mark would ever count.
    """
    if not parts.raw:
        raise KafkaTopicMissingError(topic=f"{RAW}*")
    stage = SuperviseStage(
        audit=audit,
        sealer=parts.sealer,
        knowledge=WorkerKnowledge(parts),
        partitions=parts.topology.partitions,
        writers=parts.topology.writers(RELEASE, parts.raw),
    )
    parts.topology.require(stage.name, stage.topics)
    return stage
