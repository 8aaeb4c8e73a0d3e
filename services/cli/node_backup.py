"""`casebus node backup` and `restore`. Part of `casebus node`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from services.cli.output import Json, emit, say

app = typer.Typer()

PASSPHRASE = "CASEBUS_BACKUP_PASSPHRASE"  # noqa: S105 - the variable's name
Data = Annotated[Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory.")]
DEFAULT_DATA = Path(".casebus/data")


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to copy to; empty, or not there yet.")],
    keys: Annotated[
        Path | None, typer.Option("--keys", help="Seal the keys to this file too; keep it elsewhere.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Copy a node, running or not: bus and audit log, without its keys. A stopped node records it."""
    from schemas.clock import SystemClock
    from security.audit.files import write_durably
    from security.keys.sealed_copy import seal
    from services.node import backup as copying
    from services.node.key_files import packed
    from services.node.layout import DataDirectory

    directory = DataDirectory(data)
    directory.name()
    copying.require_empty(folder)
    sealed = seal(packed(directory.keys), _passphrase()) if keys else b""
    recorded = _recorded(data)
    done = copying.backup(directory, folder, SystemClock())
    if keys:
        write_durably(keys, sealed)
    else:
        say("casebus: the keys are NOT in this backup; without them nothing of it can be read or go on")
    document = {"folder": str(folder), "files": done.files, "bytes": done.bytes, "size": done.size}
    emit({**document, "recorded": recorded, "keys": str(keys or "")}, as_json=as_json)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that `backup` wrote.")],
    keys: Annotated[Path | None, typer.Option("--keys", help="The sealed copy of the keys.")] = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="File with the verifier key of the node, got from elsewhere.")
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Restore a node into an empty directory: verified first, then caught up from its replica and recorded."""
    from security.keys.sealed_copy import unseal
    from services.cli.trust import content_of, key_of
    from services.node import backup as copying
    from services.node.key_files import unpacked
    from services.node.layout import DataDirectory

    keystore = unseal(content_of(keys), _passphrase()) if keys else b""
    name = copying.restore(folder, data, key_of(public_key) if public_key else None)
    size = 0
    if keystore:
        unpacked(keystore, DataDirectory(data).keys)
        size = _opened_once(data)
    else:
        say("casebus: put the keys back to keys/ (each file 0600) and start the node: it catches up by itself")
    emit({"node": name.node, "origin": name.origin, "opened": bool(keystore), "size": size}, as_json=as_json)


def _recorded(data: Path) -> bool:
    """Leave a record in a stopped node's log; a running one keeps its log to itself."""
    from security.audit.record import Entry
    from services.node.layout import NodeLockedError
    from services.node.node import open_node

    try:
        node = open_node(data)
    except NodeLockedError:
        return False
    node.audit.append([Entry(act="backup", obj=node.name.node, data={"size": node.audit.size})])
    node.close()
    return True


def _opened_once(data: Path) -> int:
    """Open the restored node, so that it catches up, and record the restoration; return the size of its log."""
    from security.audit.record import Entry
    from services.node.node import open_node

    node = open_node(data)
    node.audit.append([Entry(act="restore", obj=node.name.node, data={"size": node.audit.size})])
    node.close()
    return node.audit.size


def _passphrase() -> str:
    """Take the passphrase from the environment, else ask for it."""
    found = os.environ.get(PASSPHRASE)
    return found if found is not None else str(typer.prompt("passphrase of the keys", hide_input=True))
