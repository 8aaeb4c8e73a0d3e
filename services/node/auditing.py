"""What a node gives those who watch its audit log: the officer's desk, metrics, the log's pulse."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from security.audit.policy import Policy
from services.auditor.desk import AuditDesk
from services.auditor.logs import OtherLogs
from services.auditor.metrics import AuditCollector
from services.auditor.router import auditor_router
from services.node.head_keeper import HeadKeeper
from services.node.node import Node
from services.node.other_logs import logs_of, policy_of


def auditing_router(node: Node) -> APIRouter:
    """Return the auditor's routes, and have the log measured for Prometheus."""
    index = node.data.index
    digest, others = node.sealer.keyed_digest, other_logs_of(node)
    desk = AuditDesk(node.data.audit, index, node.audit, digest, node.name.node, others)
    collector = AuditCollector(node.data.audit, index, node.audit, desk.checking, unwitnessed_of(node))
    node.door.metrics.registry.register(collector)
    return auditor_router(desk, node.signed_in)


def other_logs_of(node: Node) -> OtherLogs | None:
    """Return the other logs of the site, by its control records; only a node on Kafka has any."""
    if node.ground.carrier.kafka is None:
        return None

    def expected() -> set[str]:
        return logs_of(node.control.snapshot) - {node.name.node}

    def policy(name: str) -> Policy:
        return policy_of(node.keystore, node.name.origin, name)

    return OtherLogs(node.data.logs, expected, policy, node.ground.machine)


def head_keeper_of(node: Node) -> HeadKeeper:
    """Return the pulse of the node's log; it looks at the machine's clock, which a demonstration does not move."""
    return HeadKeeper(node.audit, node.name.node, node.ground.machine)


def unwitnessed_of(node: Node) -> Callable[[], int]:
    """Return what tells for how long the log is unwitnessed, by the policy beside it; without one it never is."""
    gate = node.ground.gate
    return gate.unwitnessed if gate else lambda: 0
