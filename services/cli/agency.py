"""`casebus agency`: what a publishing agency needs, from nothing to its first accepted event and its quality report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.gateway_client import DEFAULT_URL, DataOrNone, TokenFile, Url, gateway
from services.cli.output import Json, emit, say
from services.node.acting import OPERATION, OPERATOR

app = typer.Typer(
    no_args_is_help=True,
    help="For publishing agencies: onboard, end, schema, publish, receipt, quality.",
    rich_markup_mode=None,
)

BROKEN, NOT_PASSED = 6, 1
MEDIA = {".json": "application/cloudevents+json", ".ndjson": "application/x-ndjson", ".avro": "application/avro"}


@app.command()
def onboard(
    source: Annotated[str, typer.Argument(metavar="ORGANISATION/SYSTEM", help="What your system will be called.")],
    event_type: Annotated[list[str], typer.Option("--type", help="Event type it will publish; once for each.")],
    district: Annotated[list[str], typer.Option("--district", help="District it speaks for; once for each.")],
    agency: Annotated[str, typer.Option(help="Kind of agency, such as market; default: the first type's.")] = "",
    ceiling: Annotated[int, typer.Option(min=1, max=4, help="The highest level it may send.")] = 3,
    approver: Annotated[list[str] | None, typer.Option("--approver", help="Who reviewed it; two persons.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the walk keeps its files.")] = Path("onboarding"),
    data: DataOrNone = None,
    url: Url = DEFAULT_URL,
    token: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Walk a new agency from nothing to its first accepted event; broken off, the same command goes on.

    With --data (the operator's part) the source is registered and its token issued; an agency that was given a token
    names it with --token instead.
    """
    from services.cli.onboarding import Onboarding, Wish

    wish = Wish(source, agency, tuple(event_type), tuple(district), ceiling, tuple(approver or ()))
    walk = Onboarding(wish, folder, data, url, token)
    for step in walk.steps():
        say(f"{'✓' if step['done'] == 'now' else '·'} {step['step']}: {step['says']}")
    emit({"source": source, "folder": str(folder), "steps": walk.taken}, as_json=as_json, show=_walked)


@app.command()
def end(
    source: Annotated[str, typer.Argument(metavar="ORGANISATION/SYSTEM", help="A registered source.")],
    data: Annotated[Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory.")] = Path(
        ".casebus/data"
    ),
    actor: Annotated[str, typer.Option("--actor", help="Who does it, as the audit record will name you.")] = OPERATOR,
    purpose: Annotated[
        str, typer.Option("--purpose", help="What for, as the audit record will say; a code.")
    ] = OPERATION,
    as_json: Json = False,
) -> None:
    """End a source: it publishes no more, its tokens are revoked. The node may be running: the act is audited."""
    from services.node.acting import By
    from services.node.operations import at_node

    with at_node(data) as node:
        emit({"source": source, "epoch": node.end(source, By(actor, purpose))}, as_json=as_json)
    say(f"casebus: where the site file names {source}, take it out of there: a start with the file brings it back")


@app.command()
def schema(
    event_type: Annotated[str, typer.Argument(metavar="TYPE", help="Event type, such as traffic.fine.created.")],
) -> None:
    """Print the Avro schema in which a container file of this type's events is written."""
    from schemas.catalogue import Contracts
    from schemas.submission import schema_of

    sys.stdout.write(json.dumps(schema_of(Contracts.load().by_type(event_type)), ensure_ascii=False, indent=1) + "\n")


@app.command()
def publish(
    file: Annotated[Path, typer.Argument(help="One event (.json), a batch (.ndjson), a container file (.avro).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would become of it; keep nothing.")] = False,
    receipt: Annotated[Path | None, typer.Option(help="File for the receipt of one event.")] = None,
    url: Url = DEFAULT_URL,
    token: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Publish a file; sending it twice is harmless. Exit 1: a part of it was not taken."""
    from services.cli.trust import content_of

    media = MEDIA.get(file.suffix, MEDIA[".json"])
    with gateway(url, token) as client:
        told = client.send("/v1/check" if dry_run else "/v1/events", content_of(file), media)
    if receipt is not None and "receipt" in told:
        receipt.write_text(json.dumps(told["receipt"], indent=1) + "\n", encoding="utf-8")
    emit(told, as_json=as_json)
    passed = told["passes"] if dry_run else not (told.get("refused") or told.get("quarantined"))
    if not passed:
        raise typer.Exit(NOT_PASSED)


@app.command()
def receipt(
    file: Annotated[Path, typer.Argument(metavar="RECEIPT", help="A receipt, or an answer that holds one.")],
    key: Annotated[Path, typer.Option(help="The gateway's key: the saved answer of /v1/receipt-key.")],
    event: Annotated[Path | None, typer.Option(help="The bytes that were sent.")] = None,
    as_json: Json = False,
) -> None:
    """Verify a receipt: no network, no node, the key you kept. Exit 6: it does not verify."""
    from services.cli.receipts import verified

    told = verified(file, key, event)
    emit(told, as_json=as_json)
    if not told["verifies"]:
        raise typer.Exit(BROKEN)


@app.command()
def quality(
    source: Annotated[str, typer.Option(help="For the operator: whose report.")] = "",
    url: Url = DEFAULT_URL,
    token: TokenFile = None,
    data: DataOrNone = None,
    as_json: Json = False,
) -> None:
    """Report on a source: taken, not taken and why, late, silent, conflicts, letters."""
    with gateway(url, token, data) as client:
        emit(client.get("/v1/quality", source=source), as_json=as_json)


def _walked(document: dict[str, Any]) -> str:
    return f"{document['source']}: first event accepted; files in {document['folder']}"
