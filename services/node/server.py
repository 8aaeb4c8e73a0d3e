"""The node process: one data directory, one HTTP server on loopback, one thread that releases and supervises.

The gateway's routes and the desk's stand in one application. A stop (SIGTERM, Ctrl-C) first commits what waits at the
door, then ends the worker, then signs the audit log's head. Where the worker or the audit log cannot go on, the process
ends at once with `CRASHED`: its supervisor starts it anew.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI

from schemas.errors import UnavailableError
from security.logging import configure, get_logger
from security.policy.compile import compile_table
from security.policy.table import DecisionTable
from security.subjects import Principal
from services.desk.alert_contract import ALERT
from services.desk.desk import Desk
from services.desk.identity_router import identity_router
from services.desk.models import ModelCard, ModelCards
from services.desk.router import desk_router
from services.gateway.app import Gateway, create_app
from services.gateway.letters_api import nobody
from services.node.assembly import models_of
from services.node.auditing import auditing_router, head_keeper_of
from services.node.keeping import keepers_of
from services.node.node import Node, open_node
from services.node.operations import Opened
from services.node.operator import Access, new_access, offered
from services.node.operator_api import operator_router
from services.node.ports import listen, port_of
from services.node.reading import reading_routers
from services.node.receiver_groups import group_progress_of
from services.node.rehearsal import rehearsal_router
from services.node.site import Site
from services.node.standing import Standing
from services.node.stopping import AuditWatch, StopSignals, code_of
from services.node.subscription_operations import Opened as SubscriptionActs
from services.node.subscription_operator_api import subscription_operator_router
from services.node.supervisor import CRASHED
from services.node.witness_rounds import rounds_of
from streams.bus.kafka_address import KafkaAddress
from streams.runners.memory import settle
from streams.supervision.model import Model
from streams.supervision.pattern import Timed


@dataclass
class Worker:
    """The thread that drives the runner; whatever it cannot recover from ends the process."""

    node: Node
    _stopped: bool = False
    _pause: threading.Event = field(default_factory=threading.Event)
    _changing: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._pause = threading.Event()
        if self._stopped:
            self._pause.set()
        self._thread = threading.Thread(target=self._run, name="runner", daemon=True)
        self._thread.start()

    def between(self, work: Callable[[], None]) -> None:
        """Do something while the runner rests: a change of what it works by must not meet it half-way."""
        with self._changing:
            self._pause.set()
            if self._thread is not None:
                self._thread.join()
            try:
                work()
            finally:
                if self._thread is not None:
                    self.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stopped = True
        self._pause.set()

    def join(self) -> None:
        """Wait for its end."""
        with self._changing:
            if self._thread is not None:
                self._thread.join()

    def _run(self) -> None:
        log = get_logger("node")

        def report(error: UnavailableError) -> None:
            log.warning("node.waiting", code=error.code)

        try:
            self.node.runner.run(self._pause, report)
        except BaseException:
            log.exception("node.worker_failed")
            # Fail-stop: nothing half-done may be acknowledged by a process whose worker is gone.
            os._exit(CRASHED)


def serve(
    data: Path,
    port: int,
    site: Site | None,
    kafka: KafkaAddress | None = None,
    tell: Callable[[Sequence[Standing], Sequence[Standing]], None] | None = None,
) -> int:
    """Run the node of `data` on 127.0.0.1:`port` until it is told to stop; with `kafka`, on that bus.

    `tell` is given what the site file ended at this start, and what is in force though the file does not name it.

    Raises:
        PortInUseError, NodeLockedError, NoNodeError, IntegrityError: before anything was served.
    """
    configure()
    signals = StopSignals()
    with signals.installed():
        listener = listen(port)
        node = open_node(data, site, stopped=lambda: signals.requested, kafka=kafka)
        if tell is not None:
            tell(node.ground.ended, node.ground.beside)
        if signals.requested:
            node.close()
        else:
            run(node, listener, signals)
    get_logger("node").info("node.stopped")
    return 0


def run(node: Node, listener: socket.socket, signals: StopSignals) -> None:
    """Serve an open node until a stop is requested, then close it with a signed head."""
    worker, access = Worker(node), new_access(port_of(listener))
    server = signals.serving(application(node, lambda: signals.requested, access, worker.between))
    settle()
    watch, pulse = AuditWatch(node.audit, server), head_keeper_of(node)
    log = get_logger("node")
    worker.start()
    rounds = rounds_of(node.data.audit, lambda: node.audit.head.size)
    beside = [each for each in (rounds, group_progress_of(node)) if each is not None]
    try:
        for each in beside:
            each.start()
        watch.start()
        pulse.start()
        log.info("node.serving", port=access.port, epoch=node.control.epoch)
        with offered(node.data.root, access):
            server.run(sockets=[listener])
    finally:
        watch.stop()
        pulse.stop()
        for each in beside:
            each.stop()
        worker.stop()
        if node.audit.poisoned:
            log.error("node.audit_poisoned", reason=node.audit.poison)
            os._exit(code_of(node.audit.poison))
        worker.join()
        node.close()


def application(
    node: Node,
    stopping: Callable[[], bool] = lambda: False,
    access: Access | None = None,
    between: Callable[[Callable[[], None]], None] = lambda work: work(),
) -> FastAPI:
    """Make the node's application: the gateway, the desk, and for a demonstration its rehearsal routes.

    `stopping` tells that a stop was requested: streams end by it. `access` opens the operator's routes, and `between`
    runs what must not meet the worker half-way.
    """
    operator = access.fits if access else nobody
    gateway = Gateway(
        node.door, node.tokens, node.clock, machine=node.ground.machine, operator=operator, keeper=keepers_of(node)
    )
    app = create_app(gateway)
    app.include_router(operator_router(Opened(node, between), node.name.node, operator))
    app.include_router(subscription_operator_router(SubscriptionActs(node, between), operator))
    desk = desk_of(node)
    app.include_router(desk_router(desk, node.signed_in))
    app.include_router(identity_router(desk, node.signed_in))
    app.include_router(auditing_router(node))
    for router in reading_routers(node, stopping, between):
        app.include_router(router)
    if node.data.clock.is_file():
        app.include_router(rehearsal_router(node))
    return app


def desk_of(node: Node) -> Desk:
    """Make the desk of a node; a person's table is compiled once."""
    contracts = (*node.contracts.all(), ALERT)
    tables: dict[str, DecisionTable] = {}

    def table_of(principal: Principal) -> DecisionTable:
        found = tables.get(principal.id)
        if found is None or found.principal != principal:
            found = tables[principal.id] = compile_table(principal, contracts)
        return found

    return Desk(
        read_model=node.read_model,
        bus=node.ground.carrier.desk,
        audit=node.audit,
        sealer=node.sealer,
        tables=table_of,
        door=node.door,
        clock=node.clock,
        contracts=node.contracts,
        vault=node.vault,
        models=ModelCards(card_of(model) for model in models_of(node.control.snapshot)),
    )


def card_of(model: Model) -> ModelCard:
    """Return what the desk says of a model."""
    return ModelCard(
        id=model.id,
        code=model.code,
        title=model.title,
        basis=tuple(law.as_dict for law in model.laws.values()),
        closers=model.pattern.judge.closing if isinstance(model.pattern, Timed) else (),
    )
