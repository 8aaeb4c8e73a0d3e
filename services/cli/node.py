"""`casebus node`: run a node, look at one, give its sources tokens, activate models in it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli import node_backup
from services.cli.output import Json, emit, say

app = typer.Typer(no_args_is_help=True, help="Run a node: up, status, token, activate.", rich_markup_mode=None)
app.add_typer(node_backup.app)

DEFAULT_PORT = 8470
DEFAULT_CONSOLE_PORT = 8471
Data = Annotated[Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory.")]


@app.command()
def up(
    data: Data = Path(".casebus/data"),
    site: Annotated[Path | None, typer.Option(help="Reviewed site file; needed for a new node.")] = None,
    kafka: Annotated[
        str, typer.Option("--kafka", envvar="CASEBUS_KAFKA", help="Bootstrap servers of the Kafka that is its bus.")
    ] = "",
    port: Annotated[int, typer.Option(help="The node's port on 127.0.0.1.")] = DEFAULT_PORT,
    console_port: Annotated[int, typer.Option(help="The console's port on 127.0.0.1; 0: none.")] = DEFAULT_CONSOLE_PORT,
) -> None:
    """Run the node and its console until Ctrl-C."""
    from services.node.ports import listen
    from services.node.supervisor import Child, Supervisor, console_command, copies_child, index_child, node_command

    for wanted in (port, console_port):
        listen(wanted).close()
    children = [Child("node", node_command(data, port, site, kafka), keep=False), index_child(data)]
    if kafka or on_kafka(data):
        children.append(copies_child(data, kafka))
    if console_port:
        children.append(Child("console", console_command(port, console_port), keep=True))
        say(f"casebus: console http://127.0.0.1:{console_port}")
    say(f"casebus: node http://127.0.0.1:{port}, data {data}; Ctrl-C stops them")
    raise typer.Exit(Supervisor(children, say).run())


def on_kafka(data: Path) -> bool:
    """Tell whether a node stands in the directory that was made on Kafka."""
    from services.node.layout import DataDirectory

    directory = DataDirectory(data)
    return directory.exists and directory.on_kafka


@app.command()
def token(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A registered organisation system.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke the tokens it has instead.")] = False,
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """Give a source a token for the gateway; it is shown this once. The node may be running: the act is audited."""
    from services.node.operations import at_node

    with at_node(data) as node:
        if revoke:
            emit({"source": source, "revoked": node.withdraw(source)}, as_json=as_json)
        else:
            emit({"source": source, "token": node.issue(source)}, as_json=as_json)


@app.command()
def password(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="A person of the site file.")],
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """Set the password of a local account, typed twice. The node must be stopped: the act is audited."""
    from services.node.node import open_node
    from services.node.people import set_password

    node = open_node(data)
    try:
        typed = typer.prompt(f"new password of {account}", hide_input=True, confirmation_prompt=True, err=True)
        set_password(node.control.snapshot, node.accounts, node.audit, account, typed)
        emit({"account": account, "password": "set"}, as_json=as_json)
    finally:
        node.close()


@app.command()
def activate(
    models: Annotated[list[str], typer.Argument(metavar="ID|FILE.yaml...", help="Bundled models, or files.")],
    approver: Annotated[list[str], typer.Option("--approver", help="Who approved it; once for each person.")],
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """Activate models in a stopped node: signed, audited, and all history folded anew for them."""
    from services.node.node import open_node
    from streams.supervision.library import files_of

    files = files_of(models)
    node = open_node(data)
    try:
        before = node.control.epoch
        node.activate(files, approver)
        node.pump()
        active = sorted(node.control.snapshot.of("model"))
        changed = node.control.epoch - before
        emit({"epoch": node.control.epoch, "changed": changed, "active": active}, as_json=as_json)
    finally:
        node.close()


@app.command()
def status(data: Data = Path(".casebus/data"), as_json: Json = False) -> None:
    """Say what a node holds, running or not: records by topic, alerts by state."""
    emit(read_status(data), as_json=as_json)


def read_status(data: Path) -> dict[str, Any]:
    """Look at a node's directory and count."""
    from collections import Counter

    from schemas.clock import SystemClock
    from services.demo.outcome import standing
    from services.node.audit_status import audit_status
    from services.node.carrier import reader_of
    from services.node.layout import DataDirectory

    directory = DataDirectory(data)
    name = directory.name()
    with closing(reader_of(directory)) as bus:
        topics = {t: sum(bus.end(t, n) for n in range(bus.partitions(t))) for t in bus.topics("")}
        states = Counter(found.state for found in standing(bus))
    audit, alerts = audit_status(directory, SystemClock()), dict(sorted(states.items()))
    return {"node": name.node, "origin": name.origin, "records": topics, "alerts": alerts, "audit": audit}
