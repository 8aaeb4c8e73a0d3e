"""Running a gateway beside the node in this process: its routes on loopback, and a thread that tells its marks."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from schemas.clock import SystemClock
from schemas.errors import CasebusError, UnavailableError
from security.logging import configure, get_logger
from services.gateway.app import Gateway, create_app
from services.node.head_keeper import HeadKeeper
from services.node.layout import DataDirectory
from services.node.ports import listen, port_of
from services.node.stopping import AuditWatch, StopSignals, code_of
from services.node.supervisor import CRASHED
from services.worker.gateway import BesideGateway, open_gateway
from services.worker.patience import Patience
from streams.bus.kafka_address import KafkaAddress
from streams.runners.memory import settle


@dataclass
class Teller:
    """Follows control and tells the marks once a second; a Kafka that is away is reported and tried again."""

    gateway: BesideGateway
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    INTERVAL: ClassVar[float] = 1.0

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="marks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        log = get_logger("gateway")
        try:
            while not self._stop.wait(self.INTERVAL):
                try:
                    self.gateway.follow()
                    self.gateway.tell()
                except UnavailableError as error:
                    log.warning("gateway.waiting", code=error.code)
        except BaseException:
            log.exception("gateway.teller_failed")
            # Fail-stop: a control record that does not fit, or what nobody foresaw, must not be worked on with.
            os._exit(CRASHED)


def serve(data: Path, address: KafkaAddress, instance: str, port: int, tell: Callable[[UnavailableError], None]) -> int:
    """Run the gateway `instance` on 127.0.0.1:`port` until it is told to stop; returns the exit code.

    A Kafka that does not answer at the start is waited for; `tell` is given the reason.

    Raises:
        PortInUseError, and what `open_gateway` raises: before anything was served.
    """
    configure()
    signals = StopSignals()
    with signals.installed():
        # A port that is taken is told at once; while Kafka is waited for, clients are refused rather than kept waiting.
        listen(port).close()
        patience = Patience(tell, lambda: signals.requested)
        gateway = patience.until_open(lambda: open_gateway(DataDirectory(data), address, instance))
        if gateway is not None:
            _served(gateway, port, signals)
    get_logger("gateway").info("gateway.stopped")
    return 0


def _served(gateway: BesideGateway, port: int, signals: StopSignals) -> None:
    """Serve an open gateway, unless a stop came meanwhile; it is closed whatever happens."""
    try:
        listener = None if signals.requested else listen(port)
    except CasebusError:
        gateway.close()
        raise
    if listener is None:
        gateway.close()
    else:
        _run(gateway, listener, signals)


def _run(gateway: BesideGateway, listener: socket.socket, signals: StopSignals) -> None:
    app = create_app(Gateway(gateway.door, gateway.tokens, SystemClock()))
    server = signals.serving(app)
    settle()
    teller, watch = Teller(gateway), AuditWatch(gateway.audit, server)
    pulse = HeadKeeper(gateway.audit, gateway.name, SystemClock())
    log = get_logger("gateway")
    try:
        teller.start()
        watch.start()
        pulse.start()
        log.info("gateway.serving", port=port_of(listener), epoch=gateway.epoch)
        server.run(sockets=[listener])
    finally:
        watch.stop()
        pulse.stop()
        teller.stop()
        if gateway.audit.poisoned:
            log.error("gateway.audit_poisoned", reason=gateway.audit.poison)
            os._exit(code_of(gateway.audit.poison))
        gateway.close()
