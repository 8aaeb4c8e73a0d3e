"""Opening a node's audit log: the floor from bus and replica, catching up from the replica, the checker, the policy."""

from __future__ import annotations

from contextlib import ExitStack

from schemas.clock import Clock
from security.audit.catching_up import catch_up
from security.audit.checkpoint import Signer, VerifierKey
from security.audit.directory_replica import DirectoryReplica
from security.audit.errors import AuditRolledBackError
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.record import Entry
from security.audit.replica import WholeReplica
from services.node.audit_settings import AuditSettings, write_policy
from services.node.layout import DataDirectory, NodeName
from streams.audit_replica import BusReplica


def open_audit(
    data: DataDirectory,
    name: NodeName,
    signer: Signer,
    clock: Clock,
    floor: int,
    settings: AuditSettings,
    witnesses: bytes | None,
    stack: ExitStack,
    on_bus: BusReplica | None = None,
) -> AuditLog:
    """Open the log with its replica in step; an older copy of it takes up first what the replica has more.

    The replica is `on_bus` where there is one, which is taken from whoever wrote it before; else the settings' folder.

    Raises:
        AuditRolledBackError: the log ends below its floor, and no replica has the rest.
        AuditTamperedError, ReplicaDiffersError: log or replica is not what was written.
        AuditReplicaError, KafkaUnavailableError: the replica is not there.
    """
    replica: WholeReplica | None = on_bus
    if on_bus is not None:
        on_bus.take()
    elif settings.replica is not None:
        folder = replica = DirectoryReplica(settings.replica, name.origin, new=settings.new)
        stack.callback(folder.close)

    def opened() -> AuditLog:
        least = max(floor, replica.size()) if replica else floor
        known = [replica.head] if replica and replica.head else []
        return AuditLog.open(data.audit, name.origin, name.node, signer, clock, floor=least, checked=True, known=known)

    taken = 0
    try:
        audit = opened()
    except AuditRolledBackError:
        taken = catch_up(data.audit, name.origin, replica) if replica else 0
        if not taken:
            raise
        audit = opened()
    stack.callback(audit.close)
    if replica is not None:
        replica.belong(Layout(data.audit))
        audit.replicate(replica)
    if taken:
        audit.append([Entry(act="recover", obj="replica", data={"kind": "caught_up", "records": taken})])
    write_policy(data.audit, VerifierKey(name.origin, signer.public_key), witnesses)
    return audit
