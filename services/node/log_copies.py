"""`python -m services.node.log_copies --data DIR --kafka ADDRESS`: what `node up` runs beside a node on Kafka.

It copies the site's other audit logs from their topics, for the officer's desk, and is ended by its signal, at any
moment: what was not written is read again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from schemas.clock import SystemClock
from schemas.errors import CasebusError, UnavailableError
from security.keys.file import FileKeystore
from security.logging import configure, get_logger
from services.auditor.following import give_way
from services.node.carrier import address_of
from services.node.layout import DataDirectory, NoNodeError
from services.node.other_logs import LogCopies
from streams.bus.kafka_reader import KafkaReader

PERIOD_SECONDS = 0.5
AGAIN_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Follow until ended; what cannot be done now is tried again."""
    parser = argparse.ArgumentParser(prog="services.node.log_copies", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the node's data directory")
    parser.add_argument("--kafka", default="", help="bootstrap servers; without them the environment says")
    options = parser.parse_args(arguments)
    configure()
    give_way()
    log = get_logger("log_copies")
    while True:
        try:
            follow(DataDirectory(options.data), options.kafka)
        except (NoNodeError, UnavailableError) as error:
            # A node that is just being made is not there yet; a Kafka that is away comes back.
            log.warning("log_copies.waiting", code=error.code)
        time.sleep(AGAIN_SECONDS)


def follow(data: DataDirectory, bootstrap: str) -> None:
    """Follow until the bus does not answer; what is wrong with a log is logged once, and stands beside its copy."""
    name, told, log = data.name(), dict[str, str](), get_logger("log_copies")
    keystore = FileKeystore(data.keys / "keystore.json")
    with closing(KafkaReader(address_of(bootstrap), f"log-copies.{name.node}")) as reader:
        copies = LogCopies(data, name, keystore, reader, SystemClock())
        with closing(copies):
            while True:
                for each, state in copies.look().items():
                    if state.why != told.get(each, ""):
                        log.warning("log_copies.wrong", log=each, code=state.why)
                    told[each] = state.why
                time.sleep(PERIOD_SECONDS)


if __name__ == "__main__":
    try:
        main()
    except CasebusError as fault:
        raise SystemExit(fault.exit_code) from None
