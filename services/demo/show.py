"""`demo`: the city at a pace a person can follow, with the console beside it, until Ctrl-C."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from schemas.clock import ScaledClock, SystemClock
from services.demo.check import Say, wait_until_healthy
from services.demo.publisher import GatewayAnswerError, Publisher
from services.demo.stage import PASSWORD, Stage, prepare, run_clock
from services.node.ports import listen
from services.node.supervisor import Child, Supervisor, console_command, index_child, node_command
from services.simulator.city import City, simulate

RATE = 14_400.0
"""A simulated day passes in six seconds."""
LEAD_SECONDS = 6.0
NAP_SECONDS = 0.05


def show_city(data: Path, seed: int, cases: int, ports: tuple[int, int], say: Say) -> int:
    """Run until stopped; return the node's exit code."""
    for port in ports:
        listen(port).close()
    city = simulate(seed, cases)
    stage = prepare(data, city.start_us, seed=seed, cases=cases)
    base = SystemClock()
    started = base.now_us() + int(LEAD_SECONDS * 1_000_000)
    run_clock(stage, started=started, origin=city.start_us, rate=RATE)
    children = [
        Child("node", node_command(data, ports[0], None), keep=False),
        Child("console", console_command(*ports), keep=True),
        index_child(data),
    ]
    clock = ScaledClock(base, started=started, origin=city.start_us, rate=RATE)
    stop = threading.Event()
    driver = threading.Thread(target=drive, args=(children[0], city, stage, ports[0], clock, stop, say), daemon=True)
    greet(ports, stage, city, say)
    supervisor = Supervisor(children, say, driver.start)
    try:
        return supervisor.run()
    finally:
        stop.set()


def greet(ports: tuple[int, int], stage: Stage, city: City, say: Say) -> None:
    """Say where to look and who to be."""
    say(f"casebus: {city.cases} cases, {city.events} events over 75 days; a day passes in six seconds")
    say(f"casebus: console  http://127.0.0.1:{ports[1]}   (loopback only)")
    say(f"casebus: sign in as {', '.join(stage.accounts)}; password {PASSWORD}")
    say("casebus: Ctrl-C stops everything; the node stays in " + str(stage.data))


def drive(
    node: Child, city: City, stage: Stage, port: int, clock: ScaledClock, stop: threading.Event, say: Say
) -> None:
    """Deliver each thing when its time has come."""
    publisher = Publisher(f"http://127.0.0.1:{port}", stage.tokens)
    try:
        wait_until_healthy(node, publisher)
        for delivery in city.deliveries:
            while clock.now_us() < delivery.at_us and not stop.is_set():
                time.sleep(NAP_SECONDS)
            if stop.is_set():
                return
            publisher.deliver(delivery)
        say("casebus: the city has told everything; the clock goes on, the console stays open")
    except GatewayAnswerError as error:
        say(f"casebus: {error.message()}")
    finally:
        publisher.close()
