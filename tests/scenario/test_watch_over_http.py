"""Another agency follows a node's log over HTTP: every record is verified, and what is not one history is proved."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.clock import DAY, ManualClock
from schemas.instants import parse_instant
from security.audit.checkpoint import VerifierKey
from security.audit.evidence import Evidence
from security.audit.fork import ForkEvidence
from security.audit.policy import Policy
from security.audit.record import Entry
from security.audit.tiles import export_tiles
from services.cli.app import app
from services.demo.stage import prepare
from services.node.node import Node, open_node

START = parse_instant("2025-03-03T01:00:00Z")
INTEGRITY, UNAVAILABLE = 6, 5


class Files(SimpleHTTPRequestHandler):
    """A plain file server, as an agency would have one, that says nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name for it
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback; yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def grown(node: Node, day: int, records: int) -> None:
    """Let a node that runs record something and sign a head."""
    node.audit.append([Entry(act="tick", obj=f"day {day}")] * records)
    node.audit.checkpoint()


def newest(tiles: Path, words: bytes) -> Path:
    """Return the last bundle of entries that holds these words."""
    files = [path for path in (tiles / "tile/entries").rglob("*") if path.is_file() and words in path.read_bytes()]
    return max(files, key=lambda path: path.stat().st_mtime_ns)


class Agency:
    """Whoever follows: the key it got when the two were introduced, and what it remembers."""

    def __init__(self, folder: Path, key: Path) -> None:
        self.key, self.state, self.evidence = key, folder / "state", folder / "fork.json"

    def look(self, url: str) -> tuple[int, dict[str, Any]]:
        """Run `casebus audit watch` once; return exit code and answer."""
        places = ["--state", str(self.state), "--public-key", str(self.key), "--evidence", str(self.evidence)]
        done = CliRunner().invoke(app, ["audit", "watch", url, *places, "--json"])
        return done.exit_code, json.loads(done.stdout)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A demonstration node, running."""
    opened = open_node(prepare(tmp_path / "node" / "data", START, seed=1, cases=0).data, clock=ManualClock(START))
    yield opened
    opened.close()


def test_another_agency_follows_verifies_and_proves_a_fork(node: Node, tmp_path: Path) -> None:
    """It follows from head to head; an altered record is a fault; a second history leaves evidence."""
    tiles, key = tmp_path / "www", tmp_path / "handed-over.vkey"
    shutil.copy(node.data.audit / "log.vkey", key)
    policy = Policy.of_key(VerifierKey.parse(key.read_text(encoding="utf-8")))
    agency = Agency(tmp_path, key)

    def shown(running: Node) -> int:
        evidence = Evidence.open(running.data.audit, policy)
        export_tiles(evidence, tiles)
        return evidence.head.size

    with served(tiles) as url:
        for day, records in ((1, 300), (2, 705)):
            grown(node, day, records)
            size = shown(node)
            code, told = agency.look(url)
            assert (code, told["size"]) == (0, size)
        other = tmp_path / "other"
        shutil.copytree(node.data.root, other)
        grown(node, 3, 600)
        before, size = size, shown(node)

        entries = newest(tiles, b"day 3")
        whole = entries.read_bytes()
        entries.write_bytes(whole.replace(b"day 3", b"day 9", 1))
        code, told = agency.look(url)
        assert (code, told["error"]["code"]) == (INTEGRITY, "watch.fault")
        entries.write_bytes(whole)
        code, told = agency.look(url)
        assert (code, told["before"], told["size"]) == (0, before, size)

        stolen = open_node(other, clock=ManualClock(START + DAY))
        grown(stolen, 4, 2_000)
        shutil.rmtree(tiles)
        second = shown(stolen)
        stolen.close()
        code, told = agency.look(url)
        assert (code, told["error"]["code"]) == (INTEGRITY, "watch.forked")
        proof = ForkEvidence.parse(agency.evidence.read_bytes())
        assert proof.verify(policy)[1:] == (size, second)
    code, told = agency.look(url)
    assert (code, told["error"]["code"]) == (UNAVAILABLE, "watch.unreachable")
