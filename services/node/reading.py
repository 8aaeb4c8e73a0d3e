"""What a node shows to readers: registry, catalogue, views of subscriptions, by its present state; and how to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter

from security.subjects import Principal
from services.asking.api import asking_router, reviewing_router
from services.gateway.catalogue import Catalogue
from services.gateway.catalogue_api import catalogue_router
from services.gateway.cursor import SignedCursors
from services.gateway.readers import Readers
from services.gateway.receiving import Receiving
from services.gateway.receiving_api import receiving_router
from services.gateway.registry import Registry
from services.gateway.registry_api import registry_router
from services.gateway.view_stream import Streams
from services.node.approving import Between, at_once
from services.node.asking import request_desk_of
from services.node.node import Node
from streams.receivers import Deciding
from streams.view_topic import ViewReceiver


def reading_routers(node: Node, stopping: Callable[[], bool], between: Between = at_once) -> list[APIRouter]:
    """Make the routers; `stopping` tells that the node was asked to stop, `between` runs changes of its state."""

    def receivers() -> Mapping[str, Deciding]:
        return {each.subscription: each for each in node.receivers if isinstance(each, ViewReceiver)}

    def principals() -> Mapping[str, Principal]:
        return {name: receiver.principal for name, receiver in receivers().items()}

    readers = Readers(node.tokens, node.sources, principals)
    carrier = node.ground.carrier
    cursors = SignedCursors(node.sealer.keyed_digest) if carrier.kafka else None
    receiving = Receiving(carrier.views, node.audit, node.clock, receivers, lambda: node.control.epoch, cursors=cursors)
    streams = Streams(receiving, node.views, stopping)
    desk = request_desk_of(node, between)
    return [
        asking_router(desk, readers),
        reviewing_router(desk, node.signed_in),
        catalogue_router(Catalogue(node.contracts, node.sources, lambda: node.receivers), readers),
        registry_router(Registry(node.contracts, node.view_catalogue), readers),
        receiving_router(receiving, streams, readers, node.views),
    ]
