"""`casebus witness`: be a witness for other agencies' audit logs, ask one's own witnesses, check evidence of a fork."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.output import Json, emit, fail, say
from services.cli.trust import DEFAULT_DATA, Data, Key, PolicyFile, content_of, policy_of

app = typer.Typer(no_args_is_help=True, help="Witnesses of audit logs: up, ask, fork.", rich_markup_mode=None)

DEFAULT_PORT = 8480
Dir = Annotated[Path, typer.Option("--dir", help="The witness's own directory.")]


@app.command()
def up(
    policy: Annotated[Path, typer.Option("--policy", help="Policy file whose `log` lines name the logs to follow.")],
    directory: Dir = Path(".casebus/witness"),
    name: Annotated[
        str | None, typer.Option(help="Name of a new witness, such as casebus.demo/990102/witness.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = DEFAULT_PORT,
    peer: Annotated[list[str] | None, typer.Option(help="Address of another witness, to compare with first.")] = None,
    accept_loss: Annotated[bool, typer.Option("--accept-loss", help="Go on behind what was signed before.")] = False,
) -> None:
    """Run a witness until Ctrl-C; it says its verifier key first."""
    import httpx
    import uvicorn

    from schemas.errors import CasebusError
    from services.node.ports import listen, port_of
    from services.witness.app import create_app
    from services.witness.serving import SECONDS, make_ready, open_witness, published_by

    try:
        logs = policy_of(policy, None)
        listener = listen(port)
        witness, store = open_witness(directory, logs, name=name)
        with httpx.Client(timeout=SECONDS) as client:
            caught = make_ready(witness, store, published_by(client, peer or (), logs.logs), accept_loss=accept_loss)
    except CasebusError as error:
        fail(error)
    say(f"casebus: witness http://127.0.0.1:{port_of(listener)} follows {len(logs.logs)} logs; caught up {len(caught)}")
    say(witness.key.text)
    config = uvicorn.Config(create_app(witness, store), log_config=None, access_log=False)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        store.close()


@app.command()
def ask(
    policy: Annotated[Path, typer.Option("--policy", help="Policy file with the witnesses' addresses and the quorum.")],
    data: Data = DEFAULT_DATA,
    seconds: Annotated[float, typer.Option(help="Time limit for each witness.")] = 5.0,
    as_json: Json = False,
) -> None:
    """Show the log's newest head to its witnesses once and keep it cosigned; exit 5 without a quorum, 6 on a fork."""
    import httpx

    from schemas.errors import CasebusError, IntegrityError, UnavailableError
    from services.witness.asking import WitnessAsker

    try:
        with httpx.Client(timeout=seconds) as client:
            found = WitnessAsker(data / "audit", policy_of(policy, None), client).ask()
    except CasebusError as error:
        fail(error, as_json=as_json)
    emit({"size": found.size, "met": found.met, "answers": found.answers}, as_json=as_json, show=_show_round)
    if found.alarming:
        raise typer.Exit(IntegrityError.exit_code)
    if not found.met:
        raise typer.Exit(UnavailableError.exit_code)


@app.command()
def fork(
    evidence: Annotated[Path, typer.Argument(help="Evidence file, from a witness's /evidence.")],
    public_key: Key = None,
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Check evidence that a log has two histories; exit 0 where it proves that, 6 where it does not."""
    from schemas.errors import CasebusError
    from security.audit.fork import ForkEvidence

    try:
        trusted = policy_of(policy, public_key)
        origin, earlier, later = ForkEvidence.parse(content_of(evidence)).verify(trusted)
    except CasebusError as error:
        fail(error, as_json=as_json)
    emit({"forked": True, "origin": origin, "earlier": earlier, "later": later}, as_json=as_json)


def _show_round(said: Mapping[str, Any]) -> str:
    lines = [f"size {said['size']}: {'quorum met' if said['met'] else 'NO QUORUM'}"]
    return "\n".join([*lines, *(f"{name:<24} {answer}" for name, answer in said["answers"].items())])
