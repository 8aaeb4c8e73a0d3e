"""`kill`: fifty kills -9 of a node process at random moments while a simulated city is told to it over HTTP.

Every fourth kill comes while the node is still opening after the one before. The publisher sends again what it was not
answered. At the end the alerts are compared with the truth, the audit log is verified, and every delivered record is
looked up in it. Raw is the machine's own: how long the same node takes to answer after a clean start.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from services.demo.outcome import outcome_of
from services.demo.stage import prepare, step_clock
from services.simulator.city import simulate
from tests.bench.harness import Figure, Report
from tests.integration.city_replay import Killer, StubbornPublisher, planned, replay
from tests.integration.delivery_proof import prove
from tests.integration.node_process import NodeProcess

SEED, CASES, KILLS = 50, 120, 50


def run() -> Report:
    """Run one replay with fifty kills and judge it."""
    city = simulate(SEED, CASES)
    rng = random.Random(SEED)  # noqa: S311 - kills that can be repeated
    with tempfile.TemporaryDirectory() as folder:
        stage = prepare(Path(folder) / "data", city.start_us, seed=SEED, cases=CASES)
        step_clock(stage, city.start_us)
        node = NodeProcess.on_a_free_port(stage.data)
        publisher = StubbornPublisher(node.url, stage.tokens, city.start_us)
        # Of the strikes every fourth kills twice: forty strikes make fifty kills.
        killer = Killer(node, publisher, rng, planned(rng, city, KILLS * 4 // 5))
        try:
            began = time.monotonic()
            node.start()
            node.await_health()
            clean = time.monotonic() - began
            replay(city, publisher, killer)
            code = node.stop()
        finally:
            publisher.close()
            node.end()
        outcome, proof = outcome_of(stage.data, city, time.monotonic() - began), prove(stage.data)
    wrong = len(outcome.verdict.missing) + len(outcome.verdict.unexpected)
    load = {
        "cases": CASES,
        "events": city.events,
        "alerts expected": outcome.verdict.expected,
        "deliveries checked": proof.deliveries,
        "audit records": outcome.audit_records,
        "requests sent again": publisher.again,
        "seconds": round(outcome.seconds, 1),
    }
    faults = (not outcome.verified) + (code != 0) + len(proof.shown ^ set(proof.delivered["panorama"]))
    figures = [
        Figure("kills -9 survived", killer.kills, "kills", floor=KILLS),
        Figure("alerts lost or doubled, against the truth", wrong, "alerts", floor=0, better="lower"),
        Figure("records without, or beside, their manifest", len(proof.breaches), "records", floor=0, better="lower"),
        Figure("audit log, clean stop, events lost", faults, "faults", floor=0, better="lower"),
        Figure("outage a kill, as the publisher sees it", publisher.waited / killer.kills, "s", None, "lower", clean),
    ]
    return Report("kill", load, figures)
