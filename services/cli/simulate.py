"""`casebus simulate`: write a simulated city's deliveries and its truth file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.output import Json, emit

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Folder for events.ndjson and truth.json; made if absent.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same city.")] = 1,
    cases: Annotated[int, typer.Option("--cases", min=1, help="How many cases; 200 or more hold every story.")] = 200,
    as_json: Json = False,
) -> None:
    """Write DIR/events.ndjson (one arrival a line) and DIR/truth.json (which alerts must stand at the end)."""
    from services.simulator.city_files import write

    emit(write(out, seed, cases), as_json=as_json, show=_shown)


def _shown(document: Any) -> str:
    return (
        f"{document['cases']} cases, {document['events']} events in {document['deliveries']} deliveries, "
        f"{document['planted']} alerts planted, {document['near_misses']} near misses"
    )
