"""`casebus audit retention …`: for how long the log is kept, and letting its oldest segments go. ADR 0020.

The node must be stopped. Whoever acts signs in with the account's password; every step is a record of the audit log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.audit_erasure import DEFAULT_DATA, By, Data, Password, asked_password
from services.cli.output import Json, emit, fail

if TYPE_CHECKING:
    from services.node.retention import Retaining

app = typer.Typer(no_args_is_help=True, help="Retention of the log: policy, holds, retirement by two persons.")

Step = Callable[["Retaining"], dict[str, Any]]


@app.command()
def show(by: By, password_file: Password = None, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Show policy, holds, what waits for approval, and the oldest segments up to the first that must stay."""

    def step(retaining: Retaining) -> dict[str, Any]:
        state = retaining.state()
        lines = retaining.lines() if state["policy"] else []
        segments = [{**line._asdict(), "ends": _day(line.ends)} for line in lines]
        return {**state, "segments": segments}

    _do(data, by, password_file, step, as_json=as_json, text=_shown)


@app.command()
def policy(
    file: Annotated[Path, typer.Argument(help="JSON: default (years), acts (act → years), archive (a folder).")],
    by: By,
    password_file: Password = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Propose a policy; another person approves it."""

    def step(retaining: Retaining) -> dict[str, Any]:
        retaining.propose_policy(_read(file))
        return {"proposed": "policy"}

    _do(data, by, password_file, step, as_json=as_json)


@app.command()
def propose(by: By, password_file: Password = None, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Propose that the segments go whose time has come; another person approves it."""
    _do(data, by, password_file, lambda r: {"proposed": "segments", "until": r.propose()}, as_json=as_json)


@app.command()
def approve(
    by: By,
    seen: Annotated[str, typer.Option(help="Digest by which `show` showed it: refused where it is another now.")] = "",
    password_file: Password = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Approve what another person proposed: a policy, or segments for `run`."""
    _do(data, by, password_file, lambda r: {"approved": r.approve(seen)}, as_json=as_json)


@app.command()
def hold(
    ref: Annotated[str, typer.Argument(help="Number of the document that orders it.")],
    by: By,
    case: Annotated[str, typer.Option(help="Only records of this case: its keyed digest, 64 hex.")] = "",
    since: Annotated[datetime | None, typer.Option(help="Only records from this time on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Only records up to this time, UTC.")] = None,
    password_file: Password = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Set a legal hold: no segment with a record that it touches can go."""

    def step(retaining: Retaining) -> dict[str, Any]:
        from security.audit.retention import FOREVER

        retaining.hold(ref, case, _us(since, 0), _us(until, FOREVER))
        return {"held": ref}

    _do(data, by, password_file, step, as_json=as_json)


@app.command()
def lift(
    ref: Annotated[str, typer.Argument(help="Number of the document that ordered it.")],
    by: By,
    password_file: Password = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Lift a legal hold; not by whoever set it."""

    def step(retaining: Retaining) -> dict[str, Any]:
        retaining.lift(ref)
        return {"lifted": ref}

    _do(data, by, password_file, step, as_json=as_json)


@app.command()
def run(by: By, password_file: Password = None, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Let go what two persons approved: archive, hashes that stay, record, files. Run it again where it was cut off."""
    from schemas.errors import CasebusError
    from services.node.layout import DataDirectory
    from services.node.retention import tidy

    def step(retaining: Retaining) -> dict[str, Any]:
        seq, gone = retaining.run()
        return {"record": seq, "segments": [each.first for each in gone], "until": gone[-1].kept.end if gone else None}

    document = _done(data, by, password_file, step, as_json=as_json)
    try:
        tidy(DataDirectory(data))
    except CasebusError as error:
        fail(error, as_json=as_json)
    emit(document, as_json=as_json)


def _do(
    data: Path,
    by: str,
    password_file: Path | None,
    step: Step,
    *,
    as_json: bool,
    text: Callable[[Mapping[str, Any]], str] | None = None,
) -> None:
    emit(_done(data, by, password_file, step, as_json=as_json), as_json=as_json, show=text)


def _done(data: Path, by: str, password_file: Path | None, step: Step, *, as_json: bool) -> dict[str, Any]:
    """Open the stopped node, sign in, do one step, and return what it says."""
    from schemas.errors import CasebusError
    from security.identity.accounts import SignInError
    from services.node.node import open_node
    from services.node.retention import Retaining

    password = asked_password(password_file)
    try:
        node = open_node(data)
        try:
            token = node.signed_in.sign_in(by, password)
            person = node.signed_in.person(token)
            if person is None:
                raise SignInError
            document = step(Retaining(node, person))
            node.signed_in.sign_out(token)
        finally:
            node.close()
    except CasebusError as error:
        fail(error, as_json=as_json)
    return document


def _read(file: Path) -> dict[str, Any]:
    from security.audit.retention import RetentionFormError

    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RetentionFormError(what=file.name) from None
    if not isinstance(body, dict):
        raise RetentionFormError(what=file.name)
    return body


def _us(moment: datetime | None, default: int) -> int:
    return default if moment is None else int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000


def _day(moment: int) -> str:
    from security.audit.retention import FOREVER

    return "" if moment >= FOREVER else datetime.fromtimestamp(moment // 1_000_000, UTC).date().isoformat()


def _shown(said: Mapping[str, Any]) -> str:
    lines = [f"policy    {json.dumps(said['policy'])}  approved by {', '.join(said['approvers']) or 'nobody'}"]
    lines += [f"hold      {hold['ref']} by {hold['by']}" for hold in said["holds"]]
    lines += [f"{name}  {json.dumps(said[name])}" for name in ("proposed", "approved") if said[name]]
    lines += [f"          --seen {said['seen']}"] if said["seen"] else []
    lines += [
        f"segment   {each['first']}–{each['first'] + each['records'] - 1}  until {each['ends']}  "
        f"{each['stays'] or 'may go'}"
        for each in said["segments"]
    ]
    return "\n".join(lines)
