"""A node of the demonstration in a process of its own, made from its site file or from a changed one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from schemas.catalogue import Contracts
from services.node.node import open_node
from services.node.site import Site
from tests.house.tree import ROOT
from tests.integration.node_process import NodeProcess

DEMO = ROOT / "deploy" / "site" / "demo.yaml"


def site_file(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Write the demonstration's site file with a change."""
    document = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    change(document)
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


@contextmanager
def running_node(folder: Path, site: Path, people: Sequence[str]) -> Iterator[NodeProcess]:
    """Run a node of `site` in `folder`/data, where each of the people has `the password of …`."""
    node = open_node(folder / "data", Site.load(site, Contracts.load()))
    for account in people:
        node.accounts.set_password(account, f"the password of {account}")
    node.close()
    process = NodeProcess.on_a_free_port(folder / "data")
    process.start()
    try:
        process.await_health()
        yield process
    finally:
        process.end()
