"""`casebus officer …`: the officer's desk of a running node. Unlike `casebus audit`, every question is on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.output import Json, emit, fail, language, say

if TYPE_CHECKING:
    import httpx

    from services.cli.gateway_client import GatewayClient

app = typer.Typer(no_args_is_help=True, help="The officer's desk of a node, on record: search, record, export, verify.")

URL = "http://127.0.0.1:8470"
SECONDS = 300.0
WAIT_SECONDS = 0.5
Url = Annotated[str, typer.Option("--url", envvar="CASEBUS_URL", help="The node's loopback address.")]
Account = Annotated[str, typer.Option("--account", envvar="CASEBUS_ACCOUNT", help="Your account at the node.")]
Password = Annotated[
    str, typer.Option(prompt=True, hide_input=True, envvar="CASEBUS_PASSWORD", help="Asked for where it is not given.")
]
Purpose = Annotated[str, typer.Option("--purpose", help="What for: the purpose your account is registered for.")]
Log = Annotated[str, typer.Option("--log", help="One log of the site by its name, such as a release worker's.")]
CaseRef = Annotated[str, typer.Option("--case-ref", help="For which case you ask.")]


@app.command()
def search(
    account: Account,
    password: Password,
    purpose: Purpose,
    case_ref: CaseRef = "",
    act: Annotated[str, typer.Option(help="What was done.")] = "",
    actor: Annotated[str, typer.Option(help="Who did it.")] = "",
    field: Annotated[str, typer.Option(help="Field that was shown, type.field.")] = "",
    event: Annotated[str, typer.Option(help="Id of an event, 32 hex.")] = "",
    sub: Annotated[str, typer.Option(help="Subscription that received.")] = "",
    out: Annotated[str, typer.Option(help="Outcome.")] = "",
    person_key: Annotated[str, typer.Option(envvar="CASEBUS_PERSON_KEY", help="Person key, 66 hex.")] = "",
    of_case: Annotated[str, typer.Option(help="Case reference that the acts are about.")] = "",
    exhaustive: Annotated[bool, typer.Option("--exhaustive", help="Prove that none is left out.")] = False,
    log: Log = "",
    url: Url = URL,
    as_json: Json = False,
) -> None:
    """Search the logs of the site; the search stands in the node's own."""
    asked = {"act": act, "actor": actor, "field": field, "event": event, "sub": sub, "out": out, "of_case": of_case}
    body = {
        "purpose": purpose,
        "case_ref": case_ref,
        "person_key": person_key,
        "exhaustive": exhaustive,
        "log": log,
    } | asked
    with signed_in(url, account, password, as_json=as_json) as node:
        emit(node.post("/audit/search", body), as_json=as_json, show=_hits)


@app.command()
def export(
    seqs: Annotated[list[int], typer.Argument(help="Numbers of records.")],
    out: Annotated[Path, typer.Option("--out", help="Where to write the bundle.")],
    account: Account,
    password: Password,
    purpose: Purpose,
    case_ref: CaseRef = "",
    log: Log = "",
    url: Url = URL,
    as_json: Json = False,
) -> None:
    """Write a bundle for `casebus verify`; the export is on record."""
    import msgspec

    from security.audit.bundle import parse
    from security.audit.files import write_durably

    with signed_in(url, account, password, as_json=as_json) as node:
        body = {"purpose": purpose, "case_ref": case_ref, "seqs": seqs, "log": log}
        document = node.post("/audit/bundle", body)
        # A bundle has one form of bytes; `parse` refuses what is not whole.
        content = msgspec.json.encode(document, order="sorted") + b"\n"
        parse(content)
        write_durably(out, content)
    emit({"file": str(out), "records": len(set(seqs)), "bytes": len(content)}, as_json=as_json)


@app.command()
def verify(
    account: Account,
    password: Password,
    purpose: Purpose,
    level: Annotated[int, typer.Option(min=1, max=4, help="1 heads, 2 tree, 3 records, 4 blobs.")] = 3,
    log: Log = "",
    url: Url = URL,
    as_json: Json = False,
) -> None:
    """Have the node verify a whole log of the site, and wait; exit 6 where it is not what was written and signed."""
    import time

    from schemas.errors import IntegrityError

    with signed_in(url, account, password, as_json=as_json) as node:
        status = node.post("/audit/verification", {"purpose": purpose, "level": level, "log": log})
        while status["state"] == "running":
            say(f"{status['done']} of {status['of']} records")
            time.sleep(WAIT_SECONDS)
            status = node.get("/audit/verification", log=log)
    report = (status["report"] or {}).get(language(), {"ok": False, "faults": [{"text": status["error"]}]})
    emit(report, as_json=as_json)
    if not report["ok"]:
        raise typer.Exit(IntegrityError.exit_code)


@contextmanager
def signed_in(url: str, account: str, password: str, *, as_json: bool) -> Iterator[GatewayClient]:
    """Sign in for one question; refusals leave with their code."""
    from schemas.errors import CasebusError
    from services.cli.gateway_client import GatewayClient

    try:
        with client_of(url) as http:
            http.headers["accept-language"] = language()
            node = GatewayClient(http)
            token = node.post("/desk/login", {"account": account, "password": password})["token"]
            http.headers["authorization"] = f"Bearer {token}"
            yield node
            node.post("/desk/logout")
    except CasebusError as error:
        fail(error, as_json=as_json)


def client_of(url: str) -> httpx.Client:
    """Open a client of the node; no proxy of the environment stands between."""
    import httpx

    return httpx.Client(base_url=url, timeout=SECONDS, trust_env=False)


def _hits(found: Mapping[str, Any]) -> str:
    import json

    how = "every record was read" if found["complete"] else "by the index; --exhaustive proves that none is left out"
    say(f"{found['found']} hits under the head of size {found['size']}; {how}")
    for log in (log for log in found["logs"] if log["why"]):
        say(f"{log['log']}: {log['why'][language()]}")
    return "\n".join(f"{hit['log']} {json.dumps(hit['record'], ensure_ascii=False)}" for hit in found["hits"])
