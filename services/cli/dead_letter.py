"""`casebus dead-letter`: one's own, as a keeper those of others, or every one as the operator of a running node."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.gateway_client import DEFAULT_URL, DataOrNone, GatewayClient, TokenFile, Url, gateway
from services.cli.output import Json, emit

app = typer.Typer(no_args_is_help=True, help="Dead letters: list, show, redrive, close.", rich_markup_mode=None)

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The letter's number.")]
Account = Annotated[
    str, typer.Option("--account", envvar="CASEBUS_ACCOUNT", help="As a person who keeps letters; a password is typed.")
]
NOT_PASSED = 1


@app.command("list")
def list_(
    source: Annotated[str, typer.Option(help="For the operator: whose letters.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Settled ones too.")] = False,
    url: Url = DEFAULT_URL,
    token: TokenFile = None,
    data: DataOrNone = None,
    account: Account = "",
    as_json: Json = False,
) -> None:
    """List the letters that are open, oldest first."""
    rows: list[dict[str, Any]] = []
    with _at(url, token, data, account, as_json=as_json) as client:
        after = -1
        while page := client.get("/v1/dead-letters", after=after, limit=500, source=source)["letters"]:
            rows += [row for row in page if every or row["state"] == "open"]
            after = page[-1]["number"]
    emit({"count": len(rows), "letters": rows}, as_json=as_json, show=_listed)


@app.command()
def show(
    number: Number,
    url: Url = DEFAULT_URL,
    token: TokenFile = None,
    data: DataOrNone = None,
    account: Account = "",
    as_json: Json = False,
) -> None:
    """Explain a letter: why it lies there, whether it would pass now, what to do next."""
    with _at(url, token, data, account, as_json=as_json) as client:
        emit(client.get(f"/v1/dead-letters/{number}"), as_json=as_json, show=_explained)


@app.command()
def redrive(
    number: Number,
    url: Url = DEFAULT_URL,
    token: TokenFile = None,
    data: DataOrNone = None,
    account: Account = "",
    as_json: Json = False,
) -> None:
    """Send a letter on its way after what stopped it was mended; it takes effect once. Exit 1: it does not pass yet."""
    with _at(url, token, data, account, as_json=as_json) as client:
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
    account: Account = "",
    as_json: Json = False,
) -> None:
    """Close a letter of which nothing will come; it is kept."""
    with _at(url, token, data, account, as_json=as_json) as client:
        told = client.post(f"/v1/dead-letters/{number}/close", {"reason": reason})
    emit(told, as_json=as_json, show=_explained)


@contextmanager
def _at(url: str, token: Path | None, data: Path | None, account: str, *, as_json: bool) -> Iterator[GatewayClient]:
    """Open a client by what was named: an account, a token, or a data directory."""
    if not account:
        with gateway(url, token, data) as client:
            yield client
        return
    from services.cli.officer import signed_in

    password = os.environ.get("CASEBUS_PASSWORD") or typer.prompt(f"password of {account}", hide_input=True, err=True)
    with signed_in(url, account, password, as_json=as_json) as client:
        yield client


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
