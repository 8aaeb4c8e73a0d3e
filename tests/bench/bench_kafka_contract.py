"""`./run bench kafka-contract`: the contract of runners over a real Kafka with real workers, every case of it.

Each case begins on empty ground: a broker, a node, a release worker and two supervise workers. What stands at its end
must be what the embedded runner says, by id: final alerts with their dates, and every decision of release.
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from services.node.site import Site
from services.simulator.city import simulate
from tests.bench.harness import Figure, Report
from tests.contract import test_runner as contract
from tests.contract.runner import RunnerUnderTest, parts_of
from tests.contract.runner import run as told
from tests.house.tree import ROOT
from tests.integration.kafka.runner_on_kafka import KafkaUnderTest, empty_ground


def run() -> Report:
    """Hold the Kafka runner to every case."""
    city, site = simulate(contract.SEED, contract.CASES), Site.load(ROOT / "deploy/site/demo.yaml")
    folder = Path(tempfile.mkdtemp(prefix="casebus-contract-"))
    figures, failed = list[Figure](), 0
    try:
        (folder / "late").mkdir()
        embedded = contract.EmbeddedUnderTest(folder / "reference", site, city.start_us)
        reference = told(embedded, parts_of(city, contract.PARTS))
        cases: dict[str, Callable[[contract.Make], None]] = {
            "told in order": partial(contract.test_told_in_order, city=city, reference=reference),
            "another order, and repeats": partial(
                contract.test_order_of_arrival_and_repeats_change_nothing, city=city, reference=reference
            ),
            "a late part": partial(
                contract.test_a_late_part_folds_its_keys_again, city=city, site=site, tmp_path=folder / "late"
            ),
            "models that come later": partial(
                contract.test_models_that_come_later_find_what_they_would_have_found, city=city, reference=reference
            ),
            "planted alerts": partial(contract.test_the_planted_alerts_stand, city=city),
        }
        for name, case in cases.items():
            # Kafka takes a comma in a folder's name for the end of it.
            seconds, held = _held(case, folder / name.replace(",", "").replace(" ", "-"), site, city.start_us)
            failed += not held
            figures.append(Figure(f"{name}: {'held' if held else 'BROKEN'}", round(seconds, 1), "s"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    load = {"cases of the city": contract.CASES, "workers": "1 release, 2 supervise", "alerts": len(reference.alerts)}
    broken = Figure("cases of the contract that were broken", failed, "", 0, "lower")
    return Report("kafka-contract", load, [broken, Figure("cases", len(cases), "", 5), *figures])


def _held(case: Callable[[contract.Make], None], folder: Path, site: Site, start: int) -> tuple[float, bool]:
    """Run one case on empty ground; return how long it took, and whether it held."""
    folder.mkdir()
    began = time.monotonic()
    with ExitStack() as stack:

        def make(seed: int = 1, models: tuple[Path, ...] = ()) -> RunnerUnderTest:
            del seed
            ground = stack.enter_context(empty_ground(folder, dataclasses.replace(site, models=models)))
            return KafkaUnderTest(ground, start)

        try:
            case(make)
        except AssertionError as error:
            print(error, file=sys.stderr)
            return time.monotonic() - began, False
    return time.monotonic() - began, True
