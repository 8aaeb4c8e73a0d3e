"""What a node gives those who watch its audit log: the officer's desk, metrics, the log's pulse."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from services.auditor.desk import AuditDesk
from services.auditor.metrics import AuditCollector
from services.auditor.router import auditor_router
from services.node.head_keeper import HeadKeeper
from services.node.node import Node


def auditing_router(node: Node) -> APIRouter:
    """Return the auditor's routes, and have the log measured for Prometheus."""
    index = node.data.index
    desk = AuditDesk(node.data.audit, index, node.audit, node.sealer.keyed_digest)
    collector = AuditCollector(node.data.audit, index, node.audit, desk.checking, unwitnessed_of(node))
    node.door.metrics.registry.register(collector)
    return auditor_router(desk, node.signed_in)


def head_keeper_of(node: Node) -> HeadKeeper:
    """Return the pulse of the node's log; it looks at the machine's clock, which a demonstration does not move."""
    return HeadKeeper(node.audit, node.name.node, node.ground.machine)


def unwitnessed_of(node: Node) -> Callable[[], int]:
    """Return what tells for how long the log is unwitnessed, by the policy beside it; without one it never is."""
    gate = node.ground.gate
    return gate.unwitnessed if gate else lambda: 0
