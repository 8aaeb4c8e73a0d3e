"""`casebus agency`: what a publishing agency needs, from its first token to its quality report."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="For publishing agencies: schema.", rich_markup_mode=None)


@app.command()
def schema(
    event_type: Annotated[str, typer.Argument(metavar="TYPE", help="Event type, such as traffic.fine.created.")],
) -> None:
    """Print the Avro schema in which a container file of this type's events is written."""
    from schemas.catalogue import Contracts
    from schemas.submission import schema_of

    sys.stdout.write(json.dumps(schema_of(Contracts.load().by_type(event_type)), ensure_ascii=False, indent=1) + "\n")
