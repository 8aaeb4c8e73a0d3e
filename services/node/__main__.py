"""`python -m services.node --data DIR --port P [--site FILE] [--kafka HOST:PORT]`: what `node up` keeps running."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import CasebusError
from schemas.texts import text
from services.cli.output import fail_with, language, say
from services.node.carrier import address_of
from services.node.server import serve
from services.node.site import Site
from services.node.standing import Standing


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; a coded error leaves with its exit code."""
    parser = argparse.ArgumentParser(prog="services.node", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the node's data directory")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--site", type=Path, help="reviewed site file; makes the node, or brings it to what it says")
    parser.add_argument("--kafka", default="", help="bootstrap servers of the Kafka that is the node's bus")
    options = parser.parse_args(arguments)
    try:
        kafka = address_of(options.kafka) if options.kafka else None
        site = Site.load(options.site) if options.site else None
        return serve(options.data, options.port, site, kafka, tell)
    except CasebusError as error:
        return fail_with(error)


def tell(ended: Sequence[Standing], beside: Sequence[Standing]) -> None:
    """Say what the site file ended at this start, and what stands beside it, with the command that ends it."""
    for each in ended:
        say("casebus: " + text("node.ended_by_site_file", language(), what=each.kind, name=each.name))
    for each in beside:
        by = ", ".join(each.approvers)
        said = text("node.not_in_site_file", language(), what=each.kind, name=each.name, by=by, command=each.command)
        say("casebus: " + said)


if __name__ == "__main__":
    sys.exit(main())
