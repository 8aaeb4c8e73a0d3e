"""Setting the stage: a fresh node for the demonstration, its sources' tokens and its people's passwords."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from schemas.clock import ManualClock
from schemas.errors import UsageError
from services.node.layout import write_private
from services.node.node import open_node
from services.node.site import Site
from services.node.timekeeping import save_scaled, save_stepped

SITE = Path(__file__).resolve().parents[2] / "deploy" / "site" / "demo.yaml"
MARKER = "demo.json"
PASSWORD = "casebus-demo"  # noqa: S105 - printed on the screen; the node listens on loopback and knows no real case


class NotADemoError(UsageError):
    """The data directory holds something that is no demonstration: it is not touched."""

    code: ClassVar[str] = "demo.not_a_demo"


@dataclass(frozen=True)
class Stage:
    """What the driver needs: source → token, and the accounts to show."""

    data: Path
    tokens: dict[str, str]
    accounts: tuple[str, ...]


def clear(data: Path) -> None:
    """Remove an earlier demonstration; anything else in its place is refused."""
    if not data.exists() or not any(data.iterdir()):
        return
    if not (data / MARKER).is_file():
        raise NotADemoError(path=data.name)
    shutil.rmtree(data)


def prepare(data: Path, start: int, *, seed: int, cases: int) -> Stage:
    """Make a fresh node at `data` whose clock stands at `start`."""
    clear(data)
    data.mkdir(parents=True, exist_ok=True)
    write_private(data / MARKER, {"seed": seed, "cases": cases})
    site = Site.load(SITE)
    node = open_node(data, site, clock=ManualClock(start))
    try:
        tokens = {source.id: node.tokens.issue(source.id) for source in site.sources}
        for account in site.accounts:
            node.accounts.set_password(account.id, PASSWORD)
    finally:
        node.close()
    return Stage(data, tokens, tuple(account.id for account in site.accounts))


def step_clock(stage: Stage, start: int) -> None:
    """Put the node on a clock that the driver moves."""
    save_stepped(stage.data / "clock.json", start)


def run_clock(stage: Stage, *, started: int, origin: int, rate: float) -> None:
    """Put the node on a clock that runs `rate` times as fast."""
    save_scaled(stage.data / "clock.json", started=started, origin=origin, rate=rate)


def marked(data: Path) -> dict[str, int]:
    """Return what the marker of a demonstration says."""
    found: dict[str, int] = json.loads((data / MARKER).read_text(encoding="utf-8"))
    return found
