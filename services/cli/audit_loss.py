"""`casebus audit accept-loss` and `sm3`. Part of `casebus audit`."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.output import Json, emit, fail
from services.cli.trust import DEFAULT_DATA, Data, Key, PolicyFile, policy_of

app = typer.Typer()


@app.command("accept-loss")
def accept_loss(
    approver: Annotated[list[str], typer.Option("--approver", help="Who approved it; once for each of two persons.")],
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Go on with a log that lost records for good: every lost number says so; a head over them is kept aside."""
    from schemas.errors import CasebusError
    from services.node.layout import DataDirectory
    from services.node.loss import accept_loss_of

    try:
        loss = accept_loss_of(DataDirectory(data), approver)
    except CasebusError as error:
        fail(error, as_json=as_json)
    emit({"first": loss.first, "until": loss.until, "lost": loss.until - loss.first}, as_json=as_json)


@app.command()
def sm3(
    data: Data = DEFAULT_DATA,
    public_key: Key = None,
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Print the SM3 head over the records that the newest head covers, after that head was checked."""
    from schemas.errors import CasebusError
    from security.audit.evidence import Evidence
    from security.audit.sm3 import head_over

    try:
        evidence = Evidence.open(data / "audit", policy_of(policy, public_key, data / "audit"))
        head = head_over(evidence)
    except CasebusError as error:
        fail(error, as_json=as_json)
    emit({"origin": head.origin, "size": head.size, "root": head.root.hex()}, as_json=as_json)
