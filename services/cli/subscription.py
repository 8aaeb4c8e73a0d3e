"""`casebus subscription`: who receives what on whose approval; tokens and keys for receivers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli import subscription_asking
from services.cli.output import Json, emit, language, say
from services.node.acting import OPERATION, OPERATOR

app = typer.Typer(
    no_args_is_help=True,
    help="Subscriptions of a node: list, ask, review, approve, token, key, end.",
    rich_markup_mode=None,
)

app.add_typer(subscription_asking.app)

Data = Annotated[Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory.")]
Actor = Annotated[str, typer.Option("--actor", help="Who does it, as the audit record will name you.")]
Purpose = Annotated[str, typer.Option("--purpose", help="What for, as the audit record will say; a code.")]
Name = Annotated[str, typer.Argument(metavar="ID", help="Id of the subscription.")]


@app.command("list")
def list_(data: Data = Path(".casebus/data"), as_json: Json = False) -> None:
    """List the subscriptions: for whom, what for, until when, and who approved each. The node may be running."""
    from schemas.catalogue import Contracts
    from services.node.looking import control_state
    from services.node.subscriptions import listed

    emit({"subscriptions": listed(control_state(data), Contracts.load())}, as_json=as_json, show=_show)


@app.command()
def approve(
    subscription: Name,
    site: Annotated[Path, typer.Option("--site", help="Reviewed site file that says what is to be approved.")],
    approver: Annotated[list[str], typer.Option("--approver", help="Account that approves; once for each person.")],
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """Let two people approve what a site file gives a subscription; each types a password. The node may be running."""
    from schemas.catalogue import Contracts
    from services.node.establishment import subscription_body
    from services.node.site import Site
    from services.node.subscription_operations import subscriptions_at
    from services.node.subscriptions import UnknownSubscriptionError

    wanted = Site.load(site, Contracts.load())
    found = next((each for each in wanted.subscriptions if each.id == subscription), None)
    if found is None:
        raise UnknownSubscriptionError(subscription=subscription)
    with subscriptions_at(data) as node:
        named = [(account, typer.prompt(f"password of {account}", hide_input=True, err=True)) for account in approver]
        told = node.approve(subscription, subscription_body(found), named)
    document = {"subscription": subscription, "widens": told["widens"], "approvers": approver, "epoch": told["epoch"]}
    emit(document, as_json=as_json)


@app.command()
def token(
    subscription: Name,
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke the tokens it has instead.")] = False,
    actor: Actor = OPERATOR,
    purpose: Purpose = OPERATION,
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """Give a receiver a token for its views; it is shown this once. The node may be running: the act is audited."""
    from services.node.acting import By
    from services.node.subscription_operations import subscriptions_at

    by = By(actor, purpose)
    with subscriptions_at(data) as node:
        if revoke:
            emit({"subscription": subscription, "revoked": node.withdraw(subscription, by)}, as_json=as_json)
        else:
            emit({"subscription": subscription, "token": node.issue(subscription, by)}, as_json=as_json)


@app.command()
def key(
    subscription: Name,
    out: Annotated[Path, typer.Option("--out", help="File to write, readable by its owner alone.")],
    actor: Actor = OPERATOR,
    purpose: Purpose = OPERATION,
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """Write the key that opens the sealed part of a subscription's views. The node may be running: it is audited."""
    from security.private_file import PrivateFile
    from services.node.acting import By
    from services.node.subscription_operations import subscriptions_at

    with subscriptions_at(data) as node:
        PrivateFile(out).write(node.key(subscription, By(actor, purpose)).encode() + b"\n")
    say(f"casebus: wrote {out.name}; give it to the receiver by a way of its own, and keep no copy")
    emit({"subscription": subscription, "file": out.name}, as_json=as_json)


@app.command()
def end(
    subscription: Name,
    actor: Actor = OPERATOR,
    purpose: Purpose = OPERATION,
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """End a subscription: nothing is decided for it from the next epoch on. The node may be running: it is audited."""
    from services.node.acting import By
    from services.node.subscription_operations import subscriptions_at

    with subscriptions_at(data) as node:
        emit({"subscription": subscription, "epoch": node.end(subscription, By(actor, purpose))}, as_json=as_json)


@app.command()
def invite(
    organisation: Annotated[str, typer.Argument(metavar="ORGANISATION", help="Id of the organisation.")],
    actor: Actor = OPERATOR,
    purpose: Purpose = OPERATION,
    data: Data = Path(".casebus/data"),
    as_json: Json = False,
) -> None:
    """Give an organisation a token that reads the catalogue and asks for subscriptions; it is shown this once."""
    from services.node.acting import By
    from services.node.subscription_operations import subscriptions_at

    with subscriptions_at(data) as node:
        emit({"organisation": organisation, "token": node.invite(organisation, By(actor, purpose))}, as_json=as_json)


def _show(document: Any) -> str:
    lines = []
    for each in document["subscriptions"]:
        lines.append(f"{each['id']}  → {each['organisation']}, {each['delivers']}, until {each['expires'] or '-'}")
        lines.append(f"    {each['purpose']}: {each['basis']}")
        types = ", ".join(each["types"]) or "as the active models ask"
        lines.append(f"    {types}")
        by = ", ".join(each["approvers"])
        lines += [f"    waits for an approval: {field[language()]}" for field in each["waiting"]]
        lines.append(f"    approved by {by}, epoch {each['epoch']}, audit record {each['audit_seq']}")
    return "\n".join(lines)
