"""`casebus subscription ask|requests|withdraw` for agencies, `review` for the people of a node who decide."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.gateway_client import DEFAULT_URL, TokenFile, Url, gateway
from services.cli.output import Json, emit, language, say

app = typer.Typer(rich_markup_mode=None)

PLACE = "/v1/subscription-requests"
DESK = "/desk/subscription-requests"
Number = Annotated[str, typer.Argument(metavar="REQUEST", help="Id of the request.")]


@app.command()
def ask(
    file: Annotated[Path, typer.Argument(metavar="WISH.yaml", help="What is wanted; see docs/receiving.md.")],
    url: Url = DEFAULT_URL,
    token: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Ask for a subscription; the answer says what it would get, what not and why, and how many must approve."""
    import yaml

    from services.cli.trust import content_of

    wish = yaml.safe_load(content_of(file))
    with gateway(url, token) as client:
        emit(client.post(PLACE, wish), as_json=as_json, show=_shown)


@app.command()
def requests(url: Url = DEFAULT_URL, token: TokenFile = None, as_json: Json = False) -> None:
    """List the requests of your organisation."""
    with gateway(url, token) as client:
        emit(client.get(PLACE), as_json=as_json, show=_listed)


@app.command()
def withdraw(number: Number, url: Url = DEFAULT_URL, token: TokenFile = None, as_json: Json = False) -> None:
    """Take a request back that is pending."""
    with gateway(url, token) as client:
        emit(client.post(f"{PLACE}/{number}/withdraw"), as_json=as_json, show=_shown)


@app.command()
def review(
    account: Annotated[str, typer.Option("--account", envvar="CASEBUS_ACCOUNT", help="Your account at the node.")],
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, envvar="CASEBUS_PASSWORD", help="Asked for where not given.")
    ],
    number: Annotated[str, typer.Argument(metavar="REQUEST", help="Which; without it all are listed.")] = "",
    approve: Annotated[bool, typer.Option("--approve", help="Approve exactly what is shown here.")] = False,
    decline: Annotated[str, typer.Option(help="Decline it: basis, purpose, too_wide, agreement or other.")] = "",
    url: Url = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """See what agencies ask for, field by field, and decide; the node must be running."""
    from services.cli.officer import signed_in

    with signed_in(url, account, password, as_json=as_json) as node:
        if not number:
            emit(node.get(DESK), as_json=as_json, show=_listed)
            return
        told = node.get(f"{DESK}/{number}")
        if approve or decline:
            say(_shown(told))
            act, body = ("decline", {"reason": decline}) if decline else ("approve", {"seen": told["seen"]})
            told = node.post(f"{DESK}/{number}/{act}", body)
        emit(told, as_json=as_json, show=_shown)


def _listed(document: dict[str, Any]) -> str:
    rows = [f"{r['request']}  {r['state']:9}  {r['subscription']}  {r['purpose']}" for r in document["requests"]]
    return "\n".join([*rows, f"requests: {len(rows)}"])


def _shown(told: dict[str, Any]) -> str:
    wish, lang = told["wish"], language()
    lines = [
        f"request {told['request']}: {told['state']}",
        f"{told['subscription']} → {told['organisation']}, {wish['purpose']}: {wish['basis']}",
        f"  agreements: {', '.join(wish['agreements']) or '-'}",
        f"  districts: {', '.join(wish['districts'])}; until {wish['expires']}; clearance {wish['clearance']}",
    ]
    for kind in told["gets"]:
        lines.append(f"  {kind['type']} ({kind['share']})")
        for row in kind["fields"]:
            why = f"  [{row['reason']}] {row['why'][lang]}" if row["reason"] else ""
            lines.append(f"    {row['given']:12} {row['field']} (level {row['level']}){why}")
    lines.append(f"  widens: {', '.join(told['widens']) or 'nothing'}")
    lines.append(f"  approved by {', '.join(told['approved_by']) or 'nobody'}; {told['needs']} needed")
    return "\n".join(lines)
