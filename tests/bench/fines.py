"""The road fines log for benches: found or said to be missing, and imported whole into a node."""

from __future__ import annotations

from pathlib import Path

from services.importer.importer import Importer
from services.importer.mapping import load_mapping
from services.importer.opening import open_file
from services.node.node import Node, open_node
from services.node.site import Site
from streams.runners.memory import settle
from tests.house import parts
from tests.integration.fines_log import EVENTS
from tests.integration.fines_node import MAPPING, SITE, SOURCE


def fines_log() -> Path:
    """Return the log's path; a missing log ends the bench loudly, with exit code 1."""
    found = parts.fines_log()
    if found is None:
        raise SystemExit(f"NOT RUN: {parts.missing('realdata')}")
    return found


def import_whole(data: Path, log: Path) -> Node:
    """Send every row of the log through the door of a fresh node and declare it complete; nothing is released yet."""
    node = open_node(data, Site.load(SITE))
    settle()
    rules = load_mapping(MAPPING)
    reached = Importer(
        rules, open_file(rules, log), lambda events: node.door.accept(SOURCE, events, purpose="import"), None
    ).run()
    if (reached.accepted, reached.rejected) != (EVENTS, 0):
        raise AssertionError(reached)
    node.door.complete_to(SOURCE, rules.complete_to or 0)
    return node
