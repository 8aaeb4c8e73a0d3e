"""The desk of requests over a node: its people, its control records, its door's log."""

from __future__ import annotations

from collections.abc import Sequence

from services.asking.desk import RequestDesk
from services.asking.request import Requests
from services.node.approval import widenings
from services.node.approving import Between, put_in_force, require_topic
from services.node.masks import masked
from services.node.node import Node
from services.node.subscriptions import VIEW
from streams.control import Wanted


def request_desk_of(node: Node, between: Between) -> RequestDesk:
    """Make the desk, and put in force what was approved when the node was killed."""

    def whole(wanted: Wanted) -> Wanted:
        assert wanted.body is not None
        return Wanted(wanted.kind, wanted.key, masked(wanted.body, node.contracts))

    def wider(wanted: Wanted) -> Sequence[str]:
        return widenings(node.control.snapshot, [whole(wanted)]).get(wanted.key, ())

    def force(wanted: Wanted, approvers: Sequence[str]) -> None:
        between(lambda: _put(node, whole(wanted), approvers))

    desk = RequestDesk(
        Requests(node.bus),
        node.door.record,
        node.contracts,
        node.clock,
        lambda: node.control.snapshot,
        wider,
        force,
        lambda name: require_topic(node, name, {"delivers": VIEW}),
    )
    desk.resume()
    return desk


def _put(node: Node, wanted: Wanted, approvers: Sequence[str]) -> None:
    put_in_force(node, wanted, approvers)
