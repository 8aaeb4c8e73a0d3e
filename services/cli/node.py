"""`casebus node`: run a node and look at one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.output import Json, emit, say

app = typer.Typer(no_args_is_help=True, help="Run a node: up, status.", rich_markup_mode=None)

DEFAULT_PORT = 8470
DEFAULT_CONSOLE_PORT = 8471
Data = Annotated[Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory.")]


@app.command()
def up(
    data: Data = Path(".casebus/data"),
    site: Annotated[Path | None, typer.Option(help="Reviewed site file; needed for a new node.")] = None,
    port: Annotated[int, typer.Option(help="The node's port on 127.0.0.1.")] = DEFAULT_PORT,
    console_port: Annotated[int, typer.Option(help="The console's port on 127.0.0.1; 0: none.")] = DEFAULT_CONSOLE_PORT,
) -> None:
    """Run the node and its console until Ctrl-C."""
    from services.node.ports import listen
    from services.node.supervisor import Child, Supervisor, console_command, node_command

    for wanted in (port, console_port):
        listen(wanted).close()
    children = [Child("node", node_command(data, port, site), keep=False)]
    if console_port:
        children.append(Child("console", console_command(port, console_port), keep=True))
        say(f"casebus: console http://127.0.0.1:{console_port}")
    say(f"casebus: node http://127.0.0.1:{port}, data {data}; Ctrl-C stops both")
    raise typer.Exit(Supervisor(children, say).run())


@app.command()
def status(data: Data = Path(".casebus/data"), as_json: Json = False) -> None:
    """Say what a node holds, running or not: records by topic, alerts by state."""
    emit(read_status(data), as_json=as_json)


def read_status(data: Path) -> dict[str, Any]:
    """Look at a node's directory and count."""
    from collections import Counter

    from services.demo.outcome import standing
    from services.node.layout import DataDirectory
    from streams.bus.embedded import EmbeddedBus

    directory = DataDirectory(data)
    name = directory.name()
    bus = EmbeddedBus(directory.bus, read_only=True)
    try:
        topics = {topic: bus.end(topic, 0) for topic in bus.topics("")}
        states = Counter(found.state for found in standing(bus))
    finally:
        bus.close()
    return {"node": name.node, "origin": name.origin, "records": topics, "alerts": dict(sorted(states.items()))}
