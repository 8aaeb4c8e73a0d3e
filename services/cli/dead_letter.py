"""`casebus dead-letter`: one's own dead letters, or every one as the operator of a running node."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from services.cli.gateway_client import DEFAULT_URL, DataOrNone, TokenFile, Url, gateway
from services.cli.output import Json, emit

app = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, redrive, close.", rich_markup_mode=None)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The letter's number.")]
NOT_PASSED = 1


@app.command("list")
def list_(
    source: Annotated[str, typer.Option(help="For the operator: whose letters.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
    url: Url = DEFAULT_URL,
    token: TokenFile = None,
    data: DataOrNone = None,
    as_json: Json = False,
) -> None:
    """List the letters that are open, oldest first."""
    rows: list[dict[str, Any]] = []
    with gateway(url, token, data) as client:
        after = -1
        while page := client.get("/v1/dead-letters", after=after, limit=500, source=source)["letters"]:
            rows += [row for row in page if every or row["state"] == "open"]
            after = page[-1]["number"]
    emit({"count": len(rows), "letters": rows}, as_json=as_json, show=_listed)


@app.command()
def show(
    number: Number, url: Url = DEFAULT_URL, token: TokenFile = None, data: DataOrNone = None, as_json: Json = False
) -> None:
    """Explain a letter: why it lies there, whether it would pass now, what to do next."""
    with gateway(url, token, data) as client:
        emit(client.get(f"/v1/dead-letters/{number}"), as_json=as_json, show=_explained)


@app.command()
def redrive(
    number: Number, url: Url = DEFAULT_URL, token: TokenFile = None, data: DataOrNone = None, as_json: Json = False
) -> None:
    """Send a letter on its way after what stopped it was mended; it takes effect once. Exit 1: it does not pass yet."""
    with gateway(url, token, data) as client:
        told = client.post(f"/v1/dead-letters/{number}/redrive")
    emit(told, as_json=as_json, show=_explained)
    if told["state"] != "redriven":
        raise typer.Exit(NOT_PASSED)


@app.command()
def close(
    number: Number,
    reason: Annotated[str, typer.Option(help="corrected, duplicate, withdrawn, not_ours or other.")],
    url: Url = DEFAULT_URL,
    token: TokenFile = None,
    data: DataOrNone = None,
    as_json: Json = False,
) -> None:
    """Close a letter of which nothing will come; it is kept."""
    with gateway(url, token, data) as client:
        told = client.post(f"/v1/dead-letters/{number}/close", {"reason": reason})
    emit(told, as_json=as_json, show=_explained)


def _listed(document: dict[str, Any]) -> str:
    rows = [
        f"{row['number']:>6}  {row['state']:9} {row['code']:28} {row.get('type', '')}  {row['event']}"
        for row in document["letters"]
    ]
    return "\n".join([*rows, f"letters: {document['count']}"])


def _explained(told: dict[str, Any]) -> str:
    head = [f"letter {told['number']}: {told['state']}", f"event {told['event']}", f"{told['code']}: {told['message']}"]
    faults = [
        f"  {fault['path']}: {fault['en']} ({fault['hint_en']})" for fault in told.get("now", {}).get("faults", [])
    ]
    return "\n".join([*head, *faults, *([f"→ {told['next']}"] if "next" in told else [])])
