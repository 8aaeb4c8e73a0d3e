"""`casebus verify BUNDLE`: verify evidence with no network, no database and no node; keys come from the caller."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.output import Json, emit, fail, language
from services.cli.trust import Key, PolicyFile, content_of, policy_of

app = typer.Typer(help="Verify an evidence bundle.", rich_markup_mode=None)


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="File that `casebus audit export` or `prove --out` wrote.")],
    public_key: Key = None,
    policy: PolicyFile = None,
    own_policy: Annotated[bool, typer.Option("--own-policy", help="Judge by your policy alone.")] = False,
    as_json: Json = False,
) -> None:
    """Verify a bundle; exit 6 where it does not hold, and say why."""
    from schemas.errors import CasebusError, IntegrityError
    from security.audit.bundle import verify_bundle

    try:
        trusted = policy_of(policy, public_key)
        content = content_of(bundle)
    except CasebusError as error:
        fail(error, as_json=as_json)
    try:
        proved = verify_bundle(content, trusted, own_policy=own_policy).as_dict()
    except IntegrityError as error:
        emit(_refused(error, bundle), as_json=as_json, show=_show)
        raise typer.Exit(error.exit_code) from None
    emit(proved, as_json=as_json, show=_show)


def _refused(error: Any, bundle: Path) -> dict[str, Any]:
    """Say what is wrong in the form of `audit verify`."""
    fault = {
        "kind": error.code,
        "seq": error.fields.get("seq", 0),
        "file": bundle.name,
        "offset": 0,
        "text": error.message(language()),
        "hint": error.hint(language()),
    }
    return {"ok": False, "records": 0, "size": 0, "root": "", "faults": [fault]}


def _show(report: Mapping[str, Any]) -> str:
    if not report["ok"]:
        fault = report["faults"][0]
        return f"NOT OK  {fault['kind']}: {fault['text']}\n  → {fault['hint']}"
    lines = [f"ok: {report['records']} records of {report['origin']}", f"size {report['size']}, root {report['root']}"]
    if report["since"] is not None:
        lines.append(f"continues the earlier head of size {report['since']}")
    lines.append(f"cosigned by: {', '.join(sorted(report['cosigned'])) or 'nobody; your policy asks for none'}")
    return "\n".join(lines)
