"""`casebus subscription`: who receives what on whose approval; tokens and keys for receivers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.output import Json, emit, say

app = typer.Typer(
    no_args_is_help=True, help="Subscriptions of a node: list, approve, token, key.", rich_markup_mode=None
)

Data = Annotated[Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory.")]
Name = Annotated[str, typer.Argument(metavar="ID", help="Id of the subscription.")]


@app.command("list")
def list_(data: Data = Path(".casebus/data"), as_json: Json = False) -> None:
    """List the subscriptions: for whom, what for, until when, and who approved each. The node may be running."""
    from services.node.looking import control_state
    from services.node.subscriptions import listed

    emit({"subscriptions": listed(control_state(data))}, as_json=as_json, show=_show)


@app.command()
def approve(
    subscription: Name,
    site: Annotated[Path, typer.Option("--site", help="Reviewed site file that says what is to be approved.")],
    approver: Annotated[list[str], typer.Option("--approver", help="Account that approves; once for each person.")],
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """Let two people approve what a site file gives a subscription; each types a password. The node must be stopped."""
    from schemas.catalogue import Contracts
    from services.node.approving import approve as approve_in
    from services.node.node import open_node
    from services.node.site import Site

    wanted = Site.load(site, Contracts.load())
    node = open_node(data)
    try:
        named = [(account, typer.prompt(f"password of {account}", hide_input=True, err=True)) for account in approver]
        what = approve_in(node, wanted, subscription, named)
        document = {
            "subscription": subscription,
            "widens": list(what),
            "approvers": approver,
            "epoch": node.control.epoch,
        }
        emit(document, as_json=as_json)
    finally:
        node.close()


@app.command()
def token(
    subscription: Name,
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke the tokens it has instead.")] = False,
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """Give a receiver a token for its views; it is shown this once. The node must be stopped: the act is audited."""
    from services.node.node import open_node
    from services.node.tokens import issue_to_subscription, withdraw_from_subscription

    node = open_node(data)
    try:
        if revoke:
            gone = withdraw_from_subscription(node, subscription)
            emit({"subscription": subscription, "revoked": gone}, as_json=as_json)
        else:
            given = issue_to_subscription(node, subscription)
            emit({"subscription": subscription, "token": given}, as_json=as_json)
    finally:
        node.close()


@app.command()
def key(
    subscription: Name,
    out: Annotated[Path, typer.Option("--out", help="File to write, readable by its owner alone.")],
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """Write the key that opens the sealed part of a subscription's views. The node must be stopped: it is audited."""
    from security.private_file import PrivateFile
    from services.node.node import open_node
    from services.node.tokens import hand_out_key

    node = open_node(data)
    try:
        PrivateFile(out).write(hand_out_key(node, subscription).key.hex().encode() + b"\n")
    finally:
        node.close()
    say(f"casebus: wrote {out.name}; give it to the receiver by a way of its own, and keep no copy")
    emit({"subscription": subscription, "file": out.name}, as_json=as_json)


def _show(document: Any) -> str:
    lines = []
    for each in document["subscriptions"]:
        lines.append(f"{each['id']}  → {each['organisation']}, {each['delivers']}, until {each['expires'] or '-'}")
        lines.append(f"    {each['purpose']}: {each['basis']}")
        types = ", ".join(each["types"]) or "as the active models ask"
        lines.append(f"    {types}")
        by = ", ".join(each["approvers"])
        lines.append(f"    approved by {by}, epoch {each['epoch']}, audit record {each['audit_seq']}")
    return "\n".join(lines)
