"""The files of a simulated city: `events.ndjson`, one arrival a line, and `truth.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import UsageError
from services.simulator.city import City, simulate
from services.simulator.delivery import Delivery
from services.simulator.truth import Truth

EVENTS = "events.ndjson"
TRUTH = "truth.json"


class FolderUnusableError(UsageError):
    """The files cannot be written there; fields: `folder`, `reason`."""

    code = "simulator.folder_unusable"


def write(folder: Path, seed: int, cases: int) -> dict[str, Any]:
    """Simulate a city into `folder` and return its counts.

    Raises:
        FolderUnusableError: the folder cannot be made or written.
    """
    city = simulate(seed, cases)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(delivery.as_line() + "\n" for delivery in city.deliveries)
        (folder / EVENTS).write_text(lines, encoding="utf-8")
        truth = json.dumps(_head(city) | city.truth.as_dict(), ensure_ascii=False, indent=1)
        (folder / TRUTH).write_text(truth + "\n", encoding="utf-8")
    except OSError as error:
        raise FolderUnusableError(folder=folder.name, reason=error.strerror) from None
    return _head(city) | {
        "events": city.events,
        "deliveries": len(city.deliveries),
        "planted": len(city.truth.alerts),
        "near_misses": len(city.truth.near_misses),
    }


def read_truth(folder: Path) -> Truth:
    """Read a truth file back."""
    return Truth.from_dict(json.loads((folder / TRUTH).read_text(encoding="utf-8")))


def read_deliveries(folder: Path) -> Iterator[Delivery]:
    """Read the deliveries back, in the order of arrival."""
    with (folder / EVENTS).open(encoding="utf-8") as lines:
        yield from (Delivery.from_line(line) for line in lines)


def _head(city: City) -> dict[str, Any]:
    return {"seed": city.seed, "cases": city.cases, "start_us": city.start_us, "end_us": city.end_us}
