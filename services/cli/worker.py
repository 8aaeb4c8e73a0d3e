"""`casebus worker`: one worker of the Kafka installation, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import CasebusError
from schemas.texts import text
from services.cli.output import language, say

app = typer.Typer(
    no_args_is_help=True,
    help="Run a worker on Kafka: release, supervise, or a gateway beside the node.",
    rich_markup_mode=None,
)

Data = Annotated[
    Path, typer.Option("--data", envvar="CASEBUS_DATA", help="Directory with the keys; audit logs go here.")
]
Kafka = Annotated[
    str, typer.Option("--kafka", envvar="CASEBUS_KAFKA", help="Bootstrap servers, host:port[,host:port].")
]
Instance = Annotated[str, typer.Option(help="Name of this worker; restarted within a session it keeps its partitions.")]
Metrics = Annotated[int | None, typer.Option(help="Port on 127.0.0.1 for metrics; none: no port is opened.")]

Memory = Annotated[
    int | None,
    typer.Option(
        "--state-memory", min=1, help="MiB its states may take in memory, 256 by itself; a file has the rest."
    ),
]


@app.command()
def release(
    data: Data = Path(".casebus/data"),
    kafka: Kafka = "",
    instance: Instance = "release-1",
    metrics: Metrics = None,
    memory: Memory = None,
) -> None:
    """Decide, audit and deliver: raw events to views and work."""
    _run("release", data, kafka, instance, metrics, memory)


@app.command()
def supervise(
    data: Data = Path(".casebus/data"),
    kafka: Kafka = "",
    instance: Instance = "supervise-1",
    metrics: Metrics = None,
    memory: Memory = None,
) -> None:
    """Run the supervision models: work to alerts."""
    _run("supervise", data, kafka, instance, metrics, memory)


@app.command()
def gateway(
    instance: Annotated[str, typer.Option(help="Name of this gateway, as the site file gives it to its sources.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")],
    data: Data = Path(".casebus/data"),
    kafka: Kafka = "",
) -> None:
    """Take the events of the sources that the site gives to this gateway, into a log of its own."""
    from services.node.carrier import address_of
    from services.worker.gateway_serving import serve

    raise typer.Exit(serve(data, address_of(kafka), instance, port, _tell))


def _run(kind: str, data: Path, kafka: str, instance: str, metrics: int | None, memory: int | None) -> None:
    from security.logging import configure
    from services.node.carrier import address_of
    from services.worker.patience import Patience
    from services.worker.serving import Order, serve

    configure()
    serve(Order(kind, data, address_of(kafka), instance, metrics, memory), Patience(_tell))


def _tell(error: CasebusError) -> None:
    """Say what the worker waits for."""
    lang = language()
    say(f"casebus: {error.message(lang)}  [{error.code}]")
    say(f"  → {error.hint(lang)}")
    say(f"  → {text('worker.waiting', lang)}")
