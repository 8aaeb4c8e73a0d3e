"""`casebus demo`: the simulated city through a real node; `--check` compares the outcome with the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.node import DEFAULT_CONSOLE_PORT, DEFAULT_PORT
from services.cli.output import Json, emit, say

app = typer.Typer(rich_markup_mode=None)

CHECK_CASES = 200
SHOW_CASES = 80
FAILED = 1


@app.command()
def demo(
    check: Annotated[bool, typer.Option("--check", help="Run through at once, compare with the truth, end.")] = False,
    seed: Annotated[int, typer.Option(help="Another seed, another city.")] = 7,
    cases: Annotated[int | None, typer.Option(min=1, help="How many cases the city has.")] = None,
    data: Annotated[Path, typer.Option(help="Where the demonstration's node lives; made anew.")] = Path(
        ".casebus/demo"
    ),
    port: Annotated[int, typer.Option(help="The node's port on 127.0.0.1.")] = DEFAULT_PORT,
    console_port: Annotated[int, typer.Option(help="The console's port on 127.0.0.1.")] = DEFAULT_CONSOLE_PORT,
    as_json: Json = False,
) -> None:
    """Simulate a city of sixteen districts through an embedded node, with its console on 127.0.0.1."""
    from services.demo.check import check_city
    from services.demo.show import show_city

    if check:
        outcome = check_city(data, seed, cases or CHECK_CASES, say)
        emit(outcome.as_dict(), as_json=as_json)
        raise typer.Exit(0 if outcome.ok else FAILED)
    raise typer.Exit(show_city(data, seed, cases or SHOW_CASES, (port, console_port), say))
