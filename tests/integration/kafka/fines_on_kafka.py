"""The road fines log through a node on Kafka, for the test of a tenth and for the bench of the whole."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from services.cli.importing import bring_in
from services.importer.mapping import load_mapping
from services.importer.opening import open_file
from services.node.site import Site
from streams.bus.kafka_address import KafkaAddress
from tests.integration.fines_node import MAPPING, SITE
from tests.integration.kafka.installation import Installation


def fines_office(address: KafkaAddress, folder: Path, models: tuple[Path, ...], partitions: int) -> Installation:
    """Make the topics and the node of the fines site, with these models active."""
    site = dataclasses.replace(Site.load(SITE), models=models)
    office = Installation(address, folder / "data", site, partitions)
    office.make_topics()
    office.node().close()
    return office


@contextmanager
def pointed_at(address: KafkaAddress) -> Iterator[None]:
    """Let commands of this process find the Kafka by the environment, as an operator's do."""
    before = dict(os.environ)
    os.environ.update(address.environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def imported(office: Installation, log: Path) -> dict[str, Any]:
    """Bring a log in as `casebus import` does; everything has taken effect when this returns."""
    with pointed_at(office.address):
        rules = load_mapping(MAPPING)
        return bring_in(rules, open_file(rules, log), office.data, None, lambda: False)
