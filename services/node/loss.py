"""Accepting a loss in a stopped node: its lock, its key, the floor that its bus cites."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import ClassVar

from schemas.clock import SystemClock
from schemas.errors import UsageError
from security.audit.accepting_loss import Loss, accept_loss
from security.keys.file import FileKeystore
from services.node.audit_settings import AuditSettings
from services.node.ground import AUDIT_KEY
from services.node.layout import DataDirectory
from streams.bus.embedded import EmbeddedBus
from streams.runners.citations import highest_citation


class ReplicaLeftError(UsageError):
    """The node has a replica: what it lacks is there, and nothing needs to be given up."""

    code: ClassVar[str] = "node.replica_left"


def accept_loss_of(data: DataDirectory, approvers: Sequence[str]) -> Loss:
    """Go on in `data` with what its log has; raises as `accept_loss` does, and where the node has a replica."""
    name = data.name()
    if data.on_kafka or AuditSettings.of(data).replica is not None:
        raise ReplicaLeftError(path=data.root.name)
    data.lock()
    try:
        signer = FileKeystore(data.keys / "keystore.json").signer(AUDIT_KEY)
        with closing(EmbeddedBus(data.bus, read_only=True)) as bus:
            floor = highest_citation(bus, name.node)
        return accept_loss(data.audit, name.origin, name.node, signer, SystemClock(), floor, approvers)
    finally:
        data.unlock()
