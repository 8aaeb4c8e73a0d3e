"""`casebus audit watch`: follow another agency's log and verify everything it shows. Part of `casebus audit`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from services.cli.output import Json, emit, fail, say
from services.cli.trust import Key, PolicyFile, policy_of

app = typer.Typer()


@app.command()
def watch(
    place: Annotated[
        str, typer.Argument(metavar="LOG", help="Address or folder of its tiles, or its directory of segments.")
    ],
    state: Annotated[Path, typer.Option("--state", help="What the watcher remembers of this log.")],
    every: Annotated[float, typer.Option(min=0, help="Look again after so many seconds; 0: once.")] = 0.0,
    evidence: Annotated[Path, typer.Option(help="Where to write the evidence of a fork.")] = Path("fork.json"),
    public_key: Key = None,
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Verify each new head, the records below it and that it continues the last one; exit 6 on a fork or a fault."""
    from schemas.errors import CasebusError, UnavailableError
    from security.audit.files import write_durably
    from services.auditor.errors import ForkedError
    from services.auditor.log_source import source_of
    from services.auditor.watching import LogWatch

    try:
        trusted = policy_of(policy, public_key)
        follower = LogWatch(state, trusted, source_of(place, trusted))
        while True:
            try:
                seen = follower.look()
            except UnavailableError as error:
                if not every:
                    raise
                say(f"casebus: {error.code}, looking again in {every:g} s")
            else:
                emit({"before": seen.before, "size": seen.size, "cosigned": seen.cosigned}, as_json=as_json)
            if not every:
                return
            time.sleep(every)
    except ForkedError as error:
        write_durably(evidence, error.evidence.content)
        say(f"casebus: evidence written to {evidence}")
        fail(error, as_json=as_json)
    except CasebusError as error:
        fail(error, as_json=as_json)
